"""The emulated Anthropic API: messages, whole and streamed, counting tokens, models; as strict as the service.

Bodies, headers and events are as in recorded traffic. Of the messages of errors, only the beginnings are the service's.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from werkzeug.wrappers import Request

from omni_release import models
from omni_release.emulators import texts
from omni_release.emulators.api import Asked, Played, fault_types, parse_json
from omni_release.emulators.responses import CONNECTION_STEPS, Reply
from omni_release.emulators.server import Emulator
from omni_release.emulators.service import is_signed, sign
from omni_release.loopback import FaultType

_PATH = re.compile(r"(?:/v1)?/(messages(?:/count_tokens)?|models)(?:/(.+))?/?")
_OTHER_MODEL = "claude-haiku-5-5"
_PLATFORM = "anthropic"
_THOUGHT = "The question is short."
_SIGNATURE = 300  # bytes
_PAGE = {"Content-Type": "text/html"}

HEADERS = {"Content-Type": "application/json", "Server": "cloudflare", "Vary": "Accept-Encoding"}
"""The headers of every reply."""

TEXT_STEPS = ("ok", "max-tokens", "refusal", "other-model", "no-usage", "stream-error")
"""Steps that answer with a message."""


def error(code: int, kind: str, message: str, headers: Mapping[str, str] | None = None) -> Reply:
    """An error reply."""
    request_id = f"req_{hashlib.sha256(message.encode()).hexdigest()[:24]}"
    body = {"type": "error", "error": {"type": kind, "message": message}, "request_id": request_id}
    return Reply(code, body, headers or {}, name=kind)


def _scripted(name: str, model: str, after: float | None) -> Reply | None:
    """The reply of a step without a message; None if the step needs one, or breaks the connection."""
    wait = {} if after is None else {"Retry-After": f"{after:g}"}
    replies: dict[str, Callable[[], Reply]] = {
        "529": lambda: error(529, "overloaded_error", "Overloaded", wait),
        "500": lambda: error(500, "api_error", "Internal server error"),
        "504": lambda: error(504, "timeout_error", "The request timed out"),
        "429": lambda: error(
            429, "rate_limit_error", "This request would exceed your rate limit", {"Retry-After": f"{after or 20:g}"}
        ),
        "402": lambda: error(402, "billing_error", "Your credit balance is too low"),
        "404": lambda: _no_model(model),
        "400": lambda: error(400, "invalid_request_error", "messages: the request is invalid"),
        "400-context": lambda: error(
            400, "invalid_request_error", "prompt is too long: 3333404 tokens > 200000 maximum"
        ),
        "413": lambda: error(413, "request_too_large", "Request exceeds the maximum size"),
        "bad-key": lambda: error(401, "authentication_error", "invalid x-api-key"),
        "403": lambda: error(403, "permission_error", "Your API key does not have permission to use the model"),
        "not-json": lambda: Reply(200, b"<html>a proxy's page</html>", _PAGE, "not-json"),
        "proxy-502": lambda: Reply(502, b"<html>Bad Gateway</html>", _PAGE, "proxy-502"),
        "damaged": lambda: Reply(200, {}, name="damaged"),
    }
    return replies[name]() if name in replies else None


NAMES = (
    *("529", "500", "504", "429", "402", "404", "400", "400-context", "413", "bad-key", "403"),
    *("not-json", "proxy-502", "damaged", *CONNECTION_STEPS, *TEXT_STEPS),
)
"""All steps of a script."""


def _no_model(model: str) -> Reply:
    return error(404, "not_found_error", f"model: {model}")


class AnthropicApi:
    """The messages API of Anthropic."""

    path = ""

    def __init__(self) -> None:
        self.faults: Mapping[str, FaultType] = fault_types(NAMES)
        self.headers: Mapping[str, str] = HEADERS
        self.latencies: Mapping[str, tuple[float, float]] = {}

    def read(self, request: Request, content: bytes) -> Asked:
        """The model is in the body, or in the path of its entry."""
        match = _PATH.fullmatch(request.path)
        if not match:
            return Asked()
        method, name = match.groups(default="")
        body = parse_json(content)
        return Asked("v1", name or str(body.get("model") or ""), method, body, plays=method == "messages")

    def check_key(self, request: Request, key: str | None) -> Reply | None:
        """Any key is valid but one that begins with "invalid", unless there is a valid `key`."""
        bearer = request.headers.get("Authorization", "").removeprefix("Bearer ").strip()
        given = request.headers.get("X-Api-Key") or bearer
        if not given:
            return error(401, "authentication_error", "x-api-key header is required")
        wrong = given != key if key is not None else given.startswith("invalid")
        return error(401, "authentication_error", "invalid x-api-key") if wrong else None

    def reply(self, asked: Asked, request: Request, played: Played) -> Reply:
        """The reply of the fault, or of a healthy service."""
        if not asked.method:
            return error(404, "not_found_error", "Not found")
        if asked.method == "models":
            return _model(asked.model, played) if asked.model else _models(played)
        if (reply := _scripted(played.step, asked.model, played.after)) is not None:
            return reply
        known = texts.served(asked.model, _PLATFORM)
        if known is None or not known.lives(played.now.date()):
            return _no_model(asked.model)
        if "anthropic-version" not in request.headers:
            return error(400, "invalid_request_error", "anthropic-version: header is required")
        if problem := _problem(asked):
            return error(400, "invalid_request_error", problem)
        if asked.method != "messages":
            return Reply(200, {"input_tokens": texts.tokens(asked.body["messages"])})
        message = _message(asked, played)
        if asked.body.get("stream"):
            return texts.as_events(_events(message, played), named=True)
        return Reply(200, message)


def _problem(asked: Asked) -> str:
    """What is wrong with a request; empty for a valid one. A thought that comes back has its signature."""
    turns = asked.body.get("messages")
    if not isinstance(turns, list) or not turns:
        return "messages: at least one message is required"
    limit = asked.body.get("max_tokens")
    if asked.method == "messages" and (type(limit) is not int or limit < 1):
        return "max_tokens: Field required"
    for number, turn in enumerate(turns):
        if not isinstance(turn, Mapping) or turn.get("role") not in ("user", "assistant"):
            return f"messages.{number}.role: Input should be 'user' or 'assistant'"
        blocks = turn.get("content")
        for at, block in enumerate(blocks if isinstance(blocks, list) else ()):
            if isinstance(block, Mapping) and block.get("type") == "thinking" and not _is_own(block):
                return f"messages.{number}.content.{at}: Invalid `signature` in `thinking` block"
    return ""


def _is_own(block: Mapping[str, Any]) -> bool:
    try:
        signature = base64.b64decode(str(block.get("signature") or ""), validate=True)
    except ValueError:
        return False
    return len(signature) == _SIGNATURE and is_signed(signature, str(block.get("thinking")).encode())


def _message(asked: Asked, played: Played) -> dict[str, Any]:
    body = asked.body
    form = body.get("output_config") or body.get("output_format") or {}
    form = form.get("format", form) if isinstance(form, Mapping) else {}
    text = texts.answer_of(form.get("schema") if isinstance(form, Mapping) else None)
    thinking = body.get("thinking")
    content: list[dict[str, Any]] = []
    if isinstance(thinking, Mapping) and thinking.get("type") in ("enabled", "adaptive"):
        signature = base64.b64encode(sign(_THOUGHT.encode(), _SIGNATURE)).decode()
        content.append({"type": "thinking", "thinking": _THOUGHT, "signature": signature})
    content.append({"type": "text", "text": text})
    reasons = {"max-tokens": "max_tokens", "refusal": "refusal"}
    message: dict[str, Any] = {
        "model": _OTHER_MODEL if played.step == "other-model" else asked.model,
        "id": f"msg_{hashlib.sha256(played.salt).hexdigest()[:24]}",
        "type": "message",
        "role": "assistant",
        "content": [] if played.step == "refusal" else content,
        "stop_reason": reasons.get(played.step, "end_turn"),
        "stop_sequence": None,
        "usage": {
            "input_tokens": texts.tokens(body["messages"]),
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 0,
            "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
            "output_tokens": texts.tokens(content),
            "service_tier": "standard",
        },
    }
    if played.step == "no-usage":
        del message["usage"]
    return message


def _events(message: Mapping[str, Any], played: Played) -> Iterator[dict[str, Any]]:
    """The events of a stream; the usage of the whole is in the last but one."""
    usage = message.get("usage")
    begun = {**message, "content": [], "stop_reason": None}
    if usage:
        begun["usage"] = {**usage, "output_tokens": 1}
    yield {"type": "message_start", "message": begun}
    if played.step == "stream-error":
        yield {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
        return
    for index, block in enumerate(message["content"]):
        is_text = block["type"] == "text"
        empty = {"type": "text", "text": ""} if is_text else {"type": "thinking", "thinking": "", "signature": ""}
        yield {"type": "content_block_start", "index": index, "content_block": empty}
        deltas = (
            [{"type": "text_delta", "text": block["text"]}]
            if is_text
            else [
                {"type": "thinking_delta", "thinking": block["thinking"]},
                {"type": "signature_delta", "signature": block["signature"]},
            ]
        )
        yield from ({"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas)
        yield {"type": "content_block_stop", "index": index}
    ended = {"stop_reason": message["stop_reason"], "stop_sequence": None}
    last = {"usage": {name: usage[name] for name in usage if name.endswith("_tokens")}} if usage else {}
    yield {"type": "message_delta", "delta": ended, **last}
    yield {"type": "message_stop"}


def _entry(name: str) -> dict[str, Any]:
    title = name.replace("-", " ").title()
    return {"type": "model", "id": name, "display_name": title, "created_at": "2026-01-01T00:00:00Z"}


def _models(played: Played) -> Reply:
    found = models.current().of_platform(_PLATFORM)
    listed = [_entry(model.name) for model in found if model.lives(played.now.date())]
    ends = {"first_id": listed[0]["id"], "last_id": listed[-1]["id"]} if listed else {}
    return Reply(200, {"data": listed, "has_more": False, **ends})


def _model(name: str, played: Played) -> Reply:
    known = texts.served(name, _PLATFORM)
    return Reply(200, _entry(name)) if known and known.lives(played.now.date()) else _no_model(name)


class AnthropicEmulator(Emulator):
    """An emulated Anthropic API; the arguments are those of `Emulator`."""

    def __init__(self, script: str = "", **arguments: Any) -> None:  # the base class's own arguments
        super().__init__(AnthropicApi(), script, **arguments)
