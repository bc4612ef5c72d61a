"""The requests of one scenario: which model was asked, what came, what it cost, and what the budget still allows."""

from __future__ import annotations

import contextlib
import datetime
import json
import os
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from omni_release import models
from omni_release.cassettes import asked
from omni_release.core.settings import Settings
from omni_release.images import answer, pricing
from omni_release.images.api_format import nested_field
from omni_release.images.errors import BudgetExceeded, DamagedAnswer
from omni_release.images.pricing import Budget
from omni_release.smoke import outcomes

if TYPE_CHECKING:
    from vcr.request import Request
if TYPE_CHECKING:
    from omni_release.emulators import GeminiEmulator
    from omni_release.images import SyncImages


_TRANSIENT = (408, 425, 429)

_BILLED = ("generateContent", "streamGenerateContent")


@dataclass
class Call:
    """One request of a scenario. `code` is None where no answer came, `usd` what it cost, as far as is known."""

    method: str
    model: str
    answered: str = ""
    code: int | None = None
    seconds: float = 0.0
    usd: float | None = None
    begun: float = field(default=0.0, repr=False)
    reserved: float = field(default=0.0, repr=False)

    @property
    def unanswered(self) -> bool:
        """Whether what came says nothing about the release: no answer, too much traffic, a fault of the service."""
        return self.code is None or self.code in _TRANSIENT or self.code >= 500


class Meter:
    """Counts and prices calls, and holds them to a budget in USD (None: there is none) before they are made."""

    def __init__(self, usd: float | None) -> None:
        self.budget = None if usd is None else Budget(usd)
        self.exceeded: str = ""
        self._calls: list[Call] = []
        self._open: dict[int, tuple[Request, Call]] = {}
        self._lock = threading.Lock()

    def calls(self) -> tuple[Call, ...]:
        """The calls since this was last asked."""
        with self._lock:
            taken, self._calls = self._calls, []
            left, self._open = self._open, {}
        for _, call in left.values():  # never answered: what was set aside for it stays spent
            call.seconds = time.monotonic() - call.begun
            if self.budget is not None:
                self.budget.settle(call.reserved, call.reserved)
        return tuple(taken)

    def begin(self, request: Request) -> None:
        """A request is about to be sent. Raises BudgetExceeded where it may cost more than is left."""
        model, verb = asked(request.path)
        call = Call(verb or request.method, model, begun=time.monotonic())
        with self._lock:
            if id(request) in self._open:  # some clients ask twice: before they connect, and before they send
                return
            if self.budget is not None and verb in _BILLED:
                try:
                    call.reserved = self.budget.reserve(model, _estimate(model, _json(request.body)))
                except BudgetExceeded as error:
                    self.exceeded = error.message
                    raise
            self._calls.append(call)
            self._open[id(request)] = (request, call)

    def end(self, request: Request, response: dict[str, Any]) -> None:
        """Its answer has come."""
        with self._lock:
            found = self._open.pop(id(request), None)
            if found is None:
                return
            call = found[1]
            call.code, call.seconds = response["status"]["code"], time.monotonic() - call.begun
            call.answered, call.usd = _told(call, request, response)
            if self.budget is not None:
                self.budget.settle(call.reserved, call.reserved if call.usd is None else call.usd)


def _json(body: Any) -> dict[str, Any]:
    try:
        found = json.loads(body or b"{}")
    except (ValueError, TypeError):
        return {}
    return found if isinstance(found, dict) else {}


def _size(document: dict[str, Any]) -> str:
    return str(nested_field(document, "generationConfig", "imageConfig", "imageSize") or "1K")


def _estimate(model: str, document: dict[str, Any]) -> float:
    """The most that a call should come to. A model without a known price is taken for the dearest."""
    characters = sum(len(t) for c in document.get("contents") or () for t in _texts(c))
    modalities = nested_field(document, "generationConfig", "responseModalities")
    if modalities and "IMAGE" not in modalities:
        tokens = nested_field(document, "generationConfig", "maxOutputTokens")
        dearest = max(price.text_output or 0 for price in _prices())
        return (characters + (tokens if tokens and isinstance(tokens, int) else 8_000)) * dearest / 1_000_000
    found = pricing.estimate(model, _size(document), characters)
    if found is None:
        found = max(pricing.estimate(name, _size(document), characters) or 0 for name in models.all_models())
    return found


def _prices() -> list[models.Price]:
    return [model.price for model in models.all_models().values() if model.price]


def _texts(content: Any) -> list[str]:
    parts = content.get("parts") if isinstance(content, dict) else None
    return [str(part["text"]) for part in parts or () if isinstance(part, dict) and part.get("text")]


def _told(call: Call, request: Request, response: dict[str, Any]) -> tuple[str, float | None]:
    """The model that an answer says it is from, and what it cost."""
    if call.code is None or call.code >= 400 or call.method != "generateContent":
        return "", 0.0
    try:
        read = answer.parse(body_of(response))
    except DamagedAnswer:
        return "", None
    model = models.bare_name(read.model)
    usage, size = read.usage, _size(_json(request.body))
    if read.image is None and usage is not None and not usage.image:
        known = models.find(model or call.model)
        price = known.price if known else None
        rate = max((price.text_output if price else None) or 0, (price.input if price else None) or 0)
        return model, usage.total * rate / 1_000_000
    return model, pricing.cost_of(model if models.find(model) else call.model, usage, size).usd


def body_of(response: dict[str, Any]) -> bytes:
    """The body of an answer as vcrpy has it, decoded."""
    from vcr.filters import decode_response

    body = decode_response(response)["body"]["string"]
    return body if isinstance(body, bytes) else str(body).encode()


class Service:
    """How a scenario reaches the service, whatever stands in its place.

    `model`, `fallback` and `economy` are names: what the settings say, and the cheapest living model of their family.
    """

    def __init__(self, mode: str, settings: Settings, emulator: GeminiEmulator | None) -> None:
        from omni_release.images.shortcuts import with_environment

        self.mode = mode
        self.model, fallback, self._seconds = with_environment(settings, os.environ)
        self.fallback = fallback or self.model
        self.economy = _economy(self.model)
        self._emulator = emulator
        self._made: dict[tuple[str, str], SyncImages] = {}

    def images(self, model: str = "", *, key: str = "") -> SyncImages:
        """The provider of this model (default: the one of the settings), without async; closed when all has ended."""
        from omni_release.images import GeminiImageProvider, Policy, ResilientProvider, SyncImages

        wanted = (model or self.model, key)
        if wanted not in self._made:
            live = self.mode == outcomes.LIVE
            policy = Policy(retries=2) if live else Policy(backoff=0.0)
            provider = GeminiImageProvider(wanted[0], key or None, timeout=self._seconds)
            self._made[wanted] = SyncImages(ResilientProvider(provider, None, policy))
        return self._made[wanted]

    @contextlib.contextmanager
    def provoked(self, step: str, kind: type[Exception]) -> Iterator[pytest.ExceptionInfo[Exception]]:
        """What is within raises `kind`: the emulator is told so by `step`; a live service may not do us the favour."""
        if self._emulator is not None:
            self._emulator.script(step)
        caught: pytest.ExceptionInfo[Exception] = pytest.ExceptionInfo.for_later()
        try:
            yield caught
        except kind as error:
            caught.fill_unfilled((type(error), error, error.__traceback__))  # type: ignore[arg-type]  # it has one
            return
        if self._emulator is not None:
            pytest.fail(f"the emulator was told {step!r}, and no {kind.__name__} was raised", pytrace=False)
        pytest.skip(f"the service could not be provoked: it made an image, and raised no {kind.__name__}")

    def close(self) -> None:
        """End all connections."""
        for images in self._made.values():
            images.__exit__(None, None, None)
        self._made = {}


def _economy(model: str) -> str:
    """The cheapest model of the same family that lives and whose price is known."""
    today = datetime.datetime.now(datetime.UTC).date()
    known = models.find(model)
    priced = [
        (one.price.per_image["1K"], one.name)
        for one in models.all_models().values()
        if one.price
        and "1K" in one.price.per_image
        and one.lives(today)
        and (known is None or one.family == known.family)
    ]
    return min(priced)[1] if priced else model
