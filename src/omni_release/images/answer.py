"""An answer of `generateContent`, read from its JSON: both spellings of each name, both alphabets of base64.

The parts must be as the API has them. What stands beside them (usage, times, names) is read where it is of its type,
and left out where it is not: an image that was paid for is not thrown away for it. The SDK's own types are not used:
they drop `finishMessage`, and warn of each enum value that they do not know.
"""

from __future__ import annotations

import datetime
import functools
import io
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from omni_release.core.errors import install_hint
from omni_release.images import codec
from omni_release.images.errors import ConfigurationError, ContentRefused, DamagedAnswer, ImageError, NoImage
from omni_release.images.model import Part, Usage

_POLICY = {
    "SAFETY",
    "IMAGE_SAFETY",
    "PROHIBITED_CONTENT",
    "IMAGE_PROHIBITED_CONTENT",
    "BLOCKLIST",
    "SPII",
    "RECITATION",
    "IMAGE_RECITATION",
}
"""Finish reasons that say: this content, never. Source: the SDK's FinishReason, 3.4."""


@dataclass(frozen=True)
class Answer:
    """An answer. `blocked` is the prompt's block reason, `message` what the service says of its end."""

    parts: tuple[Part, ...]
    finish_reason: str
    message: str
    blocked: str
    model: str
    response_id: str
    usage: Usage | None
    retirement: datetime.datetime | None

    @property
    def image(self) -> Part | None:
        """The last part that holds an image; it may be one that is flagged as a thought."""
        return next((part for part in reversed(self.parts) if part.image), None)

    @property
    def text(self) -> str:
        """What it says, thoughts apart."""
        return "".join(part.text for part in self.parts if not part.thought)


def parsed(body: str | bytes) -> Answer:
    """The answer in a body. Raises DamagedAnswer where it is not JSON, or not of this shape."""
    try:
        document = json.loads(body.removeprefix("\ufeff") if isinstance(body, str) else body)
    except (ValueError, RecursionError) as error:
        said = str(error)
    else:
        return of(document)
    raise DamagedAnswer(
        f"the answer is not JSON ({said})", "Something between here and the service answers in its place: a proxy?"
    )


def of(document: Any) -> Answer:
    """The answer in a parsed body. Raises DamagedAnswer where it is not of this shape."""
    try:
        return _answer(document)
    except (TypeError, AttributeError, ValueError, LookupError) as error:
        said = str(error)
    raise DamagedAnswer(f"the answer has another shape than the API's: {said}")


def _answer(document: Mapping[str, Any]) -> Answer:
    candidate = (document.get("candidates") or [{}])[0]
    content = candidate.get("content") or {}
    feedback = _of(document, "promptFeedback") or {}
    blocked = _text(_of(feedback, "blockReason")) or ("BLOCKED" if _of(feedback, "blockReasonMessage") else "")
    status = _of(document, "modelStatus")
    return Answer(
        parts=tuple(_part(part) for part in content.get("parts") or ()),
        finish_reason=_text(_of(candidate, "finishReason")),
        message=_text(_of(candidate, "finishMessage")) or _text(_of(feedback, "blockReasonMessage")),
        blocked=blocked,
        model=_text(_of(document, "modelVersion")),
        response_id=_text(_of(document, "responseId")),
        usage=_usage(_of(document, "usageMetadata")),
        retirement=_time(_of(status, "retirementTime")) if isinstance(status, dict) else None,
    )


def _of(table: Mapping[str, Any], name: str) -> Any:
    """A field under its name in camelCase or in snake_case."""
    found = table.get(name)
    return table.get(_snake(name)) if found is None else found


@functools.cache
def _snake(name: str) -> str:
    return re.sub(r"([A-Z])", r"_\1", name).lower()


def _text(value: object) -> str:
    """A string; "" where it is none."""
    return codec.printable(value) if isinstance(value, str) else ""


def _part(part: Mapping[str, Any]) -> Part:
    inline = _of(part, "inlineData")
    signature = _of(part, "thoughtSignature")
    if not isinstance(part.get("text") or "", str):
        raise TypeError("a part's text is no string")
    return Part(
        text=_text(part.get("text")),
        image=codec.decoded(inline["data"]) if inline and inline.get("data") else None,
        mime_type=_text(_of(inline, "mimeType")) if inline else "",
        signature=codec.decoded(signature) if signature else None,
        thought=bool(part.get("thought")),
    )


def _usage(usage: object) -> Usage | None:
    """The tokens; None where they are missing, or no numbers: then the price per image holds."""
    if not isinstance(usage, dict):
        return None
    details = _of(usage, "candidatesTokensDetails")
    images = [one for one in details or () if one.get("modality") == "IMAGE"] if _tables(details) else []
    counts = [_of(usage, name) for name in _COUNTS] + [_of(one, "tokenCount") for one in images]
    if any(count is not None and (type(count) is not int or not 0 <= count < 10**9) for count in counts):
        return None
    prompt, candidates, thoughts, total, *of_images = (count or 0 for count in counts)
    return Usage(prompt, candidates, sum(of_images), thoughts, total)


_COUNTS = ("promptTokenCount", "candidatesTokenCount", "thoughtsTokenCount", "totalTokenCount")


def _tables(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(one, dict) for one in value)


def _time(text: object) -> datetime.datetime | None:
    try:
        time = datetime.datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return time.replace(tzinfo=datetime.UTC) if time is not None and time.tzinfo is None else time


def no_image(answer: Answer) -> ImageError:
    """Why there is none: a policy's refusal, or another reason. Both are outcomes of their own."""
    reason = answer.blocked or answer.finish_reason or "EMPTY"
    said = answer.message or answer.text
    detail = f": {said[:300]}" if said else ""
    if answer.blocked or answer.finish_reason in _POLICY:
        what = "the prompt was blocked" if answer.blocked else "the image was refused"
        return ContentRefused(
            f"{what} ({reason}){detail}", "The same prompt is refused again: rephrase it.", reason=reason, text=said
        )
    if reason == "STOP" and answer.text:
        return NoImage(
            f"the model answered with text and without an image{detail}",
            "Ask for an image in so many words: “Draw …”, “Generate an image of …”.",
            reason=reason,
            text=said,
        )
    return NoImage(f"the model answered without an image ({reason}){detail}", "Rephrase it.", reason=reason, text=said)


MOST_PIXELS = 64_000_000
"""Four times what the models' largest size (4K) has."""

IMAGE_FORMATS = ("JPEG", "PNG", "WEBP")
"""What the models answer with, or may; no other decoder of Pillow's is let near bytes from the network."""


@dataclass(frozen=True)
class DecodedImage:
    """A decodable image's MIME type, and its width and height in pixels."""

    mime_type: str
    width: int
    height: int


_ENDS = {"JPEG": b"\xff\xd9", "PNG": b"IEND\xaeB`\x82"}


def _is_whole(data: bytes, kind: str) -> None:
    """Whether it ends as its kind does; asked where somebody has told Pillow to take half an image for a whole one."""
    from PIL import ImageFile

    if not ImageFile.LOAD_TRUNCATED_IMAGES:
        return  # Pillow has looked
    end = data.rfind(_ENDS[kind]) >= 0 if kind in _ENDS else len(data) >= int.from_bytes(data[4:8], "little") + 8
    if not end:
        raise ValueError("it is cut off")


def decode_image(data: bytes) -> DecodedImage:
    """What the bytes are; every pixel row has been decoded. Raises DamagedAnswer where they are no whole image."""
    try:
        from PIL import Image, UnidentifiedImageError
    except ImportError:
        raise ConfigurationError("Pillow is not installed, so no image can be read", install_hint("images")) from None
    try:
        with Image.open(io.BytesIO(data), formats=IMAGE_FORMATS) as image:
            width, height = image.size
            if width * height > MOST_PIXELS:
                raise ValueError(f"{width} by {height} pixels are more than {MOST_PIXELS}")
            mime_type = Image.MIME[image.format or ""]
            # A JPEG's data is read to its end at any scale; an eighth spares most of the arithmetic.
            image.draft(None, (width // 8, height // 8))
            image.load()
            _is_whole(data, image.format or "")
    # Of broken files Pillow says OSError, SyntaxError, ValueError, ZeroDivisionError, …; it promises no list.
    except Exception as error:  # noqa: BLE001
        said = "no image that is known" if isinstance(error, UnidentifiedImageError) else str(error)
        failure = DamagedAnswer(f"the image does not decode ({len(data)} bytes): {said}")
    else:
        return DecodedImage(mime_type, width, height)
    raise failure
