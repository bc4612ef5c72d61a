"""The emulated Gemini API: its paths and its key."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from werkzeug.wrappers import Request

from omni_release.emulators import responses, service
from omni_release.emulators.api import Asked, Played, fault_types, parse_json
from omni_release.emulators.responses import Reply
from omni_release.emulators.server import Emulator
from omni_release.loopback import FaultType

_PATH = re.compile(r"/(v1|v1beta)/models(?:/([^/:]+))?(?::(\w+))?/?")
_GENERATES = ("generateContent", "streamGenerateContent")

FAULTS = fault_types(responses.NAMES)
LATENCIES = {"gemini-3-pro-image": (17.0, 29.0), "gemini-3.1-flash-image": (6.0, 6.0)}
"""The range in seconds, by model; others take 3 (single samples, 2025-11 to 2026-08)."""


class GeminiApi:
    """The Gemini API: `generateContent`, its stream, and the list of models."""

    path = ""

    def __init__(self) -> None:
        self.faults: Mapping[str, FaultType] = FAULTS
        self.headers: Mapping[str, str] = responses.HEADERS
        self.latencies: Mapping[str, tuple[float, float]] = LATENCIES

    def read(self, request: Request, content: bytes) -> Asked:
        """Version, model and method are in the path."""
        match = _PATH.fullmatch(request.path)
        version, model, method = match.groups(default="") if match else ("", "", "")
        return Asked(version, model, method, parse_json(content), plays=method in _GENERATES)

    def check_key(self, request: Request, key: str | None) -> Reply | None:
        """Any key is valid but one that begins with "invalid", unless there is a valid `key`."""
        given = request.headers.get("x-goog-api-key", "")
        if not _PATH.fullmatch(request.path):
            return None  # there is nothing
        if not given:
            return responses.no_key()
        wrong = given != key if key is not None else given.startswith("invalid")
        return responses.bad_key() if wrong else None

    def reply(self, asked: Asked, request: Request, played: Played) -> Reply:
        """The reply of the fault, or of a healthy service."""
        version, model, method = asked.version, asked.model, asked.method
        if not version:
            return Reply(404, b"<html>404</html>", {"Content-Type": "text/html; charset=UTF-8"}, "no such path")
        if request.method == "GET" and not method:
            size = request.args.get("pageSize", service.DEFAULT_PAGE_SIZE, type=int)
            token = request.args.get("pageToken", "")
            return service.get_model(version, model) if model else service.list_models(token, size)
        if request.method != "POST" or method not in _GENERATES:
            return responses.not_found(version, model, method or request.method)
        if not asked.body:
            return responses.invalid("Invalid JSON payload received.")
        reply = responses.scripted_reply(played.step, version, model, played.after)
        if reply is None:
            reply = service.generate(
                service.GenerateRequest(version, model, asked.body, played.step, played.now, played.salt)
            )
        return reply if method == _GENERATES[0] else service.as_stream(reply, sse=request.args.get("alt") == "sse")


class GeminiEmulator(Emulator):
    """An emulated Gemini API; the arguments are those of `Emulator`."""

    def __init__(self, script: str = "", **arguments: Any) -> None:  # the base class's own arguments
        super().__init__(GeminiApi(), script, **arguments)
