"""What an emulated API is to the server: it reads a request, checks its key, and replies."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from werkzeug.wrappers import Request

from omni_release.emulators.responses import Reply
from omni_release.loopback import NAME, SECONDS, FaultType


def fault_types(names: Iterable[str]) -> dict[str, FaultType]:
    """The faults of a script. They are played in order, one for each call; `model` limits a fault to a model."""
    return {name: FaultType({"after": SECONDS, "model": NAME}) for name in names}


@dataclass(frozen=True)
class Asked:
    """What a request asks for. `plays` if the script has a fault for it, as for each call for an image."""

    version: str = ""
    model: str = ""
    method: str = ""
    body: Mapping[str, Any] = field(default_factory=dict)
    plays: bool = False


@dataclass(frozen=True)
class Played:
    """What a reply depends on besides the request: the fault, its delay in seconds, the time, a salt of the call."""

    step: str
    after: float | None
    now: datetime
    salt: bytes


class Api(Protocol):
    """An API that is emulated."""

    faults: Mapping[str, FaultType]
    headers: Mapping[str, str]
    """The headers of every reply."""
    latencies: Mapping[str, tuple[float, float]]
    """The range in seconds of an image, by model."""
    path: str
    """Of the base URL."""

    def read(self, request: Request, content: bytes) -> Asked:
        """What a request asks for."""

    def check_key(self, request: Request, key: str | None) -> Reply | None:
        """The reply to a request without a valid key; `key` is the only valid one, None if all are."""

    def reply(self, asked: Asked, request: Request, played: Played) -> Reply:
        """The reply to a request with a valid key."""


def parse_json(content: bytes) -> dict[str, Any]:
    """The JSON object of a body; empty if it is anything else."""
    try:
        document = json.loads(content or b"{}")
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}
