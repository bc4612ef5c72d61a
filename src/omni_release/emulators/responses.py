"""Replies without a generated image, and sample images: status, body and headers as in recorded traffic.

Codes, statuses, details and keys are the same. Of the messages, only the beginnings on which clients match are.
"""

from __future__ import annotations

import functools
import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from omni_release.core.vendors import VENDORS

DOMAIN = VENDORS["gemini"].hosts[0]

_RPC = "type.googleapis.com/google.rpc."


@dataclass(frozen=True)
class Reply:
    """A reply to a request. Bytes as `content` are sent unchanged, anything else as JSON."""

    code: int
    content: Any
    headers: Mapping[str, str] = field(default_factory=dict)
    name: str = "ok"


HEADERS = {
    "Content-Type": "application/json; charset=UTF-8",
    "Vary": "Origin, X-Origin, Referer",
    "Server": "scaffolding on HTTPServer2",
    "X-XSS-Protection": "0",
    "X-Frame-Options": "SAMEORIGIN",
    "X-Content-Type-Options": "nosniff",
    "Server-Timing": "gfet4t7; dur=48",
}
"""The headers of every reply."""


def error(code: int, status: str, message: str, *details: dict[str, Any]) -> dict[str, Any]:
    """An error body."""
    content: dict[str, Any] = {"code": code, "message": message, "status": status}
    if details:
        content["details"] = [detail | {"@type": _RPC + detail["@type"]} for detail in details]
    return {"error": content}


def _info(reason: str, **metadata: str) -> dict[str, Any]:
    return {"@type": "ErrorInfo", "reason": reason, "domain": "googleapis.com", "metadata": metadata}


def _quota(model: str, kind: str, value: str) -> dict[str, Any]:
    violation = {
        "quotaMetric": f"{DOMAIN}/generate_content_requests",
        "quotaId": f"GenerateRequests{kind}",
        "quotaDimensions": {"model": model, "location": "global"},
        "quotaValue": value,
    }
    return {"@type": "QuotaFailure", "violations": [violation]}


def _help(description: str, url: str) -> dict[str, Any]:
    return {"@type": "Help", "links": [{"description": description, "url": url}]}


def not_found(version: str, model: str, method: str = "generateContent") -> Reply:
    """An unknown model, in the newer of the two wordings."""
    message = f"models/{model} is not found for API version {version}, or is not supported for {method}. "
    message += "Call ModelService.ListModels to see what there is."
    return Reply(404, error(404, "NOT_FOUND", message), name="404")


def invalid(message: str) -> Reply:
    """A request that is rejected."""
    return Reply(400, error(400, "INVALID_ARGUMENT", message), name="400")


def missing_signature(content: int, part: int) -> Reply:
    """An image that comes back without its signature; positions count from 1."""
    return invalid(
        f"Image part is missing a thought_signature in content position {content}, part position {part}. "
        "Please refer to https://ai.google.dev/gemini-api/docs/thought-signatures for more details."
    )


def bad_key() -> Reply:
    """An invalid key: 400, not 401."""
    message = "API key not valid. Please pass a valid API key."
    localized = {"@type": "LocalizedMessage", "locale": "en-US", "message": message}
    body = error(400, "INVALID_ARGUMENT", message, _info("API_KEY_INVALID", service=DOMAIN), localized)
    return Reply(400, body, name="bad-key")


def no_key() -> Reply:
    """A call without a key."""
    return Reply(403, error(403, "PERMISSION_DENIED", "Method doesn't allow unregistered callers."), name="no-key")


def _rate_limited(model: str, after: float | None) -> Reply:
    seconds = 20.0 if after is None else after
    body = error(
        429,
        "RESOURCE_EXHAUSTED",
        f"You exceeded your current quota, please check your plan.\nPlease retry in {seconds:g}s.",
        _help("Learn more about Gemini API quotas", "https://ai.google.dev/gemini-api/docs/rate-limits"),
        _quota(model, "PerMinutePerProjectPerModel", "10"),
        {"@type": "RetryInfo", "retryDelay": f"{seconds:g}s"},
    )
    return Reply(429, body, name="429")


def _quota_spent(model: str, kind: str, value: str) -> Reply:
    message = "You exceeded your current quota, please check your plan and billing details."
    retry = {"@type": "RetryInfo", "retryDelay": "31s"}  # the service sends it here too, although a retry cannot help
    return Reply(429, error(429, "RESOURCE_EXHAUSTED", message, _quota(model, kind, value), retry), name="quota")


def _overloaded(message: str, after: float | None) -> Reply:
    headers = {} if after is None else {"Retry-After": f"{after:g}"}
    return Reply(503, error(503, "UNAVAILABLE", message), headers, "503")


def _disabled() -> Reply:
    url = f"https://console.developers.google.com/apis/api/{DOMAIN}/overview?project=12345678"
    body = error(
        403,
        "PERMISSION_DENIED",
        f"Generative Language API has not been used in project 12345678 before or it is disabled. Enable it: {url}",
        _help("Google developers console API activation", url),
        _info("SERVICE_DISABLED", service=DOMAIN, consumer="projects/12345678"),
    )
    return Reply(403, body, name="403-disabled")


def _without_content(model: str, reason: str, message: str = "") -> Reply:
    """A 200 whose candidate has no content, with its finishReason and finishMessage."""
    candidate: dict[str, Any] = {"content": {}, "finishReason": reason, "index": 0}
    if message:
        candidate["finishMessage"] = message
    usage = {"promptTokenCount": 14, "candidatesTokenCount": 0, "totalTokenCount": 305, "thoughtsTokenCount": 291}
    return Reply(200, {"candidates": [candidate], "usageMetadata": usage, "modelVersion": model}, name=reason)


def _blocked(model: str) -> Reply:
    usage = {"promptTokenCount": 14, "totalTokenCount": 14}
    return Reply(
        200,
        {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}, "usageMetadata": usage, "modelVersion": model},
        name="blocked",
    )


def text_only(model: str, text: str, finish: str = "STOP") -> Reply:
    """A 200 with a text and without an image."""
    content = {"parts": [{"text": text}], "role": "model"}
    usage = {"promptTokenCount": 18, "candidatesTokenCount": 48, "totalTokenCount": 66}
    candidate = {"content": content, "finishReason": finish, "index": 0}
    return Reply(200, {"candidates": [candidate], "usageMetadata": usage, "modelVersion": model}, name="text")


def _other_part(model: str, part: dict[str, Any]) -> Reply:
    """A 200 with a part that is neither text nor an image."""
    usage = {"promptTokenCount": 18, "candidatesTokenCount": 48, "totalTokenCount": 66}
    candidate = {"content": {"parts": [part], "role": "model"}, "finishReason": "STOP", "index": 0}
    return Reply(200, {"candidates": [candidate], "usageMetadata": usage, "modelVersion": model}, name="other-part")


_FILTERED = "Unable to show the generated image. You will not be charged for this request. Try rephrasing the prompt."


def scripted_reply(name: str, version: str, model: str, after: float | None) -> Reply | None:
    """The reply of a step without an image; None if the step needs an image, or breaks the connection."""
    replies: dict[str, Callable[[], Reply]] = {
        "503": lambda: _overloaded("This model is currently experiencing high demand. Please try again later.", after),
        "503-overloaded": lambda: _overloaded("The model is overloaded. Please try again later.", after),
        "503-unavailable": lambda: _overloaded("The service is currently unavailable.", after),
        "500": lambda: Reply(500, error(500, "INTERNAL", "An internal error has occurred."), name="500"),
        "504": lambda: Reply(504, error(504, "DEADLINE_EXCEEDED", "Deadline expired."), name="504"),
        "429": lambda: _rate_limited(model, after),
        "429-day": lambda: _quota_spent(model, "PerDayPerProjectPerModel", "250"),
        "429-zero": lambda: _quota_spent(model, "PerMinutePerProjectPerModel-FreeTier", "0"),
        "429-credits": lambda: Reply(
            429, error(429, "RESOURCE_EXHAUSTED", "Your prepayment credits are depleted."), name="429-credits"
        ),
        "402": lambda: Reply(402, error(402, "PAYMENT_REQUIRED", "Your prepayment credits are depleted."), name="402"),
        "409": lambda: Reply(409, error(409, "ABORTED", "The operation was aborted."), name="409"),
        "499": lambda: Reply(499, error(499, "CANCELLED", "The operation was cancelled."), name="499"),
        "404": lambda: not_found(version, model),
        "400": lambda: invalid("Invalid value at 'generation_config'."),
        "400-signature": lambda: missing_signature(2, 1),
        "400-location": lambda: Reply(
            400,
            error(400, "FAILED_PRECONDITION", "User location is not supported for the API use."),
            name="400-location",
        ),
        "bad-key": bad_key,
        "403-leaked": lambda: Reply(
            403, error(403, "PERMISSION_DENIED", "Your API key was reported as leaked."), name="403-leaked"
        ),
        "403-disabled": _disabled,
        "blocked": lambda: _blocked(model),
        "refused": lambda: _without_content(model, "IMAGE_SAFETY", _FILTERED),
        "prohibited": lambda: _without_content(model, "PROHIBITED_CONTENT"),
        "armor": lambda: _without_content(model, "MODEL_ARMOR"),
        "image-other": lambda: _without_content(model, "IMAGE_OTHER", _FILTERED),
        "no-image": lambda: _without_content(model, "NO_IMAGE"),
        "max-tokens": lambda: _without_content(model, "MAX_TOKENS"),
        "text": lambda: text_only(model, "A small axolotl waves from behind a stone. It does not want to be drawn."),
        "audio": lambda: _other_part(model, {"inlineData": {"mimeType": "audio/wav", "data": "UklGRg=="}}),
        "function": lambda: _other_part(model, {"functionCall": {"name": "draw", "args": {}}}),
        "empty": lambda: Reply(200, {"modelVersion": model}, name="empty"),
        "200-error": lambda: Reply(200, error(503, "UNAVAILABLE", "The model is overloaded."), name="200-error"),
        "not-json": lambda: Reply(200, b"<html>a proxy's page</html>", {"Content-Type": "text/html"}, "not-json"),
        "proxy-502": lambda: Reply(502, b"<html>Bad Gateway</html>", {"Content-Type": "text/html"}, "proxy-502"),
        "redirect": lambda: Reply(307, b"", {"Location": "https://elsewhere.invalid/"}, "redirect"),
        "huge": lambda: Reply(200, b'{"candidates":[' + b" " * 50_000_000 + b"]}", name="huge"),
    }
    return replies[name]() if name in replies else None


IMAGE_STEPS = ("ok", "thought", "snake", "unpadded", "png", "jpeg", "corrupt", "cut-image", "other-model", "retiring")
"""Steps that answer with an image."""

CONNECTION_STEPS = ("hang", "truncate", "drop", "slow", "trickle")
"""Steps below HTTP. `slow` answers after `after` seconds (1), `trickle` sends the body within `after` seconds (30)."""

NAMES = (
    *("503", "503-overloaded", "503-unavailable", "500", "504", "409", "499", "200-error"),
    *("429", "429-day", "429-zero", "429-credits", "402", "404", "armor", "audio", "function"),
    *("400", "400-signature", "400-location", "bad-key", "403-leaked", "403-disabled", "blocked", "refused"),
    *("prohibited", "image-other", "no-image", "max-tokens", "text", "empty", "not-json", "proxy-502", "redirect"),
    *("huge", *CONNECTION_STEPS, *IMAGE_STEPS),
)
"""All steps of a script."""


_SHAPES = {
    "": (1408, 768),  # the answer of pro without a ratio (recorded 2025-11 and 2026-07)
    "1:1": (1024, 1024),
    "2:3": (848, 1264),
    "3:2": (1264, 848),
    "3:4": (896, 1200),
    "4:3": (1200, 896),
    "4:5": (928, 1152),
    "5:4": (1152, 928),
    "9:16": (768, 1376),
    "16:9": (1376, 768),
    "21:9": (1584, 672),
    "1:4": (512, 2064),
    "4:1": (2064, 512),
    "1:8": (352, 2928),
    "8:1": (2928, 352),
}
"""Width and height at 1K, by aspect ratio (Gemini API, image generation, 2026-09; the last four are computed)."""

_SCALES = {"": 1.0, "512": 0.5, "1K": 1.0, "2K": 2.0, "4K": 4.0}

_ONLY_1K = ("gemini-3.1-flash-lite-image", "gemini-2.5-flash-image")
_NO_LONG_RATIOS = ("gemini-3-pro-image", "gemini-2.5-flash-image")


def image_size(model: str, aspect_ratio: str, size: str) -> tuple[int, int] | None:
    """Width and height in pixels; None if the model does not accept this ratio or size."""
    if aspect_ratio not in _SHAPES or size not in _SCALES:
        return None
    if (size == "512" and model == "gemini-3-pro-image") or (size not in ("", "1K") and model in _ONLY_1K):
        return None
    if aspect_ratio in ("1:4", "4:1", "1:8", "8:1") and model in _NO_LONG_RATIOS:
        return None
    width, height = _SHAPES[aspect_ratio]
    return int(width * _SCALES[size]), int(height * _SCALES[size])


@functools.lru_cache(maxsize=64)
def sample_image(width: int, height: int, mime_type: str, colour: int) -> bytes:
    """An image of one colour (0 to 255), in PNG, JPEG or WebP."""
    from PIL import Image

    buffer = io.BytesIO()
    # One channel, or one palette: as valid as three channels, and much faster to decode.
    if mime_type == "image/jpeg":
        Image.new("L", (width, height), colour).save(buffer, "JPEG", quality=70, optimize=True)
    elif mime_type == "image/webp":
        Image.new("RGB", (width, height), (colour, colour, colour)).save(buffer, "WEBP", lossless=True)
    else:
        image = Image.new("P", (width, height))
        image.putpalette((colour, 255 - colour, 128))
        image.save(buffer, "PNG", bits=1)
    return buffer.getvalue()
