"""What the plugin does where a project has tests marked `smoke`: keys, recordings, the emulator, three results."""

from __future__ import annotations

import contextlib
import datetime
import gc
import os
import re
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from vcr.errors import CannotOverwriteExistingCassetteException as NotInRecording

from omni_release import project
from omni_release.cassettes import Scrubber
from omni_release.core import redaction
from omni_release.core.errors import Inconclusive, OmniReleaseError
from omni_release.core.settings import Settings
from omni_release.smoke import outcomes
from omni_release.smoke.metering import Call, Meter, Service
from omni_release.smoke.outcomes import FAILED, INCONCLUSIVE, PASSED, RECORDED, CallRecord, Scenario, inconclusive_cause
from omni_release.smoke.traffic import Recording, SecretLeft, opened

if TYPE_CHECKING:
    from omni_release.emulators import GeminiEmulator
if TYPE_CHECKING:
    from omni_release.smoke.metering import Call
    from omni_release.smoke.traffic import Recording, Tape


BASE_URL = "GOOGLE_GEMINI_BASE_URL"

NO_KEY = "no-key-needed"

NAME = "omni-release-smoke"


def begin(config: pytest.Config, items: Sequence[pytest.Item]) -> None:
    """Take charge of these tests for the rest of the session. Raises UsageError where two would share a recording."""
    mode = config.getoption("--smoke")
    names: dict[str, str] = {}
    for item in items:
        if item.get_closest_marker("vcr"):
            raise pytest.UsageError(f"{item.nodeid}: `smoke` brings a cassette of its own. Leave out `vcr`.")
        if (other := names.setdefault(cassette_name(item), item.nodeid)) != item.nodeid:
            raise pytest.UsageError(f"{other} and {item.nodeid} would share a cassette. Rename one of them.")
        if mode == outcomes.RECORDED:
            item.add_marker(pytest.mark.block_network)
    config.pluginmanager.register(Session(config, mode, len(items)), NAME)


def service(request: pytest.FixtureRequest) -> Service:
    """What the fixture gives."""
    found = request.config.pluginmanager.get_plugin(NAME)
    if found is None or not request.node.get_closest_marker("smoke"):
        pytest.fail("the `smoke` fixture is for tests with the marker: @pytest.mark.smoke", pytrace=False)
    assert isinstance(found, Session)
    return found.service


def cassette_name(item: pytest.Item) -> str:
    """`module/test-name.yaml`, without the `test_` before it."""
    name = re.sub(r"^test_", "", item.name)
    within = getattr(item, "cls", None)
    name = f"{within.__name__}.{name}" if within else name
    stem = re.sub(r"^test_|_test$", "", item.path.stem)
    return f"{stem}/{re.sub(r'[^A-Za-z0-9_.]+', '-', name).strip('-')}.yaml"


class Session:
    """A pytest plugin for the rest of a session: each test marked `smoke` runs between `_arrange` and `_clear`."""

    def __init__(self, config: pytest.Config, mode: str, count: int) -> None:
        self._mode = mode
        self._settings = _settings(config.rootpath)
        smoke = self._settings.smoke
        self._keys = redaction.key_variables_set(os.environ)
        self._scrubber = Scrubber(self._keys)
        budget = config.getoption("--smoke-budget") or smoke.budget
        self._meter = Meter(None if mode == outcomes.RECORDED else budget)
        self._report = _path(config, "--smoke-report")
        self._folder = _path(config, "--smoke-cassettes") or config.rootpath / smoke.cassettes
        self._into = _path(config, "--smoke-record")
        self._emulator: GeminiEmulator | None = None
        self._open = contextlib.ExitStack()
        self._running: Running | None = None
        self._said: dict[str, str] = {}
        self._service: Service | None = None
        if self._report is not None:
            outcomes.append(self._report, mode=mode, count=count)

    @property
    def service(self) -> Service:
        """The one of this session; made within a test, when the environment is arranged."""
        if self._service is None:
            self._service = Service(self._mode, self._settings, self._emulator)
        return self._service

    # -- around each test -----------------------------------------------------------------------------------------

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Arrange the environment and the network for a test with the marker."""
        if not item.get_closest_marker("smoke"):
            return
        self._running = Running(item)
        if self._mode == outcomes.LIVE and not self._keys:
            raise Inconclusive(f"there is no key for a live run: set {' or '.join(redaction.KEY_VARIABLES)}")
        self._open.enter_context(self._environment())
        recording = self._recording(item)
        self._running.recording = recording
        self._running.tape = self._open.enter_context(opened(recording, self._meter))

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> Generator[None, Any, Any]:
        """Put all back, and keep what was recorded if it is worth it."""
        try:
            return (yield)
        finally:
            if item.get_closest_marker("smoke") and self._running is not None:
                self._open.close()
                self._running.calls += self._meter.calls()
                self._keep(self._running)

    @contextlib.contextmanager
    def _environment(self) -> Iterator[None]:
        """No key and no base URL but those of the mode."""
        with pytest.MonkeyPatch.context() as patch:
            if self._mode != outcomes.LIVE:
                for name in redaction.KEY_VARIABLES:
                    patch.delenv(name, raising=False)
                patch.setenv(redaction.KEY_VARIABLES[0], NO_KEY)
                patch.delenv(BASE_URL, raising=False)
            if self._mode == outcomes.EMULATED:
                if self._emulator is None:
                    from omni_release.emulators import GeminiEmulator

                    self._emulator = GeminiEmulator()
                self._emulator.script("")
                patch.setenv(BASE_URL, self._emulator.url)
            yield

    def _recording(self, item: pytest.Item) -> Recording:
        name = cassette_name(item)
        if self._mode == outcomes.RECORDED:
            return Recording(self._folder / name, self._scrubber, "")
        source = outcomes.LIVE if self._mode == outcomes.LIVE else outcomes.EMULATED
        return Recording(self._into / name if self._into else None, self._scrubber, source, replay=False)

    def _keep(self, running: Running) -> None:
        recording = running.recording
        if recording is None or recording.replay or running.outcome not in (outcomes.PASSED, outcomes.SKIPPED):
            return
        when = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        try:
            running.wrote = recording.write(when) is not None
        except SecretLeft as error:
            pytest.fail(f"{error.message}\n{error.hint}".strip(), pytrace=False)

    # -- the three results ----------------------------------------------------------------------------------------

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Tell what came of a test: in the report for pytest, and in the file for whoever started it."""
        report = yield
        running = self._running
        if running is None or running.item is not item:
            return report
        self._redact(report)
        running.seconds += call.duration
        error = call.excinfo.value if call.excinfo else None
        if report.outcome != "passed" and running.outcome in ("", outcomes.PASSED):
            running.outcome, running.why, running.error = report.outcome, failure_reason(report, call), error
        elif report.when == "call" and not running.outcome:
            running.outcome = outcomes.PASSED
        if report.when == "call" or (report.when == "setup" and report.outcome == "failed"):
            running.calls += self._meter.calls()
            judge(running, self._mode, self._meter.exceeded)
        if running.outcome == outcomes.INCONCLUSIVE and report.outcome == "failed":
            report.inconclusive = self._scrubber.text(running.why)  # type: ignore[attr-defined]  # the plugin shows it
        elif running.outcome == outcomes.INCONCLUSIVE and report.when == "call":
            report.outcome, report.longrepr = "failed", self._scrubber.text(running.why)
            report.inconclusive = report.longrepr  # type: ignore[attr-defined]
        elif running.why == UNRECORDED and report.when == "call":
            report.longrepr = running.why
        if report.when == "teardown":
            self._tell(running)
            self._running = None
        return report

    def _redact(self, report: pytest.TestReport) -> None:
        """No key in what pytest shows and writes: tracebacks with their locals, captured output, properties."""
        if not self._keys:
            return
        if report.longrepr is not None and not isinstance(report.longrepr, tuple):
            text = str(report.longrepr)
            if (clean := self._scrubber.text(text)) != text:
                report.longrepr = clean
        report.sections = [(name, self._scrubber.text(text)) for name, text in report.sections]
        report.user_properties = [
            (name, self._scrubber.text(value) if isinstance(value, str) else value)
            for name, value in report.user_properties
        ]

    def _tell(self, running: Running) -> None:
        path, line, _ = running.item.location
        told = Scenario(
            name=re.sub(r"^test_", "", running.item.name),
            outcome=running.outcome,
            why=self._scrubber.text(running.why),
            path=path.replace("\\", "/"),
            line=(line or 0) + 1,
            seconds=round(running.seconds, 3),
            calls=tuple(_told(call, paid=self._mode != outcomes.RECORDED) for call in running.calls),
            cassette=cassette_name(running.item),
            unused=running.unused,
            wrote=running.wrote,
        )
        if self._report is not None:
            outcomes.append(self._report, scenario=outcomes.plain(told))

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, exitstatus: int) -> None:
        """Close what is open, and say that all was told."""
        if self._service is not None:
            self._service.close()
        if self._emulator is not None:
            self._emulator.stop()
        if self._report is not None:
            outcomes.append(self._report, ended=int(exitstatus))
        # What lives now lives until the end. pytest collects ten times more, and would go through all of the SDK.
        gc.collect()
        gc.freeze()


def _told(call: Call, *, paid: bool) -> CallRecord:
    usd = None if call.usd is None or not paid else round(call.usd, 6)
    return CallRecord(call.model, call.answered, call.code, round(call.seconds, 3), usd)


def _path(config: pytest.Config, option: str) -> Path | None:
    given = config.getoption(option)
    return config.invocation_params.dir / given if given else None


def _settings(root: Path) -> Settings:
    if not (root / "pyproject.toml").is_file():
        return Settings()
    try:
        return project.read(root)[1]
    except OmniReleaseError as error:
        raise pytest.UsageError(f"{error.message} {error.hint}".rstrip()) from None


UNRECORDED = "not recorded yet: `nox -s record` does, with a key; `nox -s record -- --emulated` without one"


_CHANGED = "it asks for what its recording does not have: mend it, or record it anew: `nox -s record`"


class Running:
    """The test that runs now."""

    def __init__(self, item: pytest.Item) -> None:
        self.item = item
        self.outcome = ""
        self.why = ""
        self.error: BaseException | None = None
        self.seconds = 0.0
        self.calls: tuple[Call, ...] = ()
        self.recording: Recording | None = None
        self.tape: Tape | None = None
        self.wrote = False

    @property
    def unused(self) -> tuple[int, ...]:
        """Positions of recorded answers that nobody asked for."""
        if self.tape is None or self.recording is None or not self.recording.replay:
            return ()
        return tuple(at for at in range(len(self.tape.data)) if not self.tape.play_counts[at])


def judge(running: Running, mode: str, exceeded: str) -> None:
    """A failure that says nothing about the release is inconclusive, and so is a pass that nothing answered to."""
    calls, recording = running.calls, running.recording
    if mode == RECORDED:
        if running.outcome == FAILED and calls and recording and not recording.there:
            running.why = UNRECORDED
        elif running.outcome == FAILED and isinstance(running.error, NotInRecording):
            running.why = _CHANGED
        return
    if running.outcome == FAILED:
        told = inconclusive_cause(running.error)
        if exceeded:
            running.outcome, running.why = INCONCLUSIVE, exceeded
        elif told is not None:
            running.outcome, running.why = INCONCLUSIVE, told.message
        elif calls and calls[-1].unanswered:
            running.outcome, running.why = INCONCLUSIVE, f"{_came(calls[-1])}; {running.why}"
    elif running.outcome == PASSED and calls and all(call.unanswered for call in calls):
        running.outcome = INCONCLUSIVE
        running.why = f"it passed, and yet no call was answered: {_came(calls[-1])}"


def failure_reason(report: pytest.TestReport, call: pytest.CallInfo[None]) -> str:
    """Why a test did not pass, in a line."""
    if report.outcome == "skipped" and isinstance(report.longrepr, tuple):
        return str(report.longrepr[2]).removeprefix("Skipped: ")
    error = call.excinfo.value if call.excinfo else None
    if isinstance(error, OmniReleaseError):
        return f"{type(error).__name__}: {error.message}"
    said = call.excinfo.exconly(tryshort=True) if call.excinfo else ""
    return next((line.strip() for line in said.splitlines() if line.strip()), "")[:500]


def _came(call: Call) -> str:
    return f"{call.model or 'the service'}: {'no answer' if call.code is None else call.code}"
