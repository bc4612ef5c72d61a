"""A call of a smoke test, and what its response says: model, tokens, cost, image, and why it is refused."""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from omni_release import models
from omni_release.cassettes.api_calls import Asked, at_path, parsed, read
from omni_release.cassettes.exchanges import TURNS
from omni_release.core.vendors import VENDORS
from omni_release.images import answer, openai_answers, pricing
from omni_release.images.error_mapping import ErrorAnswer, map_error
from omni_release.images.errors import (
    ConfigurationError,
    CreditsExhausted,
    DamagedAnswer,
    ImageError,
    Overloaded,
    RateLimited,
    ServiceFault,
    TimedOut,
)
from omni_release.images.model import image_type
from omni_release.images.pricing import TokenCounts
from omni_release.models import references
from omni_release.models.facts import Stage

_TRANSIENT = (408, 425, 429)
_PAYMENT_REQUIRED = 402
_FAULTS = (Overloaded, RateLimited, ServiceFault, TimedOut)
_ENDING = ("LEGACY", "DEPRECATED", "RETIRED")
_PROMPT = 2_000  # characters kept of a prompt


@dataclass
class Call:
    """One request. `code` is None without a response; `usd` is the cost, None where it is unknown.

    `sent` and `received` are tokens of a call for text, None where they are unknown, and `is_free` says that the
    request is no call of a model. `prompt` is the text of the last turn, `image` the bytes of the image that the
    response has. `set_up` is what the service says where it refuses the key, the account or the location, and not the
    request; `fault` is what it says in the middle of an answer, where it could not complete it, `retires` what
    it says about the end of the model.
    """

    asked: Asked
    answered: str = ""
    code: int | None = None
    seconds: float = 0.0
    usd: float | None = None
    sent: int | None = None
    received: int | None = None
    prompt: str = ""
    set_up: str = ""
    fault: str = ""
    retires: str = ""
    image: bytes | None = field(default=None, repr=False)
    begun: float = field(default=0.0, repr=False)
    reserved: float = field(default=0.0, repr=False)

    @property
    def model(self) -> str:
        """The model that was asked."""
        return self.asked.model

    @property
    def unanswered(self) -> bool:
        """Whether it says nothing about the release: no response, too many requests, a fault of the service."""
        return self.code is None or is_transient(self.code) or bool(self.fault)


def is_transient(code: int) -> bool:
    """Whether a response of this code says nothing about the release."""
    return code in _TRANSIENT or code >= 500


def read_answer(call: Call, sent: dict[str, Any], body: bytes) -> None:
    """Note in a call what its response says: the model, the tokens, the cost, an image, and why it is refused."""
    call.prompt = _prompt(sent)
    try:
        documents, _ = parsed(body)
    except (ValueError, RecursionError):
        documents = ()
    code = call.code or 0
    if code >= 400:
        call.usd = 0.0
        call.set_up = _refused_set_up(call, documents[0] if documents else {})
    elif call.asked.is_free:
        call.usd = 0.0
        named = at_path(documents[0], "model") if documents and call.asked.form else None
        call.answered = named if isinstance(named, str) else ""
        call.image = body if image_type(body) else None  # at the address that an earlier answer gave
    elif call.asked.form is not None:
        _read_whole(call, sent, documents)


def _read_whole(call: Call, sent: dict[str, Any], documents: Sequence[Any]) -> None:
    form = call.asked.form
    assert form is not None
    found = read(form, documents)
    call.answered = models.bare_name(found.model)
    call.retires = _retires(documents)
    if found.error is not None:
        error = _error_of(call, {"error": dict(found.error)})
        call.fault = error.message if isinstance(error, _FAULTS) else ""
    if form.name == "images":
        _read_images(call, sent, documents)
        return
    if form.name == "generateContent" and _read_image_of_gemini(call, sent, documents):
        return
    if found.counts is not None:
        main = found.counts[0][1]
        call.sent, call.received = main.sent, main.answered
        costs = [_cost(call, model, counts) for model, counts in found.counts]
        call.usd = None if None in costs else sum(cost or 0.0 for cost in costs)
    if found.usd is not None:
        call.usd = found.usd


def _retires(documents: Sequence[Any]) -> str:
    """What an answer says about the end of its model: Gemini's `modelStatus`, in the API alone (google-genai 3.6.1)."""
    for document in documents:
        stage, day = at_path(document, "modelStatus.modelStage"), at_path(document, "modelStatus.retirementTime")
        if isinstance(day, str) and day:
            return f"ends on {day[:10]}"
        if stage in _ENDING:
            return f"is {str(stage).lower()}"
    return ""


def _cost(call: Call, model: str, counts: TokenCounts) -> float | None:
    """The cost of tokens, by the price of the model that answered; of the model that was asked if it is the same."""
    platform = call.asked.platform
    if model:
        return pricing.cost_of_tokens(model, counts, platform)
    usd = pricing.cost_of_tokens(call.answered, counts, platform) if call.answered else None
    if usd is None and (not call.answered or is_same_model(call.model, call.answered)):
        usd = pricing.cost_of_tokens(call.model, counts, platform)
    return usd


def is_same_model(wanted: str, answered: str) -> bool:
    """Whether a name that answered is the one that was asked, or a snapshot of it. An alias moves by itself."""
    names = [re.sub(r":\w+$", "", references.split(name)[1]) for name in (wanted, answered)]  # `:free` of OpenRouter
    if wanted == answered or names[0] == names[1] or any(name.endswith("-latest") for name in names):
        return True
    known = models.find(wanted)
    if known is not None and known.stage is Stage.ALIAS:
        return True
    spelled = [
        {re.sub(r"-0$", "", references.without_date(each)) for each in (name, *references.spellings(name))}
        for name in names
    ]
    return not spelled[0].isdisjoint(spelled[1])


def _read_image_of_gemini(call: Call, sent: dict[str, Any], documents: Sequence[Any]) -> bool:
    """Note the image of an answer of Gemini, and its cost; False for an answer without one."""
    try:
        parts = [answer.parse_document(document) for document in documents]
    except DamagedAnswer:
        return False
    usage = next((each.usage for each in reversed(parts) if each.usage), None)
    call.image = next((each.image.image for each in reversed(parts) if each.image), None)
    if call.image is None and not (usage and usage.image):
        return False
    priced = call.answered if models.find(call.answered) else call.model
    size = str(at_path(sent, "generationConfig.imageConfig.imageSize") or "1K")
    call.usd = pricing.cost_of(priced, usage, size).usd
    return True


def _read_images(call: Call, sent: dict[str, Any], documents: Sequence[Any]) -> None:
    """Note the image of an answer of OpenAI's images API, or of the last event of its stream, and its cost."""
    last = documents[-1] if documents else {}
    last = last if isinstance(last, dict) else {}
    document = last if "data" in last else {"data": [last], **last}
    try:
        found = openai_answers.parse(json.dumps(document).encode())
    except DamagedAnswer:
        return
    if not isinstance(found, openai_answers.ImageAnswer):
        return
    call.image = found.data
    call.answered = call.answered or call.model  # the answer names none
    sizes = [str(size) for size in (document.get("size"), sent.get("size")) if size]
    quality = str(document.get("quality") or sent.get("quality") or "")
    count = len(document["data"])
    if found.cost_usd is not None:
        call.usd = found.cost_usd
    elif found.usage is not None or count == 1:
        call.usd = pricing.cost_of(call.model, found.usage, *sizes, quality=quality).usd


def _error_of(call: Call, body: Any) -> ImageError:
    """The error that an error answer stands for, by the rules of its vendor's API."""
    now, code = datetime.datetime.now(datetime.UTC), call.code or 0
    stated = at_path(body, "error.code")
    code = stated if code < 400 and type(stated) is int else code  # an error in the middle of an answer
    if call.asked.vendor not in VENDORS or call.asked.vendor == "gemini":
        return map_error(ErrorAnswer(code, body, {}, call.model, now))
    variables = VENDORS[call.asked.vendor].key_names
    return openai_answers.map_error(openai_answers.OpenAIError(code, body, {}, call.model, now, variables))


def _refused_set_up(call: Call, body: Any) -> str:
    """The service's message where it refuses the key, the account or the location; empty for all other answers."""
    if call.code is None or not 400 <= call.code < 500 or call.code == 404:
        return ""
    error = _error_of(call, body)
    refused = isinstance(error, ConfigurationError | CreditsExhausted) or call.code == _PAYMENT_REQUIRED
    return error.message if refused else ""


def _prompt(document: dict[str, Any]) -> str:
    """The text of the last turn of a request, as far as a person reads it."""
    found = next((document[name] for name in (*TURNS, "prompt") if document.get(name)), "")
    last = found[-1] if isinstance(found, list) else found
    return "\n".join(filter(None, _texts(last)))[:_PROMPT]


def _texts(turn: Any) -> Iterator[str]:
    """The texts of a turn: itself, or those of its parts."""
    if isinstance(turn, str):
        yield turn
    elif isinstance(turn, dict):
        for name in ("text", "content", "parts"):
            yield from _texts(turn.get(name))
    elif isinstance(turn, list):
        for part in turn:
            yield from _texts(part)
