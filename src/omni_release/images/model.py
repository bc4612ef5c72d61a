"""Data model of the image provider: requests, results and presets. Frozen, typed, no I/O."""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Self

import msgspec

from omni_release.images.api_format import decode_base64, encode_base64, replace_surrogates
from omni_release.images.errors import InvalidRequest

RATIOS = ("1:1", "2:3", "3:2", "3:4", "4:3", "4:5", "5:4", "9:16", "16:9", "21:9", "1:4", "4:1", "1:8", "8:1")
"""The aspect ratios of a request. Not every model makes each of them: a provider's `limits` says so before a call."""

SIZES = ("512", "1K", "2K", "4K")
"""The sizes of a request: the length in pixels of a square's side. Not every model makes each of them."""

LARGEST_BATCH = 4

MOST_REFERENCES = 16
"""What the images API of OpenAI accepts; Gemini's models accept 14."""

_LONGEST_PROMPT = 60_000

_BYTES = ("data", "image", "signature", "references")
"""The fields of the documents below that hold bytes."""


class Document:
    """A dataclass that is written as JSON and read again without loss.

    A dataclass is an object, a tuple an array, a date its ISO form, bytes are URL-safe base64 with padding.
    """

    def to_json(self) -> str:
        """JSON in ASCII, which any file accepts."""
        plain = msgspec.to_builtins(self, builtin_types=(bytes, datetime.datetime, datetime.date))
        # msgspec would write standard base64, and "Z" for UTC.
        return json.dumps(plain, default=lambda v: encode_base64(v) if isinstance(v, bytes) else v.isoformat())

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """The document that `to_json` wrote. Raises InvalidRequest if it is anything else."""
        try:
            plain = json.loads(text, object_hook=_decode_bytes)
            document = msgspec.convert(plain, cls, builtin_types=(bytes,))
        except (json.JSONDecodeError, UnicodeDecodeError) as error:
            message = f"invalid {cls.__name__}: not JSON ({error})"
        except (ValueError, RecursionError) as error:  # msgspec's ValidationError is a ValueError
            message = f"invalid {cls.__name__}: {error}"
        else:
            unknown = next(_unknown_fields(plain, msgspec.to_builtins(document, builtin_types=(bytes,))), "")
            if not unknown:
                return document
            message = f"invalid {cls.__name__}: unknown field {unknown!r}"
        raise InvalidRequest(message, "Pass the output of to_json().")


def _decode_bytes(table: dict[str, Any]) -> dict[str, Any]:
    return {name: _decoded(value) if name in _BYTES else value for name, value in table.items()}


def _decoded(value: Any) -> Any:
    if isinstance(value, list):
        return [_decoded(item) for item in value]
    return decode_base64(value) if isinstance(value, str) else value


def _unknown_fields(given: object, read: object) -> Iterator[str]:
    """The fields of `given` that are not in `read`: msgspec ignores unknown fields of a dataclass."""
    if isinstance(given, dict) and isinstance(read, dict):
        for name, value in given.items():
            if name in read:
                yield from _unknown_fields(value, read[name])
            else:
                yield name
    elif isinstance(given, list) and isinstance(read, list | tuple):
        for value, read_value in zip(given, read, strict=True):
            yield from _unknown_fields(value, read_value)


@dataclass(frozen=True)
class ImageRequest(Document):
    """One image, or a batch of `count` images.

    `aspect_ratio` and `size` default to the preset's. `context` is source material: it is sent as data, never as
    instructions. `references` are images to work from, each the bytes of a PNG, JPEG or WebP file. Raises
    InvalidRequest if no call with it could succeed.
    """

    prompt: str
    preset: str = "custom"
    aspect_ratio: str = ""
    size: str = ""
    count: int = 1
    context: str = ""
    references: tuple[bytes, ...] = field(default=(), repr=False)

    def __post_init__(self) -> None:
        if not isinstance(self.prompt, str) or not self.prompt.strip():
            raise InvalidRequest("the prompt is empty", "Describe the image.")
        if not isinstance(self.context, str):
            raise InvalidRequest(f"the context has type {type(self.context).__name__}", "Pass it as one string.")
        check_text("prompt", self.prompt)
        check_text("context", self.context)
        if len(self.prompt) + len(self.context) > _LONGEST_PROMPT:
            raise InvalidRequest(
                f"prompt and context have {len(self.prompt) + len(self.context)} characters",
                f"The models read about {_LONGEST_PROMPT}: shorten the context.",
            )
        preset = find_preset(self.preset)
        object.__setattr__(self, "aspect_ratio", self.aspect_ratio or preset.aspect_ratio)
        object.__setattr__(self, "size", self.size or preset.size)
        for option, value, choices in (("aspect ratio", self.aspect_ratio, RATIOS), ("size", self.size, SIZES)):
            if value not in choices:
                raise InvalidRequest(f"unknown {option} {value!r}", f"Use one of {', '.join(choices)}.")
        if type(self.count) is not int or not 1 <= self.count <= LARGEST_BATCH:
            raise InvalidRequest(f"invalid batch size {self.count!r}", f"Request 1 to {LARGEST_BATCH} images.")
        references: object = self.references
        if not isinstance(references, tuple | list):
            raise InvalidRequest("the reference images are not a tuple", "Pass a tuple: references=(data,).")
        object.__setattr__(self, "references", tuple(references))
        if len(self.references) > MOST_REFERENCES:
            message = f"{len(self.references)} reference images are more than {MOST_REFERENCES}"
            raise InvalidRequest(message, "Pass fewer images.")
        for number, data in enumerate(self.references, 1):
            if not isinstance(data, bytes) or not image_type(data):
                message = f"reference image {number} is not the bytes of a PNG, JPEG or WebP file"
                raise InvalidRequest(message, "Pass the content of an image file: Path(name).read_bytes().")


def image_type(data: bytes) -> str:
    """The MIME type of an image by its first bytes; "" if it is neither PNG, JPEG nor WebP."""
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if data.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    return "image/webp" if data[:4] == b"RIFF" and data[8:12] == b"WEBP" else ""


def check_text(name: str, text: str) -> None:
    """Raises InvalidRequest if a text has lone surrogates, which cannot be sent."""
    if replace_surrogates(text) != text:
        raise InvalidRequest(
            f"the {name} contains a lone surrogate, which is not a character", "Check the encoding it was read with."
        )


@dataclass(frozen=True)
class Part(Document):
    """One part of a model's answer, in the form in which the next turn must send it back.

    A part has a text, or an image with its `mime_type`; `signature` holds the bytes of its thoughtSignature.
    """

    text: str = ""
    image: bytes | None = field(default=None, repr=False)
    mime_type: str = ""
    signature: bytes | None = field(default=None, repr=False)
    thought: bool = False

    @property
    def size(self) -> int:
        """The size of text, image and signature, in bytes."""
        return len(self.text) + len(self.image or b"") + len(self.signature or b"")


@dataclass(frozen=True)
class Usage(Document):
    """Tokens of a call. `prompt` has `prompt_image` of images in it, `candidates` has `image`.

    Of Gemini's usageMetadata, `total` = prompt + candidates + thoughts; the details do not add up to it.
    """

    prompt: int = 0
    candidates: int = 0
    image: int = 0
    thoughts: int = 0
    total: int = 0
    prompt_image: int = 0


@dataclass(frozen=True)
class Attempt(Document):
    """One call: its model, start, duration in seconds, result (`came`), and what followed (`next`) and why.

    `came` is `image` or the error's type, `wait` the seconds until the next call, `cost_usd` None if it is unknown.
    """

    model: str
    started: datetime.datetime
    seconds: float
    came: str
    next: str
    why: str
    message: str = ""
    wait: float = 0.0
    cost_usd: float | None = None
    vendor: str = ""


@dataclass(frozen=True)
class ImageResult(Document):
    """An image, and the calls that led to it.

    `mime_type`, `width` and `height` are read from `data`, which has been decoded. `model_requested` is the caller's
    choice, `model_answered` the model that the service names; `warnings` state every difference from the request.
    `cost_usd` is None if the price is unknown; `cost_from` is "usage", "the answer" or "price per image". `parts` is
    the whole answer, for the next turn; `signature` belongs to the image's own part. `vendor` made the image.
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
    vendor: str = ""


@dataclass(frozen=True)
class ModelInfo(Document):
    """A model that the service lists. A listed model may be shut down: only `probe` proves that it responds.

    `shut_down` is the date that the list itself states, if it does.
    """

    name: str
    display_name: str
    methods: tuple[str, ...]
    shut_down: datetime.date | None = None


@dataclass(frozen=True)
class Availability(Document):
    """The result of a probe. `why` gives the reason, `life` the model's life span, as far as it is known.

    `certain` is False if the probe was inconclusive: no key, no network, an overloaded service.
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
    """A kind of image: its aspect ratio, its size, and the instruction that precedes the prompt."""

    name: str
    aspect_ratio: str
    instruction: str
    size: str = "1K"


PRESETS = (
    Preset("infographic", "9:16", "Design a vertical infographic: a short title, three to five sections, clear icons."),
    Preset("key_insights", "1:1", "Design a square card that states the key insights, each in a few words."),
    Preset("tips_tricks", "4:5", "Design a portrait card with practical tips, numbered, each in one short line."),
    Preset("quote_card", "1:1", "Design a square quote card: the quotation large, its source small."),
    Preset("workflow", "16:9", "Draw a workflow from left to right: labelled steps, arrows between them."),
    Preset("comparison", "16:9", "Draw a comparison side by side: one column for each, the same rows in all."),
    Preset("summary_card", "4:3", "Design a summary card: a title and the main points, readable at a glance."),
    Preset("custom", "16:9", ""),
)


def find_preset(name: str) -> Preset:
    """The preset of this name. Raises InvalidRequest if it does not exist."""
    for preset in PRESETS:
        if preset.name == name:
            return preset
    raise InvalidRequest(f"unknown preset {name!r}", f"Use one of {', '.join(preset.name for preset in PRESETS)}.")
