"""The pytest plugin's work where tests are marked `smoke`: keys, cassettes, the emulator, and the three results."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import gc
import os
import re
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any

import pytest

from omni_release import project
from omni_release.cassettes import Scrubber
from omni_release.core import vendors
from omni_release.core.documents import append_json_line, write_file
from omni_release.core.errors import Inconclusive, OmniReleaseError
from omni_release.core.settings import Settings
from omni_release.smoke import (
    EMULATED,
    INCONCLUSIVE,
    LIVE,
    PASSED,
    RECORDED,
    SKIPPED,
    CallRecord,
    KeptImage,
    Scenario,
    previews,
)
from omni_release.smoke.answers import Call, is_same_model
from omni_release.smoke.metering import Meter
from omni_release.smoke.mode_environment import ModeEnvironment, require_emulators
from omni_release.smoke.service import Service
from omni_release.smoke.traffic import (
    NOT_IN_CASSETTE,
    NOT_RECORDED,
    Recording,
    RunningTest,
    SecretInTraffic,
    judge,
    use_recording,
)

_NAME = "omni-release-smoke"
_SUFFIXES = ((b"\x89PNG", ".png"), (b"\xff\xd8\xff", ".jpg"), (b"RIFF", ".webp"))


def begin(config: pytest.Config, items: Sequence[pytest.Item]) -> None:
    """Run these tests as smoke tests. Raises UsageError where two would share a cassette."""
    mode = config.getoption("--smoke")
    names: dict[str, str] = {}
    for item in items:
        if item.get_closest_marker("vcr"):
            raise pytest.UsageError(f"{item.nodeid}: `smoke` has its own cassette. Remove the marker `vcr`.")
        if (other := names.setdefault(cassette_name(item), item.nodeid)) != item.nodeid:
            raise pytest.UsageError(f"{other} and {item.nodeid} would share a cassette. Rename one of them.")
        if mode == RECORDED:
            item.add_marker(pytest.mark.block_network)
    config.pluginmanager.register(SmokeSession(config, mode, len(items)), _NAME)


def service(request: pytest.FixtureRequest) -> Service:
    """The value of the `smoke` fixture. Fails a test without the marker."""
    session = request.config.pluginmanager.get_plugin(_NAME)
    if session is None or not request.node.get_closest_marker("smoke"):
        pytest.fail("the `smoke` fixture is for tests with the marker: @pytest.mark.smoke", pytrace=False)
    assert isinstance(session, SmokeSession)
    return session.service


def cassette_name(item: pytest.Item) -> str:
    """`module/test-name.yaml`, without the prefix `test_`."""
    name = re.sub(r"^test_", "", item.name)
    cls = getattr(item, "cls", None)
    name = f"{cls.__name__}.{name}" if cls else name
    stem = re.sub(r"^test_|_test$", "", item.path.stem)
    return f"{stem}/{re.sub(r'[^A-Za-z0-9_.]+', '-', name).strip('-')}.yaml"


class SmokeSession:
    """A pytest plugin for the rest of a session, around each test marked `smoke`."""

    def __init__(self, config: pytest.Config, mode: str, count: int) -> None:
        self._mode = mode
        self._settings = _settings(config.rootpath)
        smoke = self._settings.smoke
        self._keys = (
            *vendors.keys_set(os.environ),
            *filter(None, (os.environ.get(name, "").strip() for name in smoke.pass_env)),
        )
        self._scrubber = Scrubber(self._keys)
        budget = config.getoption("--smoke-budget") or smoke.budget
        self._meter = Meter(None if mode == RECORDED else budget)
        self._report = _path(config, "--smoke-report")
        self._folder = _path(config, "--smoke-cassettes") or config.rootpath / smoke.cassettes
        self._record_to = _path(config, "--smoke-record")
        self._environment = ModeEnvironment(mode, smoke)
        self._open = contextlib.ExitStack()
        self._running: RunningTest | None = None
        self._service: Service | None = None
        self._write(mode=mode, count=count)

    @property
    def service(self) -> Service:
        """The service of this session; made within a test, when the environment is set up."""
        if self._service is None:
            self._service = Service(self._mode, self._settings, self._environment.emulators)
        return self._service

    def _write(self, **entry: object) -> None:
        if self._report is not None:
            append_json_line(self._report, entry)

    # -- around each test -----------------------------------------------------------------------------------------

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Set up the environment and the network for a test with the marker."""
        if not item.get_closest_marker("smoke"):
            return
        self._running = RunningTest(item)
        if self._mode == LIVE and (lacking := vendors.lacking_key(os.environ, self._settings.smoke.vendors)):
            message, hint = vendors.missing_keys(lacking)
            raise Inconclusive(f"{message}. {hint}", "Without a key, run `omni-release smoke --emulated`.")
        if self._mode == EMULATED:
            require_emulators(self._settings.smoke.vendors)
        self._open.enter_context(self._environment.of_test())
        name = cassette_name(item)
        if self._mode == RECORDED:
            recording = Recording(self._folder / name, self._scrubber, "")
        else:
            path = self._record_to / name if self._record_to else None
            recording = Recording(path, self._scrubber, self._mode, replay=False)
        self._running.recording = recording
        self._running.cassette = self._open.enter_context(use_recording(recording, self._meter))

    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> Generator[None, Any, Any]:
        """Restore the environment and the network; write the cassette of a test that passed or was skipped."""
        try:
            return (yield)
        finally:
            if item.get_closest_marker("smoke") and self._running is not None:
                self._open.close()
                self._running.calls += self._meter.calls()
                self._write_cassette(self._running)

    def _write_cassette(self, running: RunningTest) -> None:
        recording = running.recording
        if recording is None or recording.replay or running.outcome not in (PASSED, SKIPPED):
            return
        when = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        try:
            running.wrote = recording.write(when) is not None
        except SecretInTraffic as error:
            pytest.fail(f"{error.message}\n{error.hint}".strip(), pytrace=False)

    # -- the three results ----------------------------------------------------------------------------------------

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Report the outcome of a test: to pytest, and to the report file."""
        report = yield
        running = self._running
        if running is None or running.item is not item:
            return report
        self._redact(report)
        running.seconds += call.duration
        if report.outcome != "passed" and running.outcome in ("", PASSED):
            running.outcome, running.why = report.outcome, _failure_reason(report, call)
            running.error = call.excinfo.value if call.excinfo else None
        elif report.when == "call" and not running.outcome:
            running.outcome = PASSED
        if report.when == "call" or (report.when == "setup" and report.outcome == "failed"):
            running.calls += self._meter.calls()
            judge(running, self._mode, self._meter.exceeded)
        if running.outcome == INCONCLUSIVE and (report.outcome == "failed" or report.when == "call"):
            why = self._scrubber.text(running.why)
            if report.outcome != "failed":
                report.outcome, report.longrepr = "failed", why
            report.inconclusive = why  # type: ignore[attr-defined]  # for the plugin, which shows it
        elif running.why in (NOT_RECORDED, NOT_IN_CASSETTE) and report.when == "call":
            report.longrepr = self._scrubber.text(f"{running.why}\n{_difference(running)}".strip())
        if report.when == "teardown":
            self._write(scenario=dataclasses.asdict(self._scenario(running)))
            self._running = None
        return report

    def _redact(self, report: pytest.TestReport) -> None:
        """Remove keys from what pytest shows and writes: tracebacks with their locals, captured output, properties."""
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

    def _scenario(self, running: RunningTest) -> Scenario:
        path, line, _ = running.item.location
        calls: list[CallRecord] = []
        for call in running.calls:
            usd = None if call.usd is None or self._mode == RECORDED else round(call.usd, 6)
            prompt, images = self._scrubber.text(call.prompt), self._kept_image(running, len(calls), call)
            asked, answered = self._scrubber.text(call.model), self._scrubber.text(call.answered)
            known = vendors.VENDORS.get(call.asked.vendor)
            other = bool(known and known.exact_names and asked and answered) and not is_same_model(asked, answered)
            seconds, tokens = round(call.seconds, 3), (call.sent, call.received)
            end = self._scrubber.text(call.retires)
            calls.append(CallRecord(asked, answered, call.code, seconds, usd, prompt, images, *tokens, other, end))
        return Scenario(
            name=re.sub(r"^test_", "", running.item.name),
            outcome=running.outcome,
            why=self._scrubber.text(running.why),
            path=path.replace("\\", "/"),
            line=(line or 0) + 1,
            seconds=round(running.seconds, 3),
            calls=tuple(calls),
            cassette=cassette_name(running.item),
            unused=running.unused,
            wrote=running.wrote,
        )

    def _kept_image(self, running: RunningTest, number: int, call: Call) -> tuple[KeptImage, ...]:
        """Keep the image of a call beside the report, with a preview. An image of an unknown format is not kept."""
        suffix = next((suffix for magic, suffix in _SUFFIXES if (call.image or b"").startswith(magic)), None)
        if self._report is None or call.image is None or suffix is None:
            return ()
        name = cassette_name(running.item).removesuffix(".yaml").replace("/", "-")
        path = self._report.parent / "images" / f"{name}-{number + 1}{suffix}"
        write_file(path, call.image)
        kept = KeptImage(f"images/{path.name}")
        if self._mode == RECORDED:  # a cassette has a small image: no preview is needed
            return (kept,)
        try:
            found = previews.preview_of(path)
        except Exception:  # noqa: BLE001 - a broken image, or Pillow is missing; the page says so
            return (kept,)
        if found.content and found.content != call.image:
            preview = path.with_name(f"{path.stem}.preview.jpg")
            write_file(preview, found.content)
            kept = dataclasses.replace(kept, preview=f"images/{preview.name}", width=found.width, height=found.height)
        return (kept,)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, exitstatus: int) -> None:
        """Close all connections and the emulator, and end the report."""
        if self._service is not None:
            self._service.close()
        self._environment.stop()
        self._write(ended=int(exitstatus))
        # All that is alive now lives until the end. pytest collects ten times more, each time through the whole SDK.
        gc.collect()
        gc.freeze()


def _path(config: pytest.Config, option: str) -> Path | None:
    value = config.getoption(option)
    return config.invocation_params.dir / value if value else None


def _difference(running: RunningTest) -> str:
    """What vcrpy says about a request that is not in the cassette, without its advice about settings of its own."""
    return str(running.error).partition("How to fix:")[0] if running.why == NOT_IN_CASSETTE else ""


def _settings(root: Path) -> Settings:
    if not (root / "pyproject.toml").is_file():
        return Settings()
    try:
        return project.read(root)[1]
    except OmniReleaseError as error:
        raise pytest.UsageError(f"{error.message} {error.hint}".rstrip()) from None


def _failure_reason(report: pytest.TestReport, call: pytest.CallInfo[None]) -> str:
    """Why a test did not pass, in a line of at most 500 characters."""
    if report.outcome == "skipped" and isinstance(report.longrepr, tuple):
        return str(report.longrepr[2]).removeprefix("Skipped: ")
    error = call.excinfo.value if call.excinfo else None
    if isinstance(error, OmniReleaseError):
        return f"{type(error).__name__}: {error.message}"
    text = call.excinfo.exconly(tryshort=True) if call.excinfo else ""
    return next((line.strip() for line in text.splitlines() if line.strip()), "")[:500]
