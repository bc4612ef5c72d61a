"""The pytest plugin: the `smoke` marker, its options, and the `smoke` fixture.

pytest loads this in every project where omni-release is installed, so it imports nothing large, and does nothing
without a test that has the marker: only then `session` is imported.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from omni_release.core.errors import install_hint
from omni_release.smoke import MODES, RECORDED

if TYPE_CHECKING:
    from omni_release.images import SyncImages
    from omni_release.smoke.service import Service


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options; all begin with `--smoke`."""
    group = parser.getgroup("smoke", "smoke tests of a live API")
    group.addoption(
        "--smoke",
        choices=MODES,
        default=RECORDED,
        help="run tests marked `smoke` on cassettes with the network blocked (default), on an emulator, or live",
    )
    group.addoption("--smoke-cassettes", metavar="DIR", help="folder of the cassettes (default: that of the settings)")
    group.addoption("--smoke-record", metavar="DIR", help="record an emulated or live run to this folder")
    group.addoption("--smoke-budget", type=float, metavar="USD", help="maximum cost of a live run (default: $1)")
    group.addoption("--smoke-report", metavar="FILE", help="write the results to this file, as JSON lines")


def pytest_configure(config: pytest.Config) -> None:
    """Register the marker. Raises UsageError for a live run in several processes, which would each have a budget."""
    if config.getoption("--smoke") == "live" and config.getoption("numprocesses", None):
        raise pytest.UsageError("a live run has one budget, so it needs one process: remove -n, or use -n 0")
    config.addinivalue_line("markers", "smoke: calls the live API; recorded, emulated or live (omni-release)")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Start a session for the tests that have the marker. Raises UsageError where a package is missing."""
    chosen = [item for item in items if item.get_closest_marker("smoke")]
    if not chosen:
        return
    hint = install_hint("smoke")
    try:
        import vcr  # noqa: F401 - is it there?
        import yaml  # noqa: F401 - is it there?
    except ImportError as error:
        raise pytest.UsageError(f"{error.name} is not installed; tests marked `smoke` need it. {hint}") from None
    if not config.pluginmanager.has_plugin("recording"):
        raise pytest.UsageError(f"pytest-recording is not installed; tests marked `smoke` need it. {hint}")
    from omni_release.smoke import session

    session.begin(config, chosen)


def pytest_report_teststatus(report: pytest.CollectReport | pytest.TestReport) -> tuple[str, str, str] | None:
    """Count and show an inconclusive test as such, not as failed or passed."""
    if getattr(report, "inconclusive", None) is None:
        return None
    return "inconclusive", "?", "INCONCLUSIVE"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the reason of each inconclusive test."""
    for report in terminalreporter.stats.get("inconclusive", ()):
        terminalreporter.write_line(f"INCONCLUSIVE {report.nodeid} - {report.inconclusive}")


@pytest.fixture
def smoke(request: pytest.FixtureRequest) -> Service:
    """The service behind a test marked `smoke`: how it is called, and which models the settings name."""
    from omni_release.smoke import session

    return session.service(request)


@pytest.fixture
def image_provider(smoke: Service) -> SyncImages:
    """The image provider that the settings name, without a fallback, whose images would prove nothing about it."""
    return smoke.images()
