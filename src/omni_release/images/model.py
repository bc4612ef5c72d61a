"""What is asked for and what came: frozen, typed, no I/O, and nothing heavy to import."""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field
from typing import Self

from omni_release.images import codec
from omni_release.images.errors import InvalidRequest

RATIOS = ("1:1", "2:3", "3:2", "3:4", "4:3", "4:5", "5:4", "9:16", "16:9", "21:9")
"""The aspect ratios that both GA models take (Gemini API, image generation, 2026-09)."""

SIZES = ("1K", "2K", "4K")
"""The sizes that both GA models take; the flash models know "512" besides, which pro answers with a 400."""

LARGEST_BATCH = 4

_LONGEST_PROMPT = 60_000


class Document:
    """What can be written as JSON and read again without loss."""

    def to_json(self) -> str:
        """JSON; bytes are URL-safe base64, as the SDK dumps them."""
        return codec.to_json(self)

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """What `to_json` wrote. Raises InvalidRequest where it is something else."""
        return codec.from_json(cls, text)


@dataclass(frozen=True)
class ImageRequest(Document):
    """One image, or a batch of `count`.

    `aspect_ratio` and `size` are the preset's where they are not given. `context` is material to draw from: it is sent
    as data, never as instructions. Raises InvalidRequest where no call could succeed.
    """

    prompt: str
    preset: str = "custom"
    aspect_ratio: str = ""
    size: str = ""
    count: int = 1
    context: str = ""

    def __post_init__(self) -> None:
        if not isinstance(self.prompt, str) or not self.prompt.strip():
            raise InvalidRequest("the prompt is empty", "Say what the image should show.")
        if not isinstance(self.context, str):
            raise InvalidRequest(f"the context is of type {type(self.context).__name__}", "Give it as one string.")
        check_text("prompt", self.prompt)
        check_text("context", self.context)
        if len(self.prompt) + len(self.context) > _LONGEST_PROMPT:
            raise InvalidRequest(
                f"prompt and context have {len(self.prompt) + len(self.context)} characters",
                f"The models read about {_LONGEST_PROMPT}: shorten the context.",
            )
        preset = named(self.preset)
        object.__setattr__(self, "aspect_ratio", self.aspect_ratio or preset.aspect_ratio)
        object.__setattr__(self, "size", self.size or preset.size)
        _one_of("aspect ratio", self.aspect_ratio, RATIOS)
        _one_of("size", self.size, SIZES)
        if type(self.count) is not int or not 1 <= self.count <= LARGEST_BATCH:
            raise InvalidRequest(f"a batch of {self.count!r} images", f"Ask for 1 to {LARGEST_BATCH}.")


def check_text(what: str, text: str) -> None:
    """Raises InvalidRequest where a text cannot be sent: half of a surrogate pair is no character."""
    if codec.printable(text) != text:
        raise InvalidRequest(
            f"the {what} has a lone surrogate, which is no character", "Was it read with another encoding than its own?"
        )


def _one_of(what: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise InvalidRequest(f"there is no {what} {value!r}", f"Take one of {', '.join(known)}.")


@dataclass(frozen=True)
class Part(Document):
    """One part of a model's answer, as it must be sent back in the next turn.

    A part has text, or an image with its `mime_type`; `signature` are the bytes of its thoughtSignature.
    """

    text: str = ""
    image: bytes | None = field(default=None, repr=False)
    mime_type: str = ""
    signature: bytes | None = field(default=None, repr=False)
    thought: bool = False

    @property
    def size(self) -> int:
        """Bytes of all that it holds."""
        return len(self.text) + len(self.image or b"") + len(self.signature or b"")


@dataclass(frozen=True)
class Usage(Document):
    """Tokens, from usageMetadata. The details of an answer do not sum up; `total` = prompt + candidates + thoughts."""

    prompt: int = 0
    candidates: int = 0
    image: int = 0
    thoughts: int = 0
    total: int = 0


@dataclass(frozen=True)
class Attempt(Document):
    """One call: to which model, when, how long it took (seconds), what came of it, and why what followed, followed."""

    model: str
    started: datetime.datetime
    seconds: float
    came: str
    next: str
    why: str
    message: str = ""
    wait: float = 0.0


@dataclass(frozen=True)
class ImageResult(Document):
    """An image, and how it came about.

    `mime_type`, `width` and `height` are read from `data`, which is proved to decode. `model_requested` is what the
    caller asked for, `model_answered` what the service says has answered; `warnings` say aloud what is not as asked.
    `cost_usd` is None where the price is not known; `cost_from` is "usage" or "price per image". `parts` is the whole
    answer, to be sent back in the next turn; `signature` belongs to the image's own part.
    """

    prompt: str
    data: bytes = field(repr=False)
    mime_type: str
    width: int
    height: int
    model_requested: str
    model_answered: str
    finish_reason: str
    latency_seconds: float
    cost_usd: float | None
    cost_from: str
    usage: Usage | None
    signature: bytes | None = field(default=None, repr=False)
    text: str = ""
    parts: tuple[Part, ...] = field(default=(), repr=False)
    attempts: tuple[Attempt, ...] = ()
    warnings: tuple[str, ...] = ()
    response_id: str = ""
    retirement: datetime.datetime | None = None


@dataclass(frozen=True)
class ModelInfo(Document):
    """A model that the service lists. Listed is not callable: only `probe` proves a model."""

    name: str
    display_name: str
    methods: tuple[str, ...]


@dataclass(frozen=True)
class Availability(Document):
    """What a probe found. `why` says why it is not available; `life` what is known of its life span.

    `certain` is False where nobody could tell: no key, no network, a service that is overloaded.
    """

    model: str
    available: bool
    why: str
    hint: str
    life: str
    seconds: float
    certain: bool = True


@dataclass(frozen=True)
class Preset:
    """A kind of image: its aspect ratio, its size, and the instruction that leads the prompt."""

    name: str
    aspect_ratio: str
    instruction: str
    size: str = "1K"


ALL = (
    Preset("infographic", "9:16", "Design a vertical infographic: a short title, three to five sections, clear icons."),
    Preset("key_insights", "1:1", "Design a square card that states the key insights, each in a few words."),
    Preset("tips_tricks", "4:5", "Design a portrait card with practical tips, numbered, each in one short line."),
    Preset("quote_card", "1:1", "Design a square quote card: the quotation large, its source small."),
    Preset("workflow", "16:9", "Draw a workflow from left to right: labelled steps, arrows between them."),
    Preset("comparison", "16:9", "Draw a comparison side by side: one column for each, the same rows in all."),
    Preset("summary_card", "4:3", "Design a summary card: a title and the main points, readable at a glance."),
    Preset("custom", "16:9", ""),
)


def named(name: str) -> Preset:
    """The preset of this name. Raises InvalidRequest where there is none."""
    found = next((preset for preset in ALL if preset.name == name), None)
    if found is None:
        raise InvalidRequest(f"there is no preset {name!r}", f"Take one of {', '.join(preset.name for preset in ALL)}.")
    return found
