"""One running smoke test: its traffic, recorded or replayed, and what its outcome says.

vcrpy intercepts the requests of all HTTP clients that it knows, such as httpx2.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from vcr.cassette import Cassette, CassetteContextDecorator
from vcr.errors import CannotOverwriteExistingCassetteException as NotInRecording
from vcr.matchers import body as same_body
from vcr.matchers import method, path, query
from vcr.persisters.filesystem import CassetteNotFoundError
from vcr.record_mode import RecordMode
from vcr.request import Request

from omni_release import __version__, cassettes
from omni_release.cassettes import Scrubber, content_coding, multipart
from omni_release.cassettes.bodies import header
from omni_release.cassettes.shrink import shrunk
from omni_release.core import redaction
from omni_release.core.documents import write_file
from omni_release.core.errors import Inconclusive, OmniReleaseError
from omni_release.core.vendors import VENDORS, vendor_at
from omni_release.images.model import image_type
from omni_release.smoke import FAILED, INCONCLUSIVE, LIVE, LOCAL, PASSED, RECORDED, is_on_this_machine
from omni_release.smoke.answers import Call, is_transient, read_answer
from omni_release.smoke.metering import Meter, asked_by, response_body, sent_body

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

NOT_RECORDED = "not recorded yet: run `nox -s record` with a key, or `nox -s record -- --emulated` without one"
NOT_IN_CASSETTE = "requests something that its cassette does not have: fix the code, or run `nox -s record`"


class MeteredCassette(Cassette):  # type: ignore[misc]  # vcrpy has no types
    """A cassette of vcrpy that reports each request and response to a meter."""

    def __init__(self, meter: Meter, **settings: Any) -> None:
        self._meter = meter
        super().__init__(**settings)

    def can_play_response_for(self, request: Request) -> bool:
        """Called first for each request, and last before it is sent."""
        self._meter.begin(request)
        return bool(super().can_play_response_for(request))

    def play_response(self, request: Request) -> Any:
        response = super().play_response(request)
        self._meter.end(request, response)
        return response

    def append(self, request: Request, response: dict[str, Any]) -> None:
        self._meter.end(request, response)
        super().append(request, response)


class SecretInTraffic(OmniReleaseError):
    """A key is in a recording, which was therefore not written."""


@dataclass
class Recording:
    """The file of a smoke test's traffic: what vcrpy calls a persister. Without a `path` nothing is written.

    `source` says where the traffic comes from (live, emulated); that of a server on this machine is written as `local`.
    Only `write` writes the file.
    """

    path: Path | None
    scrubber: Scrubber
    source: str
    replay: bool = True
    captured: dict[str, Any] = field(default_factory=dict)

    @property
    def exists(self) -> bool:
        """Whether the file is there."""
        return self.path is not None and self.path.is_file()

    def load_cassette(self, cassette_path: str, serializer: object) -> tuple[list[Request], list[dict[str, Any]]]:
        """The requests and responses to replay, for vcrpy."""
        if not self.replay or self.path is None or not self.exists:
            raise CassetteNotFoundError
        requests: list[Request] = []
        responses: list[dict[str, Any]] = []
        for found in cassettes.read(self.path).interactions:
            sent_type = {"content-type": found.sent_headers.get("content-type", "application/json")}
            requests.append(Request(found.method, found.uri, found.sent or None, sent_type))
            headers = {name: [value] for name, value in found.headers.items()}
            status = {"code": found.code, "message": ""}
            responses.append({"status": status, "headers": headers, "body": {"string": found.body}})
        return requests, responses

    def save_cassette(self, cassette_path: str, cassette_dict: dict[str, Any], serializer: object) -> None:
        """Hold the traffic until the test has ended: only then it is known whether to write it."""
        self.captured = cassette_dict

    def write(self, when: str) -> Path | None:
        """Write the traffic, without faults of the service; the path, or None where there is nothing to write.

        `when` is the time of the recording (ISO 8601, UTC). Raises SecretInTraffic where the file would hold a key.
        """
        requests, responses = self.captured.get("requests", ()), self.captured.get("responses", ())
        pairs = [
            (request, response)
            for request, response in zip(requests, responses, strict=True)
            if not is_transient(response["status"]["code"]) and not is_cut(request, response)
        ]
        if self.path is None or not pairs:
            return None
        calls = [asked_by(request) for request, _ in pairs]
        models = tuple(sorted({call.model for call in calls} - {""}))
        local = self.source == LIVE and any(is_on_this_machine(request.uri) for request, _ in pairs)
        source, writer = LOCAL if local else self.source, f"omni-release {__version__}"
        provenance = cassettes.Provenance(source, when, _sdks({call.vendor for call in calls}), models, writer)
        text = cassettes.to_yaml([_entry(self.scrubber, *pair) for pair in pairs], provenance)
        _refuse_secrets(text, self.scrubber.secrets)
        write_file(self.path, text.encode())
        return self.path


def is_cut(request: Request, response: dict[str, Any]) -> bool:
    """Whether the service ended an answer with a fault of its own."""
    call = Call(asked_by(request), code=response["status"]["code"])
    read_answer(call, {}, response_body(response))
    return bool(call.fault)


def _sdks(called: Collection[str]) -> str:
    """The SDKs of these vendors that are installed, with their versions."""
    from importlib.metadata import PackageNotFoundError, version

    found = []
    for name in dict.fromkeys(VENDORS[vendor].sdk for vendor in VENDORS if vendor in called):
        with contextlib.suppress(PackageNotFoundError, ValueError):  # ValueError: a vendor without an SDK of its own
            found.append(f"{name} {version(name)}")
    return ", ".join(found)


def _entry(scrubber: Scrubber, request: Request, response: dict[str, Any]) -> dict[str, Any]:
    status, sent, received = response["status"], sent_body(request), response_body(response)
    for body, headers in ((sent, request.headers), (received, response["headers"])):
        _require_readable(body, header({"headers": headers}, "content-encoding"))
    return cassettes.to_entry(
        scrubber,
        (request.method, request.uri, sent, request.headers),
        (status["code"], status.get("message") or "", received, response["headers"]),
    )


def _require_readable(body: bytes, coding: str) -> None:
    """Raises SecretInTraffic where a body stays compressed: it cannot be searched for keys, nor replayed."""
    if not content_coding.codings(coding) or image_type(body):
        return
    try:
        body.decode("utf-8")
    except UnicodeDecodeError:
        message = f"not recorded: a body is compressed ({coding}), and cannot be searched for keys"
        raise SecretInTraffic(message, "Install brotli for br, zstandard for zstd, or accept gzip alone.") from None


def _refuse_secrets(text: str, keys: tuple[str, ...]) -> None:
    """Raises SecretInTraffic where one of these keys, or text of the shape of a key, is in the text."""
    if any(encoded in text for encoded in redaction.key_encodings(keys)):
        raise SecretInTraffic("not recorded: the API key is in the traffic, in a form that could not be removed")
    for line, kind in redaction.find_keys(text.encode()):
        message = f"not recorded: text that looks like {kind} is in the traffic (line {line} of its cassette)"
        raise SecretInTraffic(message, "Remove it from what the test sends, or from what the service answers.")


def use_recording(recording: Recording, meter: Meter) -> AbstractContextManager[Any]:
    """A context in which a recording is replayed instead of the network, or the network is recorded."""
    scrubber = recording.scrubber
    context: AbstractContextManager[Any] = CassetteContextDecorator.from_args(
        MeteredCassette,
        meter=meter,
        path=str(recording.path or "unrecorded"),
        persister=recording,
        record_mode=RecordMode.NONE if recording.replay else RecordMode.ALL,
        drop_unused_requests=True,
        match_on=(method, same_service, path, query, same_body),
        before_record_request=(lambda request: as_recorded(scrubber, request)) if recording.replay else None,
    )
    return context


def as_recorded(scrubber: Scrubber, request: Request) -> Request:
    """A copy of a request as a cassette has it: without keys, with small stubs for binary data."""
    content_type = str(request.headers.get("content-type", "application/json"))
    sent, content_type = multipart.with_stable_boundary(scrubber.body(sent_body(request)), content_type)
    headers = {"content-type": content_type}
    return Request(request.method, scrubber.uri(request.uri), shrunk(sent).body or None, headers)


def same_service(one: Request, other: Request) -> None:
    """A matcher of vcrpy's: raises AssertionError for two vendors, whose paths may be the same."""
    hosts = one.host or "", other.host or ""
    first, second = map(vendor_at, hosts)
    if first and second and first != second:
        raise AssertionError(f"{hosts[0]} != {hosts[1]}")


@dataclass
class RunningTest:
    """The smoke test that is running. `outcome` is empty until it is known; `error` is what the test raised."""

    item: pytest.Item
    outcome: str = ""
    why: str = ""
    error: BaseException | None = None
    seconds: float = 0.0
    calls: tuple[Call, ...] = ()
    recording: Recording | None = None
    cassette: MeteredCassette | None = None
    wrote: bool = False

    @property
    def unused(self) -> tuple[int, ...]:
        """The positions (from 0) of recorded responses that were not requested."""
        if self.cassette is None or self.recording is None or not self.recording.replay:
            return ()
        return tuple(at for at in range(len(self.cassette.data)) if not self.cassette.play_counts[at])


def judge(running: RunningTest, mode: str, exceeded: str) -> None:
    """Turn a failure that says nothing about the release, and a pass without any response, into inconclusive.

    `exceeded` says that the budget was reached, and is empty otherwise. In a replay, explain a failure by the cassette.
    A key that the live service refuses says nothing either, unless the test expects that, and passes.
    """
    calls, recording = running.calls, running.recording
    if mode == RECORDED:
        if running.outcome == FAILED and calls and recording and not recording.exists:
            running.why = NOT_RECORDED
        elif running.outcome == FAILED and isinstance(running.error, NotInRecording):
            running.why = NOT_IN_CASSETTE
        return
    last = f"{calls[-1].model or 'the service'}: {calls[-1].fault or calls[-1].code or 'no answer'}" if calls else ""
    if running.outcome == FAILED:
        cause = _inconclusive_cause(running.error)
        if exceeded:
            running.outcome, running.why = INCONCLUSIVE, exceeded
        elif cause is not None:
            running.outcome, running.why = INCONCLUSIVE, cause.message
        elif calls and calls[-1].unanswered:
            running.outcome, running.why = INCONCLUSIVE, f"{last}; {running.why}"
        elif calls and calls[-1].set_up and mode == LIVE:
            running.outcome, running.why = INCONCLUSIVE, f"the key or its account was refused: {calls[-1].set_up}"
    elif running.outcome == PASSED and calls and all(call.unanswered for call in calls):
        running.outcome, running.why = INCONCLUSIVE, f"it passed, but no call was answered: {last}"


def _inconclusive_cause(error: BaseException | None) -> Inconclusive | None:
    """The Inconclusive that an error is, or was raised from."""
    for _ in range(20):
        if error is None or isinstance(error, Inconclusive):
            return error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return None
