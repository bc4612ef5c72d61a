"""Shared by the image tests: an emulator, and providers that call it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import pytest
from werkzeug.wrappers import Request, Response

from omni_release.emulators import GeminiEmulator
from omni_release.images import GeminiImageProvider, ImageRequest, ImageResult, Policy, ResilientProvider
from omni_release.images.errors import ImageError
from omni_release.loopback import LoopbackServer

T = TypeVar("T")
OPENAI = "gpt-image-2"
PRO, FLASH = "gemini-3-pro-image", "gemini-3.1-flash-image"
NANO_BANANA = "gemini-nano-banana-2.1"
AT_ONCE = Policy(backoff=0.0)
EVIDENCE = Path(os.environ.get("OMNI_RELEASE_EVIDENCE", Path(__file__).parents[3] / "shared/evidence/gemini"))
OPENAI_EVIDENCE = EVIDENCE.parent / "openai"
needs_evidence = pytest.mark.skipif(
    not EVIDENCE.is_dir(), reason="the recorded traffic is not beside the checkout (OMNI_RELEASE_EVIDENCE names it)"
)


def planted_key() -> str:
    """A key of the real format, built at run time: no file contains one."""
    return "AI" + "za" + "Sy" + "x9Q-_" * 7


@dataclass
class EventLog:
    """A log that keeps its events."""

    events: list[tuple[str, str, dict[str, object]]] = field(default_factory=list)

    def warning(self, event: str, **facts: object) -> None:
        self.events.append(("warning", event, facts))

    def error(self, event: str, **facts: object) -> None:
        self.events.append(("error", event, facts))


@dataclass(frozen=True)
class Received:
    """A request that a test's server has received."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Answers(LoopbackServer):
    """A server that answers with these replies in order, each a code, a body (bytes, or written as JSON) and headers;
    the last one for all further requests.
    """

    def __init__(self, *replies: tuple[int, Any] | tuple[int, Any, dict[str, str]]) -> None:
        self.replies = list(replies)
        self.received: list[Received] = []
        super().__init__(self._application)

    def _application(self, environ: Any, start: Any) -> Any:
        request = Request(environ)
        headers = {name.lower(): value for name, value in request.headers.items()}
        path = request.full_path.rstrip("?")
        self.received.append(Received(request.method, path, headers, request.get_data()))
        code, body, *more = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return Response(content, code, more[0] if more else {}, content_type="application/json")(environ, start)


@dataclass
class Outcome:
    """The outcome of a request: a result or an error, and the models that the emulator was called for."""

    result: ImageResult | None
    error: ImageError | None
    models: list[str]
    log: EventLog


@pytest.fixture
def emulator() -> Iterator[GeminiEmulator]:
    """A new emulator that answers at once."""
    with GeminiEmulator() as running:
        yield running


@contextlib.asynccontextmanager
async def resilient(
    url: str, policy: Policy = AT_ONCE, *, timeout: float = 20.0, fallback: bool = True, **more: Any
) -> AsyncIterator[ResilientProvider]:
    """A resilient provider with both models."""
    async with (
        GeminiImageProvider(PRO, planted_key(), url, timeout) as primary,
        GeminiImageProvider(FLASH, planted_key(), url, timeout) as second,
    ):
        yield ResilientProvider(primary, second if fallback else None, policy, **{"log": EventLog()} | more)


def run(work: Callable[[], Awaitable[T]]) -> T:
    """Run it in a new event loop."""

    async def whole() -> T:
        return await work()

    return asyncio.run(whole())


def run_request(
    emulator: GeminiEmulator,
    script: str,
    policy: Policy = AT_ONCE,
    *,
    timeout: float = 20.0,
    fallback: bool = True,
    request: ImageRequest | None = None,
) -> Outcome:
    """The outcome of one request through both models, with this script."""
    emulator.script(script)
    log = EventLog()
    before = len(emulator.calls)

    async def work() -> tuple[ImageResult | None, ImageError | None]:
        async with resilient(emulator.url, policy, timeout=timeout, fallback=fallback, log=log) as provider:
            try:
                return await provider.generate(request or ImageRequest("an axolotl")), None
            except ImageError as error:
                return None, error

    result, error = run(work)
    emulator.wait_for(lambda calls: not any(call.met == "hang" and not call.left for call in calls))
    return Outcome(result, error, [call.model for call in emulator.calls[before:]], log)
