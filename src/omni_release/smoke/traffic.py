"""What goes over the wire while one scenario runs: counted, priced, held to a budget, recorded or replayed.

vcrpy stands between the HTTP clients (all that it knows, httpx2 among them) and the network; this is its cassette.
"""

from __future__ import annotations

import json
import re
import threading
import time
import urllib.parse
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vcr.cassette import Cassette, CassetteContextDecorator
from vcr.matchers import body as same_body
from vcr.matchers import method, path, query
from vcr.persisters.filesystem import CassetteNotFoundError
from vcr.record_mode import RecordMode
from vcr.request import Request

from omni_release.errors import OmniReleaseError
from omni_release.images import answer, costs, life
from omni_release.images.budget import Budget
from omni_release.images.errors import BudgetExceeded, DamagedAnswer
from omni_release.smoke import cassettes
from omni_release.smoke.cassettes import Scrubber
from omni_release.smoke.shrink import shrunk

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

_MODEL = re.compile(r"/models/([^/:?]+)(?::(\w+))?")
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
        model, verb = asked(request)
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


def asked(request: Request) -> tuple[str, str]:
    """The model that a request is for, and what of it (`generateContent`); both may be empty."""
    found = _MODEL.search(urllib.parse.unquote(request.path))
    return (found[1], found[2] or "") if found else ("", "")


def _json(body: Any) -> dict[str, Any]:
    try:
        found = json.loads(body or b"{}")
    except (ValueError, TypeError):
        return {}
    return found if isinstance(found, dict) else {}


def _of(table: Any, name: str) -> Any:
    snake = re.sub(r"([A-Z])", r"_\1", name).lower()
    return (table.get(name) or table.get(snake)) if isinstance(table, dict) else None


def _size(document: dict[str, Any]) -> str:
    image = _of(_of(document, "generationConfig"), "imageConfig")
    return str(_of(image, "imageSize") or "1K")


def _estimate(model: str, document: dict[str, Any]) -> float:
    """The most that a call should come to. A model without a known price is taken for the dearest."""
    config = _of(document, "generationConfig")
    characters = sum(len(t) for c in document.get("contents") or () for t in _texts(c))
    modalities = _of(config, "responseModalities")
    if modalities and "IMAGE" not in modalities:
        tokens = _of(config, "maxOutputTokens")
        dearest = max(price.text_output or 0 for price in _prices())
        return (characters + (tokens if isinstance(tokens, int) else 8_000)) * dearest / 1_000_000
    found = costs.estimate(model, _size(document), characters)
    if found is None:
        found = max(costs.estimate(name, _size(document), characters) or 0 for name in life.models())
    return found


def _prices() -> list[life.Price]:
    return [model.price for model in life.models().values() if model.price]


def _texts(content: Any) -> list[str]:
    parts = content.get("parts") if isinstance(content, dict) else None
    return [str(part["text"]) for part in parts or () if isinstance(part, dict) and part.get("text")]


def _told(call: Call, request: Request, response: dict[str, Any]) -> tuple[str, float | None]:
    """The model that an answer says it is from, and what it cost."""
    if call.code is None or call.code >= 400 or call.method != "generateContent":
        return "", 0.0
    try:
        read = answer.parsed(_body(response))
    except DamagedAnswer:
        return "", None
    model = life.bare(read.model)
    usage, size = read.usage, _size(_json(request.body))
    if read.image is None and usage is not None and not usage.image:
        known = life.find(model or call.model)
        price = known.price if known else None
        rate = max((price.text_output if price else None) or 0, (price.input if price else None) or 0)
        return model, usage.total * rate / 1_000_000
    return model, costs.of(model if life.find(model) else call.model, usage, size).usd


def _body(response: dict[str, Any]) -> bytes:
    from vcr.filters import decode_response

    body = decode_response(response)["body"]["string"]
    return body if isinstance(body, bytes) else str(body).encode()


class Tape(Cassette):  # type: ignore[misc]  # vcrpy has no types
    """A cassette that counts what goes through it."""

    def __init__(self, meter: Meter, **settings: Any) -> None:
        self._meter = meter
        self.played: set[int] = set()
        super().__init__(**settings)

    def can_play_response_for(self, request: Request) -> bool:
        """The first thing that is asked for each request, and the last before it is sent."""
        self._meter.begin(request)
        return bool(super().can_play_response_for(request))

    def play_response(self, request: Request) -> Any:
        response = super().play_response(request)
        self._meter.end(request, response)
        return response

    def append(self, request: Request, response: dict[str, Any]) -> None:
        self._meter.end(request, response)
        super().append(request, response)


@dataclass
class Recording:
    """Where a scenario's traffic is kept: what vcrpy calls a persister. With no `path` it is kept nowhere.

    `source` is what the traffic is of (live, emulated); nothing is written but by `write`.
    """

    path: Path | None
    scrubber: Scrubber
    source: str
    replay: bool = True
    taken: dict[str, Any] = field(default_factory=dict)

    @property
    def there(self) -> bool:
        """Whether it is kept already."""
        return self.path is not None and self.path.is_file()

    def load_cassette(self, cassette_path: str, serializer: object) -> tuple[list[Request], list[dict[str, Any]]]:
        """What is replayed."""
        if not self.replay or self.path is None or not self.there:
            raise CassetteNotFoundError
        found = cassettes.read(self.path)
        requests = [
            Request(i.method, i.uri, i.sent or None, {"content-type": "application/json"}) for i in found.interactions
        ]
        return requests, [_response(one) for one in found.interactions]

    def save_cassette(self, cassette_path: str, cassette_dict: dict[str, Any], serializer: object) -> None:
        """What was recorded is kept in mind: whether it is worth keeping is known when the test has ended."""
        self.taken = cassette_dict

    def write(self, when: str) -> Path | None:
        """Write what was taken; the file's path, or None where there was nothing. Faults of the service are left out.

        Raises SecretLeft where a key is in the bytes that would be written: then nothing is.
        """
        pairs = [
            (request, response)
            for request, response in zip(self.taken.get("requests", ()), self.taken.get("responses", ()), strict=True)
            if not Call("", "", code=response["status"]["code"]).unanswered
        ]
        if self.path is None or not pairs:
            return None
        entries = [_entry(self.scrubber, request, response) for request, response in pairs]
        models = tuple(sorted({asked(request)[0] for request, _ in pairs} - {""}))
        told = cassettes.Provenance(self.source, when, _sdk(), models, _writer())
        text = cassettes.written(entries, told)
        refuse_secrets(text, self.scrubber.secrets)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        beside = self.path.with_name(f".{self.path.name}.new")
        beside.write_text(text, encoding="utf-8", newline="\n")
        beside.replace(self.path)
        return self.path


class SecretLeft(OmniReleaseError):
    """A key is in what was about to be written; nothing was."""


def refuse_secrets(text: str, secrets: tuple[str, ...]) -> None:
    """Raises SecretLeft where a key's value, or what has the shape of a key, is in the text. It is never shown."""
    from omni_release import keys

    data = text.encode()
    if any(value in text for value in cassettes.spellings(secrets)):
        raise SecretLeft("the live key is in the traffic, in a way that could not be taken out; it is not recorded")
    for line, kind in keys.found(data):
        said = f"what looks like {kind} is in the traffic (line {line} of its cassette); it is not recorded"
        raise SecretLeft(said, "Keep it out of what the test sends, or out of what the service answers.")


def _entry(scrubber: Scrubber, request: Request, response: dict[str, Any]) -> dict[str, Any]:
    sent = request.body or b""
    status = response["status"]
    return cassettes.entry(
        scrubber,
        (request.method, request.uri, sent if isinstance(sent, bytes) else b"".join(sent), request.headers),
        (status["code"], status.get("message") or "", _body(response), response["headers"]),
    )


def _response(one: cassettes.Interaction) -> dict[str, Any]:
    headers = {name: [value] for name, value in one.headers.items()}
    return {"status": {"code": one.code, "message": ""}, "headers": headers, "body": {"string": one.body}}


def _sdk() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return f"google-genai {version('google-genai')}"
    except PackageNotFoundError:
        return ""


def _writer() -> str:
    from omni_release import __version__

    return f"omni-release {__version__}"


def opened(recording: Recording, meter: Meter) -> AbstractContextManager[Any]:
    """Within it a recording to replay takes the network's place; else the network is watched and recorded."""
    scrubber = recording.scrubber
    made: AbstractContextManager[Any] = CassetteContextDecorator.from_args(
        Tape,
        meter=meter,
        path=str(recording.path or "unrecorded"),
        persister=recording,
        record_mode=RecordMode.NONE if recording.replay else RecordMode.ALL,
        drop_unused_requests=True,
        match_on=(method, path, query, same_body),
        before_record_request=(lambda request: comparable(scrubber, request)) if recording.replay else None,
    )
    return made


def comparable(scrubber: Scrubber, request: Request) -> Request:
    """A request as its recording has it: what would have been taken out or shrunk is, in a copy."""
    sent = request.body
    if isinstance(sent, bytes):
        sent = shrunk(scrubber.body(sent)).body
    headers = {"content-type": str(request.headers.get("content-type", "application/json"))}
    return Request(request.method, scrubber.uri(request.uri), sent, headers)
