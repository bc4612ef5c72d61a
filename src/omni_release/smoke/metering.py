"""The calls of a smoke test: the models asked, the responses, the cost, and the rest of the budget."""

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
from omni_release.cassettes import model_and_method
from omni_release.core.settings import Settings
from omni_release.images import answer, pricing
from omni_release.images.api_format import nested_field
from omni_release.images.error_mapping import ErrorAnswer, map_error
from omni_release.images.errors import BudgetExceeded, ConfigurationError, CreditsExhausted, DamagedAnswer
from omni_release.images.pricing import Budget
from omni_release.smoke import LIVE

if TYPE_CHECKING:
    from vcr.request import Request

    from omni_release.emulators import GeminiEmulator
    from omni_release.images import SyncImages

_TRANSIENT = (408, 425, 429)
_PAYMENT_REQUIRED = 402
_BILLED = ("generateContent", "streamGenerateContent")
_PROMPT = 2_000  # characters kept of a prompt
_IMAGE_PARTS = frozenset(("inlineData", "inline_data", "fileData", "file_data"))
_OUTPUT_TOKENS = 8_000  # assumed of a text response without a limit


@dataclass
class Call:
    """One request. `code` is None without a response; `usd` is the cost, None where it is unknown.

    `prompt` is the text of the last turn, `image` the bytes of the image that the response has. `set_up` is what the
    service says where it refuses the key, the account or the location, and not the request.
    """

    method: str
    model: str
    answered: str = ""
    code: int | None = None
    seconds: float = 0.0
    usd: float | None = None
    prompt: str = ""
    set_up: str = ""
    image: bytes | None = field(default=None, repr=False)
    begun: float = field(default=0.0, repr=False)
    reserved: float = field(default=0.0, repr=False)

    @property
    def unanswered(self) -> bool:
        """Whether it says nothing about the release: no response, too many requests, a fault of the service."""
        return self.code is None or self.code in _TRANSIENT or self.code >= 500


class Meter:
    """Counts and prices calls. With a budget in USD, it refuses a call that may exceed it, before it is made.

    `exceeded` is the message of the first refusal, empty before that.
    """

    def __init__(self, usd: float | None) -> None:
        self.budget = None if usd is None else Budget(usd)
        self.exceeded: str = ""
        self._calls: list[Call] = []
        self._open: dict[int, tuple[Request, Call]] = {}
        self._lock = threading.Lock()

    def calls(self) -> tuple[Call, ...]:
        """The calls since the last time this was called."""
        with self._lock:
            calls, self._calls = self._calls, []
            unfinished, self._open = self._open, {}
        for _, call in unfinished.values():  # without a response: what was reserved for it counts as spent
            call.seconds = time.monotonic() - call.begun
            if self.budget is not None:
                self.budget.settle(call.reserved, call.reserved)
        return tuple(calls)

    def begin(self, request: Request) -> None:
        """Count a request before it is sent. Raises BudgetExceeded where it may cost more than is left."""
        model, method = model_and_method(request.path)
        call = Call(method or request.method, model, begun=time.monotonic())
        with self._lock:
            if id(request) in self._open:  # some clients ask twice: before they connect, and before they send
                return
            if self.budget is not None and method in _BILLED:
                try:
                    call.reserved = self.budget.reserve(model, _estimate(model, _json(request.body)))
                except BudgetExceeded as error:
                    self.exceeded = error.message
                    raise
            self._calls.append(call)
            self._open[id(request)] = (request, call)

    def end(self, request: Request, response: dict[str, Any]) -> None:
        """Price a request when its response has arrived."""
        with self._lock:
            _, call = self._open.pop(id(request), (None, None))
            if call is None:
                return
            call.code, call.seconds = response["status"]["code"], time.monotonic() - call.begun
            document = _json(request.body)
            call.prompt = _prompt(document)
            call.answered, call.usd, call.image = _answer(call, document, response)
            call.set_up = _refused_set_up(call, response)
            if self.budget is not None:
                self.budget.settle(call.reserved, call.reserved if call.usd is None else call.usd)


def _json(body: Any) -> dict[str, Any]:
    """A parsed body; empty where it is not a JSON object."""
    try:
        document = json.loads(body or b"{}")
    except (ValueError, TypeError):
        return {}
    return document if isinstance(document, dict) else {}


def _image_size(document: dict[str, Any]) -> str:
    return str(nested_field(document, "generationConfig", "imageConfig", "imageSize") or "1K")


def _estimate(model: str, document: dict[str, Any]) -> float:
    """An upper bound of the cost of a call, in USD. A model without a known price counts as the most expensive one."""
    parts = [
        part
        for content in document.get("contents") or ()
        for part in (content.get("parts") if isinstance(content, dict) else None) or ()
    ]
    tables = [part for part in parts if isinstance(part, dict)]
    characters = sum(len(str(part.get("text") or "")) for part in tables)
    images = sum(not _IMAGE_PARTS.isdisjoint(part) for part in tables)
    modalities = nested_field(document, "generationConfig", "responseModalities")
    known = models.all_models()
    if modalities and "IMAGE" not in modalities:
        limit = nested_field(document, "generationConfig", "maxOutputTokens")
        highest = max(found.price.text_output or 0 for found in known.values() if found.price)
        sent = characters + images * pricing.REFERENCE_TOKENS
        return (sent + (limit if limit and isinstance(limit, int) else _OUTPUT_TOKENS)) * highest / 1_000_000
    size = _image_size(document)
    estimate = pricing.estimate(model, size, characters, images)
    if estimate is None:
        estimate = max(pricing.estimate(name, size, characters, images) or 0 for name in known)
    return estimate


def _prompt(document: dict[str, Any]) -> str:
    """The text of the last turn of a request, as far as a person reads it."""
    contents = document.get("contents")
    last = contents[-1] if isinstance(contents, list) and contents else None
    parts = last.get("parts") if isinstance(last, dict) else None
    texts = [str(part["text"]) for part in parts or () if isinstance(part, dict) and part.get("text")]
    return "\n".join(texts)[:_PROMPT]


def _answer(call: Call, sent: dict[str, Any], response: dict[str, Any]) -> tuple[str, float | None, bytes | None]:
    """The model that a response says it is from, its cost in USD (None where that is unknown), and its image."""
    if call.code is None or call.code >= 400 or call.method != "generateContent":
        return "", 0.0, None
    try:
        parsed = answer.parse(response_body(response))
    except DamagedAnswer:
        return "", None, None
    model, usage = models.bare_name(parsed.model), parsed.usage
    image = parsed.image.image if parsed.image else None
    if image is None and usage is not None and not usage.image:
        price = pricing.price_of(model or call.model)
        rate = max((price.text_output if price else None) or 0, (price.input if price else None) or 0)
        return model, usage.total * rate / 1_000_000, None
    priced = model if models.find(model) else call.model
    return model, pricing.cost_of(priced, usage, _image_size(sent)).usd, image


def _refused_set_up(call: Call, response: dict[str, Any]) -> str:
    """The service's message where it refuses the key, the account or the location; empty for all other answers."""
    if call.code is None or not 400 <= call.code < 500:
        return ""
    found = ErrorAnswer(call.code, _json(response_body(response)), {}, call.model, datetime.datetime.now(datetime.UTC))
    error = map_error(found)
    refused = isinstance(error, ConfigurationError | CreditsExhausted) or call.code == _PAYMENT_REQUIRED
    return error.message if refused else ""


def response_body(response: dict[str, Any]) -> bytes:
    """The decoded body of a response of vcrpy's."""
    from vcr.filters import decode_response

    body = decode_response(response)["body"]["string"]
    return body if isinstance(body, bytes) else str(body).encode()


class Service:
    """The service as a smoke test calls it, in any mode: the value of the `smoke` fixture.

    `model`, `fallback` and `economy` are names: those of the settings, and the cheapest live one of their kind.
    """

    def __init__(self, mode: str, settings: Settings, emulator: GeminiEmulator | None) -> None:
        from omni_release.images.shortcuts import with_environment

        self.mode = mode
        self.model, fallback, self._timeout = with_environment(settings, os.environ)
        self.fallback = fallback or self.model
        self.economy = _cheapest_of_kind(self.model)
        self._emulator = emulator
        self._providers: dict[tuple[str, str], SyncImages] = {}

    def images(self, model: str = "", *, key: str = "") -> SyncImages:
        """The provider of this model (default: the one of the settings), without async; closed with the session."""
        from omni_release.images import GeminiImageProvider, Policy, ResilientProvider, SyncImages

        name = model or self.model
        if (name, key) not in self._providers:
            policy = Policy(retries=2) if self.mode == LIVE else Policy(backoff=0.0)
            provider = GeminiImageProvider(name, key or None, timeout=self._timeout)
            self._providers[name, key] = SyncImages(ResilientProvider(provider, None, policy))
        return self._providers[name, key]

    @contextlib.contextmanager
    def provoked(self, step: str, kind: type[Exception]) -> Iterator[pytest.ExceptionInfo[Exception]]:
        """A context in which `kind` is expected: the emulator is scripted with `step` to cause it.

        Without the exception the test fails on the emulator, and is skipped on a live service, which may not comply.
        """
        if self._emulator is not None:
            self._emulator.script(step)
        caught: pytest.ExceptionInfo[Exception] = pytest.ExceptionInfo.for_later()
        try:
            yield caught
        except kind as error:
            caught.fill_unfilled((type(error), error, error.__traceback__))  # type: ignore[arg-type]  # it has one
            return
        if self._emulator is not None:
            pytest.fail(f"the emulator was scripted with {step!r}, but no {kind.__name__} was raised", pytrace=False)
        pytest.skip(f"the service made an image, so there was no {kind.__name__} to test")

    def close(self) -> None:
        """Close all connections."""
        for images in self._providers.values():
            images.__exit__(None, None, None)
        self._providers = {}


def _cheapest_of_kind(model: str) -> str:
    """The live model of this platform and kind with the lowest known price of a 1K image, or else this one."""
    today = datetime.datetime.now(datetime.UTC).date()
    known = models.find(model)
    prices = [
        (other.price.per_image["1K"], other.name)
        for other in models.all_models().values()
        if other.price
        and "1K" in other.price.per_image
        and other.lives(today)
        and (known is None or (other.platform, other.kind) == (known.platform, known.kind))
    ]
    return min(prices)[1] if prices else model
