"""Read an answer of `generateContent` from its JSON, and decode its image.

The parts must be as the API defines them. Other fields (usage, times, names) are read if they have the right type, and
left out otherwise: that must not lose an image that was paid for. The SDK's own types are not used, as they drop
`finishMessage` and warn of each enum value that they do not know.
"""

from __future__ import annotations

import datetime
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from omni_release.core.errors import install_hint
from omni_release.images.api_format import decode_base64, field, replace_surrogates
from omni_release.images.errors import ConfigurationError, ContentRefused, DamagedAnswer, ImageError, NoImage
from omni_release.images.model import Part, Usage

_POLICY_REASONS = {
    "SAFETY",
    "IMAGE_SAFETY",
    "PROHIBITED_CONTENT",
    "IMAGE_PROHIBITED_CONTENT",
    "BLOCKLIST",
    "SPII",
    "RECITATION",
    "IMAGE_RECITATION",
    "MODEL_ARMOR",
}
"""Finish reasons of a policy, which are permanent for this content. Source: the SDK's FinishReason, 3.6."""

_HINTS = {
    "MAX_TOKENS": "Ask for less text, or raise the limit of output tokens: the answer was cut off before an image.",
    "LANGUAGE": "Write the prompt in a language that the model supports.",
    "UNEXPECTED_TOOL_CALL": "Send no tools: this model makes images without them.",
    "TOO_MANY_TOOL_CALLS": "Send no tools: this model makes images without them.",
    "MALFORMED_FUNCTION_CALL": "Send no tools: this model makes images without them.",
    "MISSING_THOUGHT_SIGNATURE": "Send each part with its signature: continue with `conversation.after(result)`.",
    "NO_IMAGE": "Ask for an image explicitly: “Draw …”, “Generate an image of …”.",
    "OTHER": "Try again once: the service gives no reason. Then rephrase the prompt.",
}
"""What to do after an answer without an image, by its finish reason."""

MOST_PIXELS = 64_000_000
"""Four times as many as the models' largest size (4K) has."""

IMAGE_FORMATS = ("JPEG", "PNG", "WEBP")
"""The formats that the models may answer with. No other decoder of Pillow reads bytes from the network."""

_END_MARKERS = {"JPEG": b"\xff\xd9", "PNG": b"IEND\xaeB`\x82"}

_COUNTS = ("promptTokenCount", "candidatesTokenCount", "thoughtsTokenCount", "totalTokenCount")


@dataclass(frozen=True)
class Answer:
    """An answer. `blocked` is the prompt's block reason, `message` the service's explanation of how it ended.

    `functions` are the names of those that the model calls.
    """

    parts: tuple[Part, ...]
    finish_reason: str
    message: str
    blocked: str
    model: str
    response_id: str
    usage: Usage | None
    retirement: datetime.datetime | None
    functions: tuple[str, ...] = ()

    @property
    def image(self) -> Part | None:
        """The last part with an image; it may be flagged as a thought."""
        return next((part for part in reversed(self.parts) if part.image), None)

    @property
    def text(self) -> str:
        """The text of all parts except thoughts."""
        return "".join(part.text for part in self.parts if not part.thought)


def parse(body: str | bytes) -> Answer:
    """The answer in a body. Raises DamagedAnswer if it is not JSON, or does not have the API's shape."""
    try:
        document = json.loads(body.removeprefix("\ufeff") if isinstance(body, str) else body)
    except (ValueError, RecursionError) as error:
        reason = str(error)
    else:
        return parse_document(document)
    raise DamagedAnswer(f"the answer is not JSON ({reason})", "Check whether a proxy answers instead of the service.")


def parse_document(document: Any) -> Answer:
    """The answer in a parsed body. Raises DamagedAnswer if it does not have the API's shape."""
    if isinstance(document, dict) and isinstance(error := document.get("error"), dict) and "candidates" not in document:
        said = " ".join(str(error.get(name) or "") for name in ("status", "message")).strip()
        raise DamagedAnswer(f"an error in place of an answer: {replace_surrogates(said)[:300]}")
    try:
        candidate = (document.get("candidates") or [{}])[0]
        content = candidate.get("content") or {}
        feedback = field(document, "promptFeedback") or {}
        status = field(document, "modelStatus")
        blocked = _text(field(feedback, "blockReason"))
        calls = [field(part, "functionCall") for part in content.get("parts") or ()]
        return Answer(
            functions=tuple(_text(call.get("name")) for call in calls if isinstance(call, dict)),
            parts=tuple(_parse_part(part) for part in content.get("parts") or ()),
            finish_reason=_text(field(candidate, "finishReason")),
            message=_text(field(candidate, "finishMessage")) or _text(field(feedback, "blockReasonMessage")),
            blocked=blocked or ("BLOCKED" if field(feedback, "blockReasonMessage") else ""),
            model=_text(field(document, "modelVersion")),
            response_id=_text(field(document, "responseId")),
            usage=_parse_usage(field(document, "usageMetadata")),
            retirement=_parse_time(field(status, "retirementTime")) if isinstance(status, dict) else None,
        )
    except (TypeError, AttributeError, ValueError, LookupError):
        pass  # what Python says of it names neither the field nor the value
    raise DamagedAnswer("the answer does not have the API's shape: a field has a value of another type")


def _text(value: object) -> str:
    """The string without surrogates; "" if it is not a string."""
    return replace_surrogates(value) if isinstance(value, str) else ""


def _parse_part(part: Mapping[str, Any]) -> Part:
    inline = field(part, "inlineData")
    signature = field(part, "thoughtSignature")
    if not isinstance(part.get("text") or "", str):
        raise TypeError("the text of a part is not a string")
    mime_type = _text(field(inline, "mimeType")) if inline else ""
    is_other = mime_type.partition("/")[0] in ("audio", "video", "text") or mime_type == "application/pdf"
    return Part(
        text=_text(part.get("text")),
        image=decode_base64(inline["data"]) if inline and inline.get("data") and not is_other else None,
        mime_type=mime_type,
        signature=decode_base64(signature) if signature else None,
        thought=bool(part.get("thought")),
    )


def _parse_usage(usage: object) -> Usage | None:
    """The token counts; None if they are missing or invalid, and then the price per image applies."""
    if not isinstance(usage, dict):
        return None
    details = field(usage, "candidatesTokensDetails")
    images = []
    if isinstance(details, list) and all(isinstance(detail, dict) for detail in details):
        images = [detail for detail in details if detail.get("modality") == "IMAGE"]
    counts = [field(usage, name) for name in _COUNTS] + [field(detail, "tokenCount") for detail in images]
    if any(count is not None and (type(count) is not int or not 0 <= count < 10**9) for count in counts):
        return None
    prompt, candidates, thoughts, total, *image_counts = (count or 0 for count in counts)
    return Usage(prompt, candidates, sum(image_counts), thoughts, total)


def _parse_time(text: object) -> datetime.datetime | None:
    try:
        time = datetime.datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return time.replace(tzinfo=datetime.UTC) if time is not None and time.tzinfo is None else time


def no_image_error(answer: Answer) -> ImageError:
    """The error for an answer without an image.

    ContentRefused because of a policy, DamagedAnswer if it says nothing at all, NoImage for any other reason.
    """
    reason = answer.blocked or answer.finish_reason or "EMPTY"
    text = answer.message or answer.text
    detail = f": {text[:300]}" if text else ""
    if answer.blocked or answer.finish_reason in _POLICY_REASONS:
        subject = "the prompt was blocked" if answer.blocked else "the image was refused"
        hint = "Rephrase the prompt: the same one is refused again."
        return ContentRefused(f"{subject} ({reason}){detail}", hint, reason=reason, text=text)
    if reason == "EMPTY" and not answer.parts:
        return DamagedAnswer("the answer is empty: it has neither parts nor a reason")
    if reason == "MALFORMED_RESPONSE":
        return DamagedAnswer(f"the answer has no image ({reason}){detail}")
    what, hint = _instead_of_image(answer, reason)
    return NoImage(f"{what}{detail}", hint, reason=reason, text=text)


def _instead_of_image(answer: Answer, reason: str) -> tuple[str, str]:
    """What a model answered with in place of an image, and what to do about it."""
    explicitly = "Ask for an image explicitly: “Draw …”, “Generate an image of …”."
    other = next((part.mime_type for part in answer.parts if part.mime_type and not part.image), "")
    if other:
        return f"the model answered with {other} and without an image", "Use a model that makes images."
    if answer.functions:
        return f"the model called the function {answer.functions[0]} instead of making an image", explicitly
    if reason == "STOP" and answer.text:
        return "the model answered with text and without an image", explicitly
    known = _HINTS.get(reason) or _HINTS.get(reason.removeprefix("IMAGE_"), "Rephrase the prompt.")
    return f"the model answered without an image ({reason})", known


@dataclass(frozen=True)
class DecodedImage:
    """An image that decodes: its MIME type, and its width and height in pixels."""

    mime_type: str
    width: int
    height: int


def decode_image(data: bytes) -> DecodedImage:
    """Decode every row of pixels. Raises DamagedAnswer if the image is incomplete, too large or of another format."""
    try:
        from PIL import Image, ImageFile, UnidentifiedImageError
    except ImportError:
        raise ConfigurationError("Pillow is not installed, so images cannot be read", install_hint("images")) from None
    try:
        with Image.open(io.BytesIO(data), formats=IMAGE_FORMATS) as image:
            width, height = image.size
            if width * height > MOST_PIXELS:
                raise ValueError(f"{width} by {height} pixels are more than {MOST_PIXELS}")
            kind = image.format or ""
            mime_type = Image.MIME[kind]
            # A JPEG's data is read to its end at any scale; an eighth saves most of the arithmetic.
            image.draft(None, (width // 8, height // 8))
            image.load()
            if ImageFile.LOAD_TRUNCATED_IMAGES and not _is_complete(data, kind):
                raise ValueError("the image is truncated")
    # For broken files Pillow raises OSError, SyntaxError, ValueError, ZeroDivisionError, …; it documents no list.
    except Exception as error:  # noqa: BLE001
        reason = "unknown image format" if isinstance(error, UnidentifiedImageError) else str(error)
        failure = DamagedAnswer(f"the image does not decode ({len(data)} bytes): {reason}")
    else:
        return DecodedImage(mime_type, width, height)
    raise failure


def _is_complete(data: bytes, kind: str) -> bool:
    """Whether the data reaches its format's end, which Pillow ignores if the program set LOAD_TRUNCATED_IMAGES."""
    if kind in _END_MARKERS:
        return data.rfind(_END_MARKERS[kind]) >= 0
    return len(data) >= int.from_bytes(data[4:8], "little") + 8
