"""Replies of the OpenAI images API without an image: status, type, code and headers as in recorded traffic.

Of the messages, only the beginnings are the service's. No public recording of a refusal, a 429 or a 503 of the images
paths was found: those follow the vendor's API description and public threads.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from omni_release.emulators.responses import CONNECTION_STEPS, Reply

HEADERS = {
    "Content-Type": "application/json",
    "openai-version": "2020-10-01",
    "x-content-type-options": "nosniff",
    "Server": "cloudflare",
}
"""The headers of every reply."""

_USER = "image_generation_user_error"
_INVALID = "invalid_request_error"


def error(code: int, kind: str | None, word: str | None, message: str, param: str | None = None, **more: Any) -> Reply:
    """An error reply."""
    body = {"message": message, "type": kind, "param": param, "code": word, **more}
    return Reply(code, {"error": body}, name=word or str(code))


def invalid(message: str, param: str, word: str = "invalid_value") -> Reply:
    """A request that is rejected."""
    return error(400, _USER if word == "invalid_image_file" else _INVALID, word, message, param)


def no_model(model: str) -> Reply:
    """A name that is unknown, shut down, or not open to this account."""
    message = f"The model `{model}` does not exist or you do not have access to it."
    return error(404, _INVALID, "model_not_found", message)


def no_key() -> Reply:
    """A call without a key."""
    return error(401, _INVALID, None, "You didn't provide an API key.")


def bad_key(key: str) -> Reply:
    """An invalid key; the message has its beginning and its end, as the service writes it."""
    shown = key if len(key) < 13 else f"{key[:8]}{'*' * (len(key) - 12)}{key[-4:]}"
    return error(401, _INVALID, "invalid_api_key", f"Incorrect API key provided: {shown}.")


def _rate_limited(after: float | None) -> Reply:
    seconds = 20.0 if after is None else after
    headers = {
        "Retry-After": f"{seconds:g}",
        "x-ratelimit-limit-images": "5",
        "x-ratelimit-remaining-images": "0",
        "x-ratelimit-reset-images": f"{seconds:g}s",
    }
    body = error(
        429, "rate_limit_error", "rate_limit_exceeded", f"Rate limit reached. Please try again in {seconds:g}s."
    )
    return Reply(429, body.content, headers, "429")


def _overloaded(after: float | None) -> Reply:
    headers = {} if after is None else {"Retry-After": f"{after:g}"}
    body = error(503, "service_unavailable_error", "server_is_overloaded", "The server is currently overloaded.")
    return Reply(503, body.content, headers, "503")


def _refused(stage: str) -> Reply:
    details = {"moderation_stage": stage, "categories": ["violence"]}
    message = "Your request was rejected by the safety system."
    return error(400, _USER, "moderation_blocked", message, moderation_details=details)


def _filtered() -> Reply:
    inner = {"code": "ResponsibleAIPolicyViolation", "content_filter_results": {"violence": {"filtered": True}}}
    return error(400, None, "content_filter", "The response was filtered.", inner_error=inner)


def _account(word: str, message: str) -> Reply:
    return error(429, "insufficient_quota" if word == "insufficient_quota" else None, word, message)


_PAGE = {"Content-Type": "text/html"}


def scripted_reply(name: str, model: str, after: float | None) -> Reply | None:
    """The reply of a step without an image; None if the step needs an image, or breaks the connection."""
    replies: dict[str, Callable[[], Reply]] = {
        "503": lambda: _overloaded(after),
        "500": lambda: error(500, "server_error", None, "The server had an error while processing your request."),
        "504": lambda: Reply(504, b"<html>Gateway Timeout</html>", _PAGE, "504"),
        "408": lambda: error(408, _INVALID, None, "Request timed out."),
        "409": lambda: error(409, _INVALID, None, "The resource was updated by another process."),
        "429": lambda: _rate_limited(after),
        "slow-down": lambda: error(429, "rate_limit_error", "slow_down", "Slow down."),
        "429-credits": lambda: _account("insufficient_quota", "You exceeded your current quota."),
        "429-limit": lambda: _account("project_spend_limit_exceeded", "The project has reached its spend limit."),
        "402": lambda: error(402, None, "insufficient_credits", "Insufficient credits."),
        "404": lambda: no_model(model),
        "400": lambda: invalid("Invalid value: 'x'.", "size"),
        "400-image": lambda: invalid("Invalid image data.", "image", "invalid_image_file"),
        "400-context": lambda: invalid("Your input exceeds the context window.", "prompt", "context_length_exceeded"),
        "bad-key": lambda: bad_key("k" * 20),
        "403-unverified": lambda: error(403, _INVALID, None, "Your organization must be verified to use the model."),
        "403-region": lambda: error(
            403, "request_forbidden", "unsupported_country_region_territory", "Country not supported."
        ),
        "blocked": lambda: _refused("input"),
        "refused": lambda: _refused("output"),
        "filtered": _filtered,
        "empty": lambda: Reply(200, {"created": 1, "data": []}, name="empty"),
        "damaged": lambda: Reply(200, {}, name="damaged"),
        "200-error": lambda: Reply(200, {"error": {"message": "Upstream error.", "code": 502}}, name="200-error"),
        "not-json": lambda: Reply(200, b"<html>a proxy's page</html>", _PAGE, "not-json"),
        "proxy-502": lambda: Reply(502, b"<html>Bad Gateway</html>", _PAGE, "proxy-502"),
        "redirect": lambda: Reply(307, b"", {"Location": "https://elsewhere.invalid/"}, "redirect"),
        "huge": lambda: Reply(200, b'{"data":[' + b" " * 70_000_000 + b"]}", name="huge"),
    }
    return replies[name]() if name in replies else None


IMAGE_STEPS = ("ok", "png", "jpeg", "webp", "url", "unpadded", "data-url", "corrupt", "cut-image", "no-usage")
"""Steps that answer with an image."""

TEXT_STEPS = ("max-tokens", "other-model", "stream-error")
"""Steps that answer with a text in another way; an image is made as ever."""

NAMES = (
    *("503", "500", "504", "408", "409", "429", "slow-down", "429-credits", "429-limit", "402", "404"),
    *("400", "400-image", "400-context", "bad-key", "403-unverified", "403-region", "blocked", "refused", "filtered"),
    *("empty", "damaged", "200-error", "not-json", "proxy-502", "redirect", "huge", *CONNECTION_STEPS, *IMAGE_STEPS),
    *TEXT_STEPS,
)
"""All steps of a script."""
