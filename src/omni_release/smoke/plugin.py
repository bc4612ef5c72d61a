"""The pytest plugin: the `smoke` marker, its options, and the `smoke` fixture.

pytest loads this in every project where omni-release is installed, so it imports nothing of weight, and does nothing
where no test has the marker: `session` is imported for the first that has.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from omni_release.core.errors import install_hint
from omni_release.smoke.outcomes import MODES

if TYPE_CHECKING:
    from omni_release.images import SyncImages
    from omni_release.smoke.metering import Service


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options; all begin with `--smoke`."""
    group = parser.getgroup("smoke", "smoke tests of a live API")
    group.addoption(
        "--smoke",
        choices=MODES,
        default="recorded",
        help="tests marked `smoke` run on recordings with the network blocked (the default), on an emulator, or live",
    )
    group.addoption("--smoke-cassettes", metavar="DIR", help="where the recordings lie (default: as in the settings)")
    group.addoption(
        "--smoke-record", metavar="DIR", help="record what an emulated or live run answers into this folder"
    )
    group.addoption("--smoke-budget", type=float, metavar="USD", help="what a live run may cost (default: $1)")
    group.addoption("--smoke-report", metavar="FILE", help="write what came of each scenario, as lines of JSON")


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known. Raises UsageError where several processes would each have a budget of their own."""
    if config.getoption("--smoke") == "live" and config.getoption("numprocesses", None):
        raise pytest.UsageError("a live run has one budget, and so one process: leave out -n, or say -n 0")
    config.addinivalue_line("markers", "smoke: calls the live API; recorded, emulated or live (omni-release)")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Take charge of the tests that have the marker, if any has."""
    chosen = [item for item in items if item.get_closest_marker("smoke")]
    if not chosen:
        return
    try:
        import vcr  # noqa: F401
        import yaml  # noqa: F401
    except ImportError as error:
        said = f"{error.name} is not installed, and tests marked `smoke` need it. {install_hint('smoke')}"
        raise pytest.UsageError(said) from None
    if not config.pluginmanager.has_plugin("recording"):
        said = f"pytest-recording is not there, and tests marked `smoke` need it. {install_hint('smoke')}"
        raise pytest.UsageError(said)
    from omni_release.smoke import session

    session.begin(config, chosen)


def pytest_report_teststatus(report: pytest.CollectReport | pytest.TestReport) -> tuple[str, str, str] | None:
    """An inconclusive test is counted and shown as such, never as failed or passed."""
    if getattr(report, "inconclusive", None) is None:
        return None
    return "inconclusive", "?", "INCONCLUSIVE"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Why each inconclusive test is."""
    for report in terminalreporter.stats.get("inconclusive", ()):
        terminalreporter.write_line(f"INCONCLUSIVE {report.nodeid} - {report.inconclusive}")


@pytest.fixture
def smoke(request: pytest.FixtureRequest) -> Service:
    """The service behind a test marked `smoke`: how it is called, and which models the settings name."""
    from omni_release.smoke import session

    return session.service(request)


@pytest.fixture
def image_provider(smoke: Service) -> SyncImages:
    """The image provider that the settings name, without a fallback: a fallback's answer would prove nothing."""
    return smoke.images()
