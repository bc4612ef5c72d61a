"""The baseline: what was there when the tool was adopted is counted, what is new is judged."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from omni_release.core import baseline, engine
from omni_release.core.baseline import FILE, Baseline
from omni_release.core.errors import SettingsError
from omni_release.core.fingerprints import Fingerprint
from omni_release.core.model import Finding, Outcome, Release, Severity, Status
from omni_release.core.settings import Settings, Waiver
from omni_release.core.tasks import Lane, Rule, RuleClass, check, reports
from omni_release.core.world import World

SHIPS = Rule("ships", RuleClass.RELEASE, "What ships is wrong")
TASTE = Rule("taste", RuleClass.QUALITY, "A matter of taste")
STRICT = Settings(strict=True)

Judge = Callable[[Baseline], Outcome]


@reports(SHIPS, TASTE)
def places_of_bad(release: Release, world: World) -> Iterator[Finding]:
    """Places of BAD

    Fix: it.
    """
    for path in sorted(release.project.root.glob("**/*.py")):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            name = path.relative_to(release.project.root).as_posix()
            if "BAD" in line:
                yield Finding("it", "taste", path=name, line=number, column=line.index("BAD") + 1)
            if "WRONG" in line:
                yield Finding("it", "ships", path=name, line=number)
            if "OWN" in line:
                yield Finding("it", "taste", path=name, line=number, configured=True)


@pytest.fixture
def judge(release: Release, world: World) -> Judge:
    """A function that gives the outcome of the check with a baseline, with `strict`."""
    changed = dataclasses.replace(release, project=dataclasses.replace(release.project, settings=STRICT))

    def run(known: Baseline) -> Outcome:
        today = world.clock.now().date()
        seen = dataclasses.replace(world, baseline=known)
        (outcome,) = engine.run(Lane("x", (check(places_of_bad),)), changed, seen, today=today)
        return outcome

    return run


def record(judge: Judge, root: Path) -> Baseline:
    """A baseline of today's findings, written to the file and read again."""
    recorder = Baseline(root, recording=True)
    judge(recorder)
    (root / FILE).write_text(baseline.document(recorder.kept), encoding="utf-8")
    return baseline.read(root)


SOURCE = "def f():\n    use(BAD)\n    use(BAD)\n\n\ndef g():\n    use(BAD)\n"


@pytest.mark.parametrize(
    ("after", "new", "accepted", "gone"),
    [
        ({"a.py": SOURCE}, 0, 3, 0),
        ({"a.py": f"import os\n\n\n{SOURCE}"}, 0, 3, 0),
        ({"renamed/b.py": SOURCE}, 0, 3, 0),
        ({"renamed/b.py": f"{SOURCE}\n\ndef h():\n    use(BAD)\n"}, 1, 3, 0),
        ({"b.py": SOURCE, "c.py": SOURCE}, 3, 3, 0),
        ({"a.py": SOURCE, "copy.py": SOURCE}, 3, 3, 0),
        ({"a.py": SOURCE.replace("    use(BAD)\n    use(BAD)", "    use(BAD)")}, 0, 2, 1),
        ({"a.py": SOURCE.replace("    use(BAD)\n    use(BAD)", "    use(BAD)\n" * 3)}, 1, 3, 0),
        ({"a.py": SOURCE.replace("def g", "def h")}, 1, 2, 1),
        ({"a.py": "x = 1\n"}, 0, 0, 3),
        ({"a.py": f"{SOURCE}WRONG = 1\n"}, 1, 3, 0),
        ({"a.py": f"{SOURCE}OWN = 1\n"}, 1, 3, 0),
    ],
)
def test_what_is_new(after: dict[str, str], new: int, accepted: int, gone: int, judge: Judge, release: Release) -> None:
    """Old findings are counted, in a renamed file too; new ones fail; what is gone is named, with the command."""
    root = release.project.root
    (root / "a.py").write_text(SOURCE, encoding="utf-8")
    record(judge, root)
    (root / "a.py").unlink()
    for name, text in after.items():
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    outcome = judge(baseline.read(root))
    errors = [finding for finding in outcome.findings if finding.severity is Severity.ERROR]
    assert (len(errors), outcome.evidence.get("in-baseline", 0)) == (new, accepted)
    assert outcome.status is (Status.FAILED if new else Status.PASSED)
    outdated = [finding for finding in outcome.findings if finding.rule == "places-of-bad/baseline-outdated"]
    assert [finding.severity for finding in outdated] == [Severity.WARNING] * bool(gone)
    assert all("omni-release baseline --update" in finding.message for finding in outdated)


def test_a_check_that_sees_less_in_this_lane(release: Release, world: World, judge: Judge) -> None:
    """What a partial check does not find is not gone."""
    (release.project.root / "a.py").write_text("use(BAD)\n", encoding="utf-8")
    known = record(judge, release.project.root)
    (release.project.root / "a.py").write_text("", encoding="utf-8")
    task = dataclasses.replace(check(places_of_bad), partial=True)
    seen = dataclasses.replace(world, baseline=known)
    (outcome,) = engine.run(Lane("x", (task,)), release, seen, today=world.clock.now().date())
    assert outcome.findings == ()


def test_checks_that_were_not_run_are_known(release: Release, world: World) -> None:
    """A check that needs one that failed is named, so that nothing is taken for accepted that was not looked at."""
    (release.project.root / "a.py").write_text("WRONG = 1\n", encoding="utf-8")
    after = dataclasses.replace(check(places_of_bad), id="after", needs=("places-of-bad",))
    known = Baseline(release.project.root, recording=True)
    seen = dataclasses.replace(world, baseline=known)
    tuple(engine.run(Lane("x", (check(places_of_bad), after)), release, seen, today=world.clock.now().date()))
    assert (known.judged, known.not_run) == ({"places-of-bad"}, {"after"})


def test_what_cannot_be_in_it(judge: Judge, release: Release) -> None:
    """Findings of release rules, and those of the project's own rules, are not recorded."""
    (release.project.root / "a.py").write_text("use(BAD)\nWRONG = 1\nOWN = 2\n", encoding="utf-8")
    known = record(judge, release.project.root)
    assert [(entry.path, entry.rule) for entry in known.entries] == [("a.py", "places-of-bad/taste")]


def test_an_entry_by_hand_for_a_release_rule(judge: Judge, release: Release) -> None:
    """An entry that names a release rule accepts nothing, and is named as one that is gone."""
    root = release.project.root
    (root / "a.py").write_text("use(BAD)\n", encoding="utf-8")
    text = (record(judge, root).root / FILE).read_text(encoding="utf-8")
    (root / FILE).write_text(text.replace("/taste", "/ships"), encoding="utf-8")
    (root / "a.py").write_text("use(WRONG)\n", encoding="utf-8")
    outcome = judge(baseline.read(root))
    assert outcome.status is Status.FAILED
    assert [finding.rule for finding in outcome.findings] == ["places-of-bad/ships", "places-of-bad/baseline-outdated"]


def test_more_findings_than_a_report_shows(judge: Judge, release: Release) -> None:
    """All findings can be in it, not only the thousand that a report has."""
    (release.project.root / "a.py").write_text("".join(f"use(BAD, {n})\n" for n in range(1200)), encoding="utf-8")
    assert judge(record(judge, release.project.root)).evidence["in-baseline"] == 1200


def test_waived_findings_are_taken_from_the_baseline_first(release: Release, world: World, judge: Judge) -> None:
    """What is in the baseline needs no waiver; what is waived and new is a notice."""
    root = release.project.root
    (root / "a.py").write_text("use(BAD)\n", encoding="utf-8")
    known = record(judge, root)
    (root / "a.py").write_text("use(BAD)\nuse(BAD, 2)\n", encoding="utf-8")
    waiver = Waiver("taste", "meant", world.clock.now().date())
    settings = dataclasses.replace(STRICT, waiver=(waiver,))
    changed = dataclasses.replace(release, project=dataclasses.replace(release.project, settings=settings))
    seen = dataclasses.replace(world, baseline=known)
    (outcome,) = engine.run(Lane("x", (check(places_of_bad),)), changed, seen, today=world.clock.now().date())
    assert [finding.severity for finding in outcome.findings] == [Severity.NOTICE]
    assert (outcome.status, outcome.evidence["in-baseline"]) == (Status.PASSED, 1)


ENTRY = {"path": "a.py", "rule": "c/r", "within": "", "statement": "00", "number": 0}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "not valid JSON"),
        ("<<<<<<< HEAD\n{}", ":1: not valid JSON"),
        ("[]", "no list `findings`"),
        ('{"version": 1}', "no list `findings`"),
        ('{"version": 2, "findings": []}', "version 2; this omni-release reads version 1\nUpgrade omni-release."),
        ('{"findings": []}', "version None"),
        ('{"version": 1, "findings": [1]}', "entry 1 of `findings`"),
        (json.dumps({"version": 1, "findings": [ENTRY, ENTRY | {"number": "0"}]}), "entry 2 of `findings`"),
        (json.dumps({"version": 1, "findings": [ENTRY | {"more": 1}]}), "entry 1 of `findings`"),
        ("[" * 100_000, FILE),
        ("\xff", FILE),
    ],
)
def test_files_that_are_not_a_baseline(tmp_path: Path, text: str, says: str) -> None:
    """A file that cannot be used is an error of the settings, which says where and what to do."""
    (tmp_path / FILE).write_bytes(text.encode("latin-1"))
    with pytest.raises(SettingsError) as caught:
        baseline.read(tmp_path)
    assert says in caught.value.full_message


def test_the_file_is_for_merges(tmp_path: Path) -> None:
    """One entry in a line, sorted, whatever the order in which they were found; without entries it is valid, too."""
    entries = [Fingerprint("b.py", "c/r", "f", "00"), Fingerprint("a.py", "c/r", "", "ff", 1)]
    assert baseline.document(entries) == baseline.document(reversed(entries))
    assert [line for line in baseline.document(entries).splitlines() if "a.py" in line or "b.py" in line] == [
        '    {"path": "a.py", "rule": "c/r", "within": "", "statement": "ff", "number": 1},',
        '    {"path": "b.py", "rule": "c/r", "within": "f", "statement": "00", "number": 0}',
    ]
    (tmp_path / FILE).write_text(baseline.document([]), encoding="utf-8")
    assert baseline.read(tmp_path).entries == ()
