"""The requests of the OpenAI images API: the size that stands for a ratio, and the bodies that are sent.

A model's family decides what it is asked: the GPT image models take a size in pixels, those of xAI a ratio. Sources:
OpenAI's API description of 2026-08-21 (openai/openai-openapi), xAI's reference of image generation, 2026-10.
"""

from __future__ import annotations

import base64
import hashlib
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from omni_release.images.errors import InvalidRequest
from omni_release.images.model import image_type

LONGEST_PROMPT = 32_000
LARGEST_IMAGES = 50_000_000
"""In bytes, of all images of an edit together."""

QUALITIES = ("auto", "low", "medium", "high", "xhigh", "max")

_FLEXIBLE = re.compile(r"gpt-image-([2-9]|\d\d)(\.\d+)?(?![\d.])")
_XAI = re.compile(r"grok-")
_FIXED_SIZES = ((1024, 1024), (1536, 1024), (1024, 1536))
_XAI_RATIOS = ("1:1", "3:4", "4:3", "9:16", "16:9", "2:3", "3:2", "1:2", "2:1", "9:20", "20:9")
_SIDES = {"512": 512, "1K": 1024, "2K": 2048, "4K": 2880}  # of a square; 4K: as many pixels as 3840 by 2160 has
_LONG_SIDE, _SHORT_SIDE, _STEP = 3840, 2160, 16
_NEAR = 1.26
"""A ratio that differs by more than this factor shows another picture: it is refused, not replaced."""

_IMAGE_TOKENS = {"low": 272, "medium": 1056}
_MOST_IMAGE_TOKENS = 4160
"""Of 1024 by 1024 pixels in each quality, as gpt-image-1 and 1.5 were recorded and priced; newer models take fewer."""


@dataclass(frozen=True)
class Shape:
    """The fields that ask for a ratio and a size, the number of pixels, and what differs from the request."""

    fields: Mapping[str, str] = field(default_factory=dict)
    pixels: int = 1024 * 1024
    notes: tuple[str, ...] = ()


def is_xai(model: str) -> bool:
    """Whether a model takes a ratio, and JSON for an edit, as those of xAI do."""
    return _XAI.match(own_name(model)) is not None


def own_name(model: str) -> str:
    """The vendor's own name of a model, without the prefix of a gateway."""
    return model.rpartition("/")[2]


def shape_of(model: str, ratio: str, size: str) -> Shape:
    """What to ask this model for. Raises InvalidRequest for a ratio that it does not make.

    `model` decides by its own name; one of an unknown family is taken as one of the three sizes of the first models.
    """
    if not ratio:
        return Shape()
    across, down = map(int, ratio.split(":"))
    if is_xai(model):
        return _xai_shape(model, ratio, size)
    if _FLEXIBLE.match(own_name(model)):
        return _flexible_shape(model, across, down, size)
    width, height = min(_FIXED_SIZES, key=lambda fixed: _distance(fixed[0] / fixed[1], across / down))
    _check_near(model, ratio, width / height, across / down)
    made = f"{width}x{height}"
    other = _distance(width / height, across / down) > 0.01 or size not in ("1K", "")
    notes = (f"{model} makes {made}, the nearest to {ratio} in {size or '1K'}",) if other else ()
    return Shape({"size": made}, width * height, notes)


def _distance(one: float, other: float) -> float:
    return abs(math.log(one / other))


def _check_near(model: str, ratio: str, made: float, asked: float) -> None:
    if _distance(made, asked) > math.log(_NEAR):
        raise InvalidRequest(f"{model} does not make the aspect ratio {ratio}", "Use another ratio, or another model.")


def _flexible_shape(model: str, across: int, down: int, size: str) -> Shape:
    """The size with exactly this ratio whose number of pixels is nearest to the one asked for."""
    if max(across, down) > 3 * min(across, down):
        raise InvalidRequest(
            f"{model} does not make the aspect ratio {across}:{down}", "Use a ratio from 1:3 to 3:1, or another model."
        )
    common = math.gcd(across, down)
    unit = (across // common * _STEP, down // common * _STEP)
    most = min(_LONG_SIDE // max(unit), _SHORT_SIDE // min(unit))
    area = _SIDES["1K" if size in ("512", "") else size] ** 2
    times = min(range(1, most + 1), key=lambda n: _distance(unit[0] * unit[1] * n * n, area))
    width, height = unit[0] * times, unit[1] * times
    differs = size == "512" or width * height < area * 0.6
    notes = (f"{model} makes {width}x{height}, the nearest to {across}:{down} in {size or '1K'}",) if differs else ()
    return Shape({"size": f"{width}x{height}"}, width * height, notes)


def _xai_shape(model: str, ratio: str, size: str) -> Shape:
    def value(text: str) -> float:
        across, down = map(int, text.split(":"))
        return across / down

    made = min(_XAI_RATIOS, key=lambda known: _distance(value(known), value(ratio)))
    _check_near(model, ratio, value(made), value(ratio))
    resolution = "2k" if size in ("2K", "4K") else "1k"
    differs = made != ratio or size not in ("1K", "2K", "")
    notes = (f"{model} makes {made} in {resolution}, the nearest to {ratio} in {size or '1K'}",) if differs else ()
    return Shape({"aspect_ratio": made, "resolution": resolution}, _SIDES[resolution.upper()] ** 2, notes)


def image_tokens(pixels: int, quality: str) -> float:
    """The most tokens of an image of this size; `auto` counts as high."""
    return _IMAGE_TOKENS.get(quality, _MOST_IMAGE_TOKENS) * pixels / (1024 * 1024)


@dataclass(frozen=True)
class Sent:
    """A request: the end of its path, its body and the body's type."""

    path: str
    body: bytes = field(repr=False)
    content_type: str = "application/json"


def request_for(model: str, prompt: str, shape: Shape, quality: str, images: tuple[bytes, ...], kind: str) -> Sent:
    """The request for one image, from a prompt alone or from images. `kind` is the model that `model` stands for.

    Raises InvalidRequest for a prompt or images that the API does not take.
    """
    if len(prompt) > LONGEST_PROMPT:
        message = f"preset, context and prompt have {len(prompt)} characters"
        raise InvalidRequest(message, f"{model} reads {LONGEST_PROMPT}: shorten the context.")
    if sum(map(len, images)) > LARGEST_IMAGES:
        raise InvalidRequest(f"the images have more than {LARGEST_IMAGES} bytes", "Pass fewer or smaller images.")
    fields = {"model": model, "prompt": prompt, "n": 1, **shape.fields}
    if quality and not is_xai(kind):
        fields["quality"] = quality
    if not images:
        return Sent("/images/generations", json.dumps(fields).encode())
    if is_xai(kind):
        return Sent("/images/edits", json.dumps(fields | _images_in_json(images)).encode())
    boundary, body = _multipart({name: str(value) for name, value in fields.items()}, images)
    return Sent("/images/edits", body, f"multipart/form-data; boundary={boundary}")


def _images_in_json(images: tuple[bytes, ...]) -> dict[str, object]:
    urls = [{"url": f"data:{image_type(data)};base64,{base64.b64encode(data).decode()}"} for data in images]
    return {"image": urls[0]} if len(urls) == 1 else {"images": urls}


def _multipart(fields: Mapping[str, str], images: tuple[bytes, ...]) -> tuple[str, bytes]:
    """The boundary and the body. The same content has the same boundary, so that a recorded request is found again."""
    parts = [(f'name="{name}"', "", value.encode()) for name, value in fields.items()]
    name = "image" if len(images) == 1 else "image[]"
    for number, data in enumerate(images, 1):
        kind = image_type(data)
        file = f"image-{number}.{kind.rpartition('/')[2]}"
        parts.append((f'name="{name}"; filename="{file}"', f"Content-Type: {kind}\r\n", data))
    boundary = hashlib.sha256(b"\0".join(data for *_, data in parts)).hexdigest()[:40]
    chunks = [
        f"--{boundary}\r\nContent-Disposition: form-data; {head}\r\n{kind}\r\n".encode() + data + b"\r\n"
        for head, kind, data in parts
    ]
    return boundary, b"".join(chunks) + f"--{boundary}--\r\n".encode()
