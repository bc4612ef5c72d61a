"""What blocks: release rules, and quality rules where the settings ask for it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from omni_release import lane_names, lanes, project
from omni_release.core import engine, severity
from omni_release.core.errors import Inconclusive, SettingsError, ToolUnavailable
from omni_release.core.model import Finding, Outcome, Project, Release, Severity, Status
from omni_release.core.settings import Settings, SeverityLevel
from omni_release.core.tasks import Check, Lane, Rule, RuleClass, check, reports
from omni_release.core.world import World

SHIPS = Rule("ships", RuleClass.RELEASE, "What ships is wrong")
TASTE = Rule("taste", RuleClass.QUALITY, "A matter of taste")
CODES = Rule(r"C\d{3}", RuleClass.QUALITY, "Rule of another program")
WARNING, ERROR, OFF = SeverityLevel("warning"), SeverityLevel("error"), SeverityLevel("off", "meant")


NEW_SHIPS = Rule("new-ships", RuleClass.RELEASE, "New, about what ships", preview="0.2")
NEW_TASTE = Rule("new-taste", RuleClass.QUALITY, "New, a matter of taste", preview="0.2")


def reporting(*rules: Rule, found: tuple[Finding, ...], error: Exception | None = None) -> Check:
    """A check with these rules that reports these findings, and then raises this error."""

    @reports(*rules)
    def some_check(release: Release, world: World) -> Iterator[Finding]:
        """Some check

        Fix: it.
        """
        yield from found
        if error:
            raise error

    return some_check


@pytest.fixture
def outcome_of(release: Release, world: World) -> Callable[[Check, Settings], Outcome]:
    """A function that gives the outcome of a check under these settings."""

    def run(body: Check, settings: Settings) -> Outcome:
        changed = dataclasses.replace(release, project=dataclasses.replace(release.project, settings=settings))
        (outcome,) = engine.run(Lane("x", (check(body),)), changed, world, today=world.clock.now().date())
        return outcome

    return run


@pytest.mark.parametrize(
    ("rule", "settings", "expected"),
    [
        ("ships", Settings(), Severity.ERROR),
        ("taste", Settings(), Severity.WARNING),
        ("C101", Settings(), Severity.WARNING),
        ("not-declared", Settings(), Severity.WARNING),
        ("defect", Settings(), Severity.ERROR),
        ("", Settings(), Severity.ERROR),
        ("taste", Settings(strict=True), Severity.ERROR),
        ("not-declared", Settings(strict=True), Severity.ERROR),
        ("taste", Settings(severity={"tests": ERROR}), Severity.ERROR),  # the room that the check is in
        ("taste", Settings(severity={"code": ERROR}), Severity.WARNING),
        ("taste", Settings(strict=True, severity={"some-check": WARNING}), Severity.WARNING),
        ("taste", Settings(strict=True, severity={"tests": ERROR, "some-check": WARNING}), Severity.WARNING),
        ("taste", Settings(severity={"some-check": WARNING, "some-check/taste": ERROR}), Severity.ERROR),
        ("taste", Settings(severity={"some-check": WARNING, "taste": ERROR}), Severity.ERROR),
        ("C101", Settings(severity={"C101": ERROR}), Severity.ERROR),
        ("C102", Settings(severity={"C101": ERROR}), Severity.WARNING),
        ("ships", Settings(severity={"some-check": WARNING}), Severity.ERROR),
        ("taste", Settings(severity={"taste": OFF}), Severity.NOTICE),
    ],
)
def test_severity_of_an_error(
    rule: str, settings: Settings, expected: Severity, outcome_of: Callable[[Check, Settings], Outcome]
) -> None:
    """The class of the rule decides, then the most specific entry of the settings; the status follows."""
    outcome = outcome_of(reporting(SHIPS, TASTE, CODES, found=(Finding("it", rule),)), settings)
    assert [finding.severity for finding in outcome.findings] == [expected]
    assert outcome.status is (Status.FAILED if expected is Severity.ERROR else Status.PASSED)


def test_only_what_is_named_becomes_an_error(outcome_of: Callable[[Check, Settings], Outcome]) -> None:
    """`strict` leaves a warning as it is; an entry `error` makes it block; a notice stays a notice."""
    body = reporting(TASTE, found=(Finding("w", "taste", Severity.WARNING), Finding("n", "taste", Severity.NOTICE)))
    assert outcome_of(body, Settings(strict=True)).status is Status.PASSED
    outcome = outcome_of(body, Settings(severity={"taste": ERROR}))
    assert [finding.severity for finding in outcome.findings] == [Severity.ERROR, Severity.NOTICE]


def test_what_the_project_configured_blocks(outcome_of: Callable[[Check, Settings], Outcome]) -> None:
    """A finding of a rule that the project itself wrote keeps its severity."""
    outcome = outcome_of(reporting(TASTE, found=(Finding("it", "own", configured=True),)), Settings())
    assert outcome.status is Status.FAILED


@pytest.mark.parametrize(
    ("rules", "settings", "error", "expected"),
    [
        ((TASTE,), Settings(), ToolUnavailable("mypy is not installed", "pip install mypy"), Status.SKIPPED),
        ((TASTE,), Settings(), Inconclusive("no answer", "Try again."), Status.SKIPPED),
        ((TASTE,), Settings(), ModuleNotFoundError(name="deptry"), Status.SKIPPED),
        ((TASTE,), Settings(strict=True), ToolUnavailable("mypy is not installed"), Status.INCONCLUSIVE),
        ((TASTE,), Settings(severity={"taste": ERROR}), ToolUnavailable("it crashed"), Status.INCONCLUSIVE),
        ((TASTE,), Settings(), ToolUnavailable("it crashed", configured=True), Status.INCONCLUSIVE),
        ((TASTE, SHIPS), Settings(), ToolUnavailable("it crashed"), Status.INCONCLUSIVE),
        ((), Settings(), Inconclusive("no answer"), Status.INCONCLUSIVE),
    ],
)
def test_unknown_results(
    rules: tuple[Rule, ...],
    settings: Settings,
    error: Exception,
    expected: Status,
    outcome_of: Callable[[Check, Settings], Outcome],
) -> None:
    """Without its tool, a check that can only advise is skipped, with the reason; one that decides is inconclusive."""
    outcome = outcome_of(reporting(*rules, found=(), error=error), settings)
    assert outcome.status is expected
    assert (getattr(error, "message", "") or "deptry is not installed") in outcome.findings[0].message


def test_advice_before_an_unknown_rest_is_kept(outcome_of: Callable[[Check, Settings], Outcome]) -> None:
    """What was found before the tool crashed is a warning, and so is the crash."""
    body = reporting(TASTE, found=(Finding("it", "taste"),), error=ToolUnavailable("it crashed"))
    outcome = outcome_of(body, Settings())
    assert (outcome.status, [f.message for f in outcome.findings]) == (Status.PASSED, ["it", "it crashed"])


def test_check_that_is_off_does_not_run(outcome_of: Callable[[Check, Settings], Outcome]) -> None:
    """The check is skipped with the reason, unless one of its rules has an entry of its own."""
    body = reporting(TASTE, CODES, found=(Finding("it", "C101"), Finding("also", "taste")))
    outcome = outcome_of(body, Settings(severity={"some-check": OFF}))
    assert (outcome.status, outcome.findings[0].message) == (Status.SKIPPED, "off in the settings: meant")
    outcome = outcome_of(body, Settings(severity={"some-check": OFF, "C101": ERROR}))
    assert [f.message for f in outcome.findings] == ["it", "1 finding is off: meant"]
    assert outcome.status is Status.FAILED


def loaded(folder: Path, entries: str) -> Project:
    """A project with these lines in [tool.omni-release.severity], and a bug pattern of its own."""
    tables = '[project]\nname = "acme"\n[tool.omni-release.audit]\nrules = "mine"\n[tool.omni-release.severity]\n'
    (folder / "pyproject.toml").write_text(f"{tables}{entries}\n", encoding="utf-8")
    (folder / "mine").mkdir()
    (folder / "mine" / "one.yml").write_text("id: no-print.py\nlanguage: Python\n", encoding="utf-8")
    return project.load(folder)


@pytest.mark.parametrize(
    "entry",
    [
        'silent-failures = "error"',
        '"silent-failures/BLE001" = "error"',
        'BLE001 = "warning"',
        'code = "error"',
        'bytes-as-text = "warning"',
        '"bug-patterns/bytes-as-text" = { level = "off", reason = "meant" }',
        '"imports-declared/dep006" = "error"',
    ],
)
@pytest.mark.parametrize("lane", ["gate", "clean"])
def test_names_of_severities(entry: str, lane: str, tmp_path: Path) -> None:
    """A rule, a check, a family and a bug pattern are known, whatever the lane."""
    lane_names.validate(lanes.lane(lane), loaded(tmp_path, entry))


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ('silent-failure = "error"', "is neither a rule, nor a check, nor a family"),
        ('version-drift = "warning"', "always blocks: it is about what ships, or a rule of your own"),
        (
            '"upload-rules" = { level = "off", reason = "x" }',
            "always blocks: it is about what ships, or a rule of your own",
        ),
        ('no-print = "warning"', "always blocks: it is about what ships, or a rule of your own"),
        ('BLE001 = "of"', "must be one of 'error', 'warning', 'off', not 'of'"),
        ('BLE001 = { level = "off" }', "is off without a reason"),
        ("BLE001 = 3", "must be a table"),
    ],
)
def test_invalid_severities(entry: str, message: str, tmp_path: Path) -> None:
    """A release rule can only be waived, `off` needs a reason, a misspelled name is an error; each has its line."""
    with pytest.raises(SettingsError) as raised:
        lane_names.validate(lanes.lane("gate"), loaded(tmp_path, entry))
    assert message in raised.value.message
    assert raised.value.message.startswith("pyproject.toml:6: ")
    if entry.startswith("silent-failure "):
        assert raised.value.hint == "Did you mean `silent-failures`?"


@pytest.mark.parametrize(
    ("rule", "settings", "expected", "announced"),
    [
        ("new-ships", Settings(), Severity.WARNING, True),
        ("new-ships", Settings(strict=True), Severity.WARNING, True),
        ("new-ships", Settings(severity={"some-check": ERROR}), Severity.WARNING, True),
        ("new-ships", Settings(severity={"new-ships": ERROR}), Severity.ERROR, False),
        ("new-ships", Settings(severity={"some-check/new-ships": ERROR}), Severity.ERROR, False),
        ("new-ships", Settings(severity={"new-ships": OFF}), Severity.NOTICE, False),
        ("new-taste", Settings(), Severity.WARNING, False),
        ("new-taste", Settings(strict=True), Severity.WARNING, True),
        ("new-taste", Settings(severity={"some-check": ERROR}), Severity.WARNING, True),
        ("new-taste", Settings(severity={"some-check": WARNING}), Severity.WARNING, False),
        ("new-taste", Settings(strict=True, severity={"some-check": OFF}), Severity.NOTICE, False),
        ("new-taste", Settings(severity={"new-taste": ERROR}), Severity.ERROR, False),
        ("ships", Settings(), Severity.ERROR, False),
    ],
)
def test_preview(
    rule: str,
    settings: Settings,
    expected: Severity,
    announced: bool,
    outcome_of: Callable[[Check, Settings], Outcome],
) -> None:
    """A rule in preview is a warning at most, unless the settings name it; it says that it will be an error."""
    rules = (SHIPS, NEW_SHIPS, TASTE, NEW_TASTE)
    outcome = outcome_of(reporting(*rules, found=(Finding("wrong", f"some-check/{rule}"),)), settings)
    (finding,) = outcome.findings
    assert finding.severity is expected
    assert ("preview: an error from the next minor version on" in finding.message) is announced
    assert outcome.status is (Status.FAILED if expected is Severity.ERROR else Status.PASSED)


@pytest.mark.parametrize(
    ("settings", "blocks"),
    [
        (Settings(strict=True), False),
        (Settings(severity={"some-check": ERROR}), False),
        (Settings(severity={"new-ships": ERROR}), True),
    ],
)
def test_check_with_preview_rules_alone(
    settings: Settings,
    blocks: bool,
    outcome_of: Callable[[Check, Settings], Outcome],
) -> None:
    """A new check without its tool is skipped; it is inconclusive only where the settings name its rule."""
    body = reporting(NEW_SHIPS, NEW_TASTE, found=(), error=ToolUnavailable("no tool", "Install it."))
    assert severity.can_block(check(body), settings) is blocks
    assert outcome_of(body, settings).status is (Status.INCONCLUSIVE if blocks else Status.SKIPPED)


def test_names_of_preview_rules() -> None:
    """The settings can name a rule in preview, also one of release."""
    kinds = {name.pattern: name.kind for name in severity.names((check(reporting(SHIPS, NEW_SHIPS, found=())),))}
    assert (kinds["ships"], kinds["new-ships"]) == (RuleClass.RELEASE, RuleClass.QUALITY)
