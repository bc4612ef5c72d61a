"""What goes over the wire while one scenario runs: recorded, or replayed.

vcrpy stands between the HTTP clients (all that it knows, httpx2 among them) and the network; this is its cassette.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vcr.cassette import Cassette, CassetteContextDecorator
from vcr.matchers import body as same_body
from vcr.matchers import method, path, query
from vcr.persisters.filesystem import CassetteNotFoundError
from vcr.record_mode import RecordMode
from vcr.request import Request

from omni_release import cassettes
from omni_release.cassettes import Scrubber, asked
from omni_release.cassettes.shrink import shrunk
from omni_release.core.documents import write_file
from omni_release.core.errors import OmniReleaseError
from omni_release.smoke.metering import Call, Meter, body_of

if TYPE_CHECKING:
    from contextlib import AbstractContextManager


class Tape(Cassette):  # type: ignore[misc]  # vcrpy has no types
    """A cassette that counts what goes through it."""

    def __init__(self, meter: Meter, **settings: Any) -> None:
        self._meter = meter
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
        models = tuple(sorted({asked(request.path)[0] for request, _ in pairs} - {""}))
        told = cassettes.Provenance(self.source, when, _sdk(), models, _writer())
        text = cassettes.written(entries, told)
        refuse_secrets(text, self.scrubber.secrets)
        write_file(self.path, text.encode())
        return self.path


class SecretLeft(OmniReleaseError):
    """A key is in what was about to be written; nothing was."""


def refuse_secrets(text: str, secrets: tuple[str, ...]) -> None:
    """Raises SecretLeft where a key's value, or what has the shape of a key, is in the text. It is never shown."""
    from omni_release.core import redaction

    data = text.encode()
    if any(value in text for value in cassettes.spellings(secrets)):
        raise SecretLeft("the live key is in the traffic, in a way that could not be taken out; it is not recorded")
    for line, kind in redaction.find_keys(data):
        said = f"what looks like {kind} is in the traffic (line {line} of its cassette); it is not recorded"
        raise SecretLeft(said, "Keep it out of what the test sends, or out of what the service answers.")


def _entry(scrubber: Scrubber, request: Request, response: dict[str, Any]) -> dict[str, Any]:
    sent = request.body or b""
    status = response["status"]
    return cassettes.entry(
        scrubber,
        (request.method, request.uri, sent if isinstance(sent, bytes) else b"".join(sent), request.headers),
        (status["code"], status.get("message") or "", body_of(response), response["headers"]),
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
