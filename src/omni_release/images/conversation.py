"""Several turns on one image. Frozen: a turn that fails cannot leave a trace."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from omni_release.images.errors import InvalidRequest
from omni_release.images.model import Document, ImageRequest, ImageResult, Part, check_text


@dataclass(frozen=True)
class Turn(Document):
    """What was said, and the whole answer to it, with each part's signature."""

    said: tuple[str, ...]
    answer: tuple[Part, ...] = field(repr=False)

    @property
    def size(self) -> int:
        """Bytes of all that it holds."""
        return sum(map(len, self.said)) + sum(part.size for part in self.answer)


@dataclass(frozen=True)
class Conversation(Document):
    """The turns so far. The oldest ones are left out where there are more than `most_turns`, or `most_bytes`.

    The API takes requests of about 20 MB, and base64 makes a third more of the bytes: hence 14 MB. `aspect_ratio` and
    `size` are those of the first request, and are sent with each turn.
    """

    turns: tuple[Turn, ...] = ()
    aspect_ratio: str = ""
    size: str = ""
    most_turns: int = 8
    most_bytes: int = 14_000_000

    @classmethod
    def start(cls, request: ImageRequest, result: ImageResult) -> Conversation:
        """A conversation about an image that `generate` made."""
        from omni_release.images.requests import texts

        first = Turn(texts(request), result.parts)
        return cls((first,), request.aspect_ratio, request.size)._bounded()

    def after(self, result: ImageResult) -> Conversation:
        """The conversation with one turn more: the one that `refine` has just answered with `result`."""
        return replace(self, turns=(*self.turns, Turn((result.prompt,), result.parts)))._bounded()

    def _bounded(self) -> Conversation:
        turns = self.turns[-self.most_turns :]
        while len(turns) > 1 and sum(turn.size for turn in turns) > self.most_bytes:
            turns = turns[1:]
        return replace(self, turns=turns)

    def check(self, instruction: str) -> None:
        """Raises InvalidRequest where no call could succeed."""
        if not instruction.strip():
            raise InvalidRequest("the instruction is empty", "Say what should be different.")
        check_text("instruction", instruction)
        if not self.turns or not any(part.image for turn in self.turns for part in turn.answer):
            raise InvalidRequest("there is no image to refine", "Begin with Conversation.start(request, result).")
        if (size := self.turns[-1].size) > self.most_bytes:
            raise InvalidRequest(
                f"the last image and its signatures have {size} bytes; {self.most_bytes} can be sent",
                "Generate it in a smaller size, then refine.",
            )
