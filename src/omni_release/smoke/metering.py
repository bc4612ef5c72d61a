"""The cost of calls: what each may cost before it is made, what it has cost, and the rest of the budget."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from omni_release import models
from omni_release.cassettes import content_coding
from omni_release.cassettes.api_calls import Asked, asked, at_path, request_fields
from omni_release.cassettes.bodies import header
from omni_release.cassettes.content_coding import NotDecodable
from omni_release.cassettes.shrink import binary_type
from omni_release.images import openai_requests, pricing
from omni_release.images.errors import BudgetExceeded
from omni_release.images.pricing import Budget
from omni_release.smoke.answers import Call, read_answer

if TYPE_CHECKING:
    from vcr.request import Request

_OUTPUT_TOKENS = 8_000  # assumed of a text response without a limit
_NAMES_OF_FILES = frozenset(("inlineData", "inline_data", "fileData", "file_data"))


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
        sent = _fields(request)
        call = Call(asked(request.method, request.uri, sent), begun=time.monotonic())
        with self._lock:
            if id(request) in self._open:  # some clients ask twice: before they connect, and before they send
                return
            if self.budget is not None and not call.asked.is_free:
                try:
                    call.reserved = self.budget.reserve(call.model or call.asked.vendor, _estimate(call.asked, sent))
                except BudgetExceeded as error:
                    self.exceeded = error.message
                    if pricing.price_of(call.model, call.asked.platform) is None:
                        self.exceeded += "; its price is unknown, so it counts as the most expensive model"
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
            read_answer(call, _fields(request), response_body(response))
            if self.budget is not None:
                self.budget.settle(call.reserved, call.reserved if call.usd is None else call.usd)


def sent_body(request: Request) -> bytes:
    """The decompressed body of a request of vcrpy's, which may be a file or an iterator."""
    body = request.body
    if hasattr(body, "read"):
        body = body.read()
    data = body.encode() if isinstance(body, str) else body if isinstance(body, bytes) else b"".join(body or ())
    return _decompressed(data, request.headers)


def _decompressed(data: bytes, headers: Mapping[str, Any]) -> bytes:
    """The body without its content coding; as it is where a client has decompressed it, or where that is impossible."""
    try:
        return content_coding.decode(data, header({"headers": headers}, "content-encoding"))
    except NotDecodable:
        return data


def asked_by(request: Request) -> Asked:
    """What a request of vcrpy's asks for."""
    return asked(request.method, request.uri, _fields(request))


def _fields(request: Request) -> dict[str, Any]:
    return request_fields(sent_body(request), str(request.headers.get("content-type", "")))


def _estimate(wanted: Asked, document: dict[str, Any]) -> float:
    """An upper bound of the cost of a call, in USD. A model without a known price counts as the most expensive one."""
    characters, images = _sent(document)
    size = str(at_path(document, "generationConfig.imageConfig.imageSize") or "1K")
    modalities = at_path(document, "generationConfig.responseModalities")
    form = wanted.form.name if wanted.form else ""
    modalities = modalities if isinstance(modalities, list) else []
    if form == "generateContent" and (not modalities or "IMAGE" in modalities) and _makes_images(wanted.model):
        estimate = pricing.estimate(wanted.model, size, characters, images)
        known = models.all_models()
        return max(pricing.estimate(n, size, characters, images) or 0 for n in known) if estimate is None else estimate
    if form == "images":
        return _estimate_images(wanted, document, characters, images)
    limits = (at_path(document, place) for place in (wanted.form.limits if wanted.form else ()))
    limit = next((limit for limit in limits if type(limit) is int and limit > 0), _OUTPUT_TOKENS)
    count = document.get("n") or at_path(document, "generationConfig.candidateCount")
    answers = count if type(count) is int and count > 0 else 1
    answered = 0 if form == "embeddings" else limit * answers
    return pricing.estimate_text(wanted.model, characters, images, answered, wanted.platform)


def _makes_images(model: str) -> bool:
    """Whether a model of Gemini may answer with an image, so that its estimate has to allow for one."""
    known = models.find(model)
    return known is None or known.kind == "image" or bool(known.price and known.price.per_image)


def _estimate_images(wanted: Asked, document: dict[str, Any], characters: int, images: int) -> float:
    """An upper bound of the cost of the images of OpenAI's API; in a form all values are texts."""
    match = re.fullmatch(r"(\d{2,4})x(\d{2,4})", str(document.get("size") or ""))
    pixels = int(match[1]) * int(match[2]) if match else 1536 * 1024
    quality = str(document.get("quality") or "high").replace("auto", "high")
    tokens = openai_requests.image_tokens(pixels, quality)
    count = int(n) if (n := str(document.get("n") or 1)).isdigit() else 1
    known = (wanted.model, *(models.all_models() if pricing.price_of(wanted.model) is None else ()))
    found = (pricing.estimate_tokens(name, tokens, characters, images) for name in known)
    return max((usd for usd in found if usd is not None), default=1.0) * count


def _sent(value: Any, name: str = "", parent: Any = None) -> tuple[int, int]:
    """The characters of all texts in a request, and the number of images and files in it."""
    if isinstance(value, str):
        return (len(value), 0) if binary_type(name, parent, value) is None else (0, 1)
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    counts = [_sent(item, str(name), value) for name, item in items if name not in _NAMES_OF_FILES]
    files = sum(name in _NAMES_OF_FILES for name in value) if isinstance(value, dict) else 0
    return sum(characters for characters, _ in counts), files + sum(images for _, images in counts)


def response_body(response: dict[str, Any]) -> bytes:
    """The decompressed body of a response of vcrpy's."""
    body = response["body"]["string"]
    return _decompressed(body if isinstance(body, bytes) else str(body).encode(), response["headers"])
