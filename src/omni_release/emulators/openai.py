"""The emulated OpenAI API: generations, edits (multipart and JSON), models; addresses, for those of xAI; text.

It reads a request as strictly as the service. Its paths begin with /v1, or with /openai/deployments/NAME, or with
nothing: any base URL of a gateway works.
"""

from __future__ import annotations

import base64
import binascii
import datetime
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from werkzeug.wrappers import Request

from omni_release import models
from omni_release.emulators import openai_responses as responses
from omni_release.emulators import openai_texts, texts
from omni_release.emulators.api import Asked, Played, fault_types, parse_json
from omni_release.emulators.responses import Reply, sample_image
from omni_release.emulators.server import Emulator
from omni_release.images.model import image_type
from omni_release.images.openai_requests import LONGEST_PROMPT, is_xai
from omni_release.loopback import FaultType
from omni_release.models.facts import Model

_PATH = re.compile(
    r"(?:/v1|/openai/v1|/openai/deployments/([^/]+))?/(images/generations|images/edits|models|chat/completions|responses|moderations)(?:/(.+))?/?"
)
_PLATFORMS = ("openai", "xai")
_FILE = re.compile(r"/files/(\w+)\.(png|jpeg|webp)")
_FIXED = ("1024x1024", "1536x1024", "1024x1536")
_FLEXIBLE = re.compile(r"gpt-image-[2-9]")
_TOKENS = {"low": 272, "medium": 1056}
_XAI_SIZES = {"1:1": (1024, 1024), "16:9": (1280, 720), "9:16": (720, 1280), "4:3": (1184, 880), "3:4": (880, 1184)}

FAULTS = fault_types(responses.NAMES)
LATENCIES = {"gpt-image-2": (15.0, 35.0), "grok-imagine-image": (4.0, 5.0)}
"""The range in seconds, by model; others take 3 (single samples of 2026-08)."""


@dataclass(frozen=True)
class _Wanted:
    """What a valid request wants: the size, the format, the number of images, and the images that are given."""

    pixels: tuple[int, int]
    output_format: str
    count: int
    given: tuple[bytes, ...]


class OpenAIApi:
    """The API of OpenAI and, for images of xAI, its answers by address."""

    path = "/v1"

    def __init__(self) -> None:
        self.faults: Mapping[str, FaultType] = FAULTS
        self.headers: Mapping[str, str] = responses.HEADERS
        self.latencies: Mapping[str, tuple[float, float]] = LATENCIES
        self._files: dict[str, bytes] = {}

    def read(self, request: Request, content: bytes) -> Asked:
        """The model is in the body, or is the deployment of the path."""
        match = _PATH.fullmatch(request.path)
        if not match:
            return Asked(method="file" if _FILE.fullmatch(request.path) else "")
        deployment, method, name = match.groups(default="")
        body = dict(request.form) if request.mimetype == "multipart/form-data" else parse_json(content)
        model = name or str(body.get("model") or deployment)
        plays = request.method == "POST" and method not in ("models", "moderations")
        return Asked("v1", model, method, body, plays=plays)

    def check_key(self, request: Request, key: str | None) -> Reply | None:
        """Any key is valid but one that begins with "invalid", unless there is a valid `key`; a file needs none."""
        if _FILE.fullmatch(request.path):
            return None
        given = (
            request.headers.get("api-key") or request.headers.get("Authorization", "").removeprefix("Bearer ").strip()
        )
        if not given:
            return responses.no_key()
        wrong = given != key if key is not None else given.startswith("invalid")
        return responses.bad_key(given) if wrong else None

    def reply(self, asked: Asked, request: Request, played: Played) -> Reply:
        """The reply of the fault, or of a healthy service."""
        if asked.method == "file":
            return self._file(request.path)
        if asked.method == "models" and request.method == "GET":
            return _model(asked.model, played.now) if asked.model else _models(played.now)
        if not asked.plays:
            return Reply(404, {"detail": "Not Found"}, name="no such path")
        reply = responses.scripted_reply(played.step, asked.model, played.after)
        if reply is not None:
            return reply
        any_name = "/deployments/" in request.path or asked.method == "moderations"
        known = texts.served(asked.model, *_PLATFORMS)
        if not any_name and (known is None or not known.lives(played.now.date())):
            return responses.no_model(asked.model)
        if asked.method in openai_texts.METHODS:
            return openai_texts.reply(asked, played)
        wanted = _wanted(asked, request)
        if isinstance(wanted, Reply):
            return wanted
        return self._images(asked, request, played, wanted)

    def _images(self, asked: Asked, request: Request, played: Played, wanted: _Wanted) -> Reply:
        by_address = played.step == "url" or (is_xai(asked.model) and asked.body.get("response_format") != "b64_json")
        seed = hashlib.sha256(repr(sorted(asked.body.items())).encode() + b"".join(wanted.given)).digest()
        entries = []
        for number in range(wanted.count):
            kind = played.step if played.step in ("png", "jpeg", "webp") else wanted.output_format
            data = sample_image(*wanted.pixels, f"image/{kind}", (seed[0] + number) % 256)
            if played.step == "cut-image":
                data = data[: len(data) // 2]
            elif played.step == "corrupt":
                data = b"this is not an image"
            entries.append(self._entry(data, kind, request.host_url, played, by_address=by_address))
        document: dict[str, Any] = {"created": int(played.now.timestamp()), "data": entries}
        if is_xai(asked.model):
            document["usage"] = {"cost_in_usd_ticks": 200_000_000 * wanted.count}
        else:
            width, height = wanted.pixels
            quality = str(asked.body.get("quality") or "auto")
            quality = "high" if quality == "auto" else quality
            document |= {"background": "opaque", "output_format": wanted.output_format, "quality": quality}
            document |= {"size": f"{width}x{height}", "usage": _usage(asked.body, quality, wanted)}
        if played.step == "no-usage":
            del document["usage"]
        request_id = f"req_{hashlib.sha256(played.salt).hexdigest()[:32]}"
        return Reply(200, document, {"x-request-id": request_id, "openai-processing-ms": "11499"})

    def _entry(self, data: bytes, kind: str, host: str, played: Played, *, by_address: bool) -> dict[str, str]:
        if by_address:
            name = hashlib.sha256(played.salt + data).hexdigest()[:16]
            self._files[name] = data
            return {"url": f"{host}files/{name}.{kind}", "mime_type": f"image/{kind}"}
        encoded = base64.b64encode(data).decode()
        if played.step == "unpadded":
            encoded = encoded.rstrip("=")
        return {"b64_json": f"data:image/{kind};base64,{encoded}" if played.step == "data-url" else encoded}

    def _file(self, path: str) -> Reply:
        match = _FILE.fullmatch(path)
        data = self._files.get(match[1]) if match else None
        if data is None:
            return Reply(404, b"", name="no such file")
        return Reply(200, data, {"Content-Type": image_type(data) or "application/octet-stream"})


def _wanted(asked: Asked, request: Request) -> _Wanted | Reply:
    """What a request wants, or the error that says which parameter is invalid."""
    body = asked.body
    prompt = body.get("prompt")
    if not isinstance(prompt, str) or not prompt.strip():
        return responses.invalid("Missing required parameter: 'prompt'.", "prompt", "missing_required_parameter")
    if len(prompt) > LONGEST_PROMPT:
        return responses.invalid("Invalid 'prompt': string too long.", "prompt", "string_above_max_length")
    count = str(body.get("n") or 1)
    if not count.isdigit() or not 1 <= int(count) <= 10:
        return responses.invalid("Invalid 'n': expected an integer from 1 to 10.", "n")
    if str(body.get("quality") or "auto") not in ("auto", "low", "medium", "high", "xhigh", "max"):
        return responses.invalid("Invalid value for 'quality'.", "quality")
    pixels = _xai_pixels(body) if is_xai(asked.model) else _pixels(asked.model, str(body.get("size") or "auto"))
    if isinstance(pixels, Reply):
        return pixels
    output_format = str(body.get("output_format") or ("jpeg" if is_xai(asked.model) else "png"))
    if output_format not in ("png", "jpeg", "webp"):
        return responses.invalid("Invalid value for 'output_format'.", "output_format")
    given = _given_images(request, body) if asked.method == "images/edits" else ()
    if given is None or not all(image_type(data) for data in given):
        return responses.invalid("Invalid image data.", "image", "invalid_image_file")
    if asked.method == "images/edits" and not given:
        return responses.invalid("Missing required parameter: 'image'.", "image", "missing_required_parameter")
    return _Wanted(pixels, output_format, int(count), given)


def _pixels(model: str, size: str) -> tuple[int, int] | Reply:
    """Width and height of a size: from gpt-image-2 on in steps of 16 up to 3840 by 2160, before one of three."""
    if size == "auto":
        return 1024, 1024
    match = re.fullmatch(r"(\d{2,4})x(\d{2,4})", size)
    if match and _FLEXIBLE.match(model):
        width, height = int(match[1]), int(match[2])
        long, short = max(width, height), min(width, height)
        if width % 16 == height % 16 == 0 and long <= 3 * short and long <= 3840 and short <= 2160:
            return width, height
    elif match and (size in _FIXED):
        return int(match[1]), int(match[2])
    return responses.invalid(f"Invalid value: '{size}'.", "size")


def _xai_pixels(body: Mapping[str, Any]) -> tuple[int, int] | Reply:
    for name in ("size", "quality", "style"):
        if name in body:
            return Reply(400, {"code": "invalid argument", "error": f"Argument not supported: {name}"}, name="400")
    width, height = _XAI_SIZES.get(str(body.get("aspect_ratio") or "1:1"), (1024, 1024))
    scale = 2 if body.get("resolution") == "2k" else 1
    return width * scale, height * scale


def _given_images(request: Request, body: Mapping[str, Any]) -> tuple[bytes, ...] | None:
    """The images of an edit: files of a form, or data URLs in JSON; None for an address that is not a data URL."""
    if request.mimetype == "multipart/form-data":
        files = [*request.files.getlist("image"), *request.files.getlist("image[]")]
        return tuple(file.read() for file in files)
    listed = body.get("images")
    items = listed if isinstance(listed, list) else [body["image"]] if body.get("image") else []
    urls = [item.get("image_url") or item.get("url") or "" if isinstance(item, dict) else "" for item in items]
    try:
        return tuple(base64.b64decode(str(url).partition(";base64,")[2], validate=True) for url in urls)
    except binascii.Error:
        return None


def _usage(body: Mapping[str, Any], quality: str, wanted: _Wanted) -> dict[str, Any]:
    text = max(1, len(str(body["prompt"])) // 4)
    image = 194 * len(wanted.given)
    made = round(_TOKENS.get(quality, 4160) * wanted.pixels[0] * wanted.pixels[1] / 1024**2) * wanted.count
    return {
        "input_tokens": text + image,
        "input_tokens_details": {"image_tokens": image, "text_tokens": text},
        "output_tokens": made,
        "output_tokens_details": {"image_tokens": made, "text_tokens": 0},
        "total_tokens": text + image + made,
    }


def _model_entry(model: Model) -> dict[str, Any]:
    try:
        created = datetime.datetime.fromisoformat(model.released).replace(tzinfo=datetime.UTC)
    except ValueError:  # unknown, or a month alone
        created = datetime.datetime(2025, 1, 1, tzinfo=datetime.UTC)
    entry = {"id": model.name, "object": "model", "created": int(created.timestamp()), "owned_by": "system"}
    return entry | {"shutdown_date": model.shut_down.isoformat() if model.shut_down else None}


def _models(now: datetime.datetime) -> Reply:
    """The living models of OpenAI, each with its date of shut-down."""
    listed = [_model_entry(model) for model in models.current().of_platform("openai") if model.lives(now.date())]
    return Reply(200, {"object": "list", "data": listed})


def _model(name: str, now: datetime.datetime) -> Reply:
    known = texts.served(name, *_PLATFORMS)
    if known is None or not known.lives(now.date()):
        return responses.no_model(name)
    return Reply(200, _model_entry(known))


class OpenAIEmulator(Emulator):
    """An emulated OpenAI API; the arguments are those of `Emulator`."""

    def __init__(self, script: str = "", **arguments: Any) -> None:  # the base class's own arguments
        super().__init__(OpenAIApi(), script, **arguments)
