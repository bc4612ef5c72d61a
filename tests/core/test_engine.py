"""The engine: order, side by side, statuses, resuming, and the boundary where an exception becomes an outcome."""

from __future__ import annotations

import datetime
import threading
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from omni_release import lanes
from omni_release.adapters.files import LocalFiles
from omni_release.core import engine
from omni_release.core.actions import Action, Run, Write
from omni_release.core.errors import Conflict, Inconclusive, NeedsPerson, NotApplicable
from omni_release.core.journal import RunFolder
from omni_release.core.model import BLOCKED_BY, Evidence, Finding, Outcome, Release, Severity, Status
from omni_release.core.settings import Settings, Waiver
from omni_release.core.tasks import Check, Lane, Step, Task, check, step
from omni_release.core.world import World

TODAY = datetime.date(2026, 11, 22)


def ran(lane: Lane, release: Release, world: World, *, dry: bool = False) -> dict[str, Outcome]:
    """The outcomes of a lane by their ids."""
    return {outcome.id: outcome for outcome in engine.run(lane, release, world, today=TODAY, dry=dry)}


def one(body: Check | Step, release: Release, world: World, *, dry: bool = False) -> Outcome:
    """The outcome of a lane of one task."""
    task = step(body) if hasattr(body, "check_done") else check(body)  # type: ignore[arg-type]  # told apart as tasks do
    return ran(Lane("one", (task,)), release, world, dry=dry)[task.id]


def all_well(release: Release, world: World) -> Iterator[Finding]:
    """All is well."""
    yield Finding("looked at", severity=Severity.NOTICE)


def one_thing_differs(release: Release, world: World) -> Iterator[Finding]:
    """One thing differs.

    Mend it.
    """
    yield Finding("it differs", "some-rule", path="a.txt", line=1)


def may_differ(release: Release, world: World) -> Iterator[Finding]:
    """It may differ."""
    yield Finding("it may differ", severity=Severity.WARNING)


def cannot_tell(release: Release, world: World) -> Iterator[Finding]:
    """Could not tell."""
    yield from ()
    raise Inconclusive("no network")


def nothing_here(release: Release, world: World) -> Iterator[Finding]:
    """Nothing here."""
    yield from ()
    raise NotApplicable("no front end")


def person_has_looked(release: Release, world: World) -> Iterator[Finding]:
    """A person has looked at the page."""
    yield from ()
    raise NeedsPerson("Does the page look right?")


def broken(release: Release, world: World) -> Iterator[Finding]:
    """A check with a defect."""
    yield from ()
    raise KeyError("oops")


class WriteNote:
    """The note stands there."""

    def actions(self, release: Release, world: World) -> Iterable[Action]:
        yield Write(release.project.root / "note", b"hello")

    def check_done(self, release: Release, world: World) -> Evidence | None:
        note = release.project.root / "note"
        return {"note": note.read_text()} if note.is_file() else None


class RunPython:
    """A program does the work; the file `proof` is the proof."""

    def __init__(self, code: str, *, network: bool = False, otherwise: str | None = None) -> None:
        self.code = code
        self.network = network
        self.otherwise = otherwise

    def run(self, release: Release, code: str, otherwise: Run | None) -> Run:
        import sys

        log = release.folder / "logs" / "it.log"
        root = release.project.root
        return Run((sys.executable, "-c", code), root, {}, log, 30.0, network=self.network, otherwise=otherwise)

    def actions(self, release: Release, world: World) -> Iterable[Action]:
        yield self.run(release, self.code, self.run(release, self.otherwise, None) if self.otherwise else None)

    def check_done(self, release: Release, world: World) -> Evidence | None:
        return {} if (release.project.root / "proof").exists() else None


PROVE = "open('proof', 'w').close()"


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        (all_well, Status.PASSED, "looked at"),
        (may_differ, Status.PASSED, "it may differ"),
        (one_thing_differs, Status.FAILED, "it differs"),
        (cannot_tell, Status.INCONCLUSIVE, "no network"),
        (nothing_here, Status.SKIPPED, "no front end"),
        (person_has_looked, Status.WAITING, "omni-release sign person-has-looked"),
    ],
)
def test_statuses(body: Check, status: Status, said: str, release: Release, world: World) -> None:
    """Each way for a check to end has a status of its own, and says why."""
    outcome = one(body, release, world)
    assert outcome.status is status
    assert said in outcome.findings[0].message


def test_defect_is_an_outcome(release: Release, world: World, tmp_path: Path) -> None:
    """An unforeseen exception fails the task, names the defect, and leaves its traceback in the journal alone."""
    outcome = one(broken, release, world)
    assert outcome.status is Status.FAILED
    assert "KeyError" in outcome.findings[0].message
    assert "Traceback" not in outcome.findings[0].message
    assert "Traceback" in (tmp_path / "run" / "journal.jsonl").read_text()


def test_defect_of_what_shows_it_is_an_outcome(release: Release, world: World) -> None:
    """Whoever is told that a task begins cannot end the run."""

    def shows(task: Task) -> None:
        raise ValueError(task.title)

    (outcome,) = engine.run(Lane("one", (check(all_well),)), release, world, today=TODAY, started=shows)
    assert outcome.status is Status.FAILED
    assert "ValueError" in outcome.findings[0].message


def test_neighbours_go_on(release: Release, world: World) -> None:
    """What needs a failed task is skipped, down the line; what does not need it runs."""
    lane = Lane(
        "some",
        (
            check(one_thing_differs),
            check(may_differ, needs="one-thing-differs"),
            check(all_well),
            check(nothing_here, needs="may-differ"),
        ),
    )
    found = ran(lane, release, world)
    assert found["may-differ"].status is Status.SKIPPED
    assert "one-thing-differs, which failed" in found["may-differ"].findings[0].message
    assert "may-differ, which did not run" in found["nothing-here"].findings[0].message
    held_up = {id: dict(outcome.evidence) for id, outcome in found.items() if outcome.evidence}
    assert held_up == {"may-differ": {BLOCKED_BY: "one-thing-differs"}, "nothing-here": {BLOCKED_BY: "may-differ"}}
    assert found["all-well"].status is Status.PASSED


@pytest.mark.parametrize("stopper", [cannot_tell, person_has_looked, one_thing_differs])
def test_only_passed_or_nothing_to_do_lets_on(stopper: Check, release: Release, world: World) -> None:
    """Inconclusive and waiting stop what needs them, as failed does."""
    needed = check(stopper)
    found = ran(Lane("some", (needed, check(all_well, needs=needed.id))), release, world)
    assert found["all-well"].status is Status.SKIPPED


def test_nothing_to_look_at_lets_on(release: Release, world: World) -> None:
    """A task that was skipped for having nothing to look at does not stop others."""
    found = ran(Lane("some", (check(nothing_here), check(all_well, needs="nothing-here"))), release, world)
    assert found["all-well"].status is Status.PASSED


def test_side_by_side(release: Release, world: World) -> None:
    """Two tasks that do not need each other run at the same time: each waits for the other."""
    barrier = threading.Barrier(2, timeout=20)

    def first(release: Release, world: World) -> Iterator[Finding]:
        """First."""
        barrier.wait()
        yield from ()

    def second(release: Release, world: World) -> Iterator[Finding]:
        """Second."""
        barrier.wait()
        yield from ()

    found = ran(Lane("two", (check(first), check(second))), release, world)
    assert {outcome.status for outcome in found.values()} == {Status.PASSED}


def test_needs_must_stand_before() -> None:
    """A lane that names something unknown, or later, is refused when it is made."""
    with pytest.raises(ValueError, match="all-well needs"):
        Lane("bad", (check(all_well, needs="may-differ"), check(may_differ)))


def test_what_stands_first_starts_first(release: Release, world: World) -> None:
    """A task that becomes possible late comes before others that have waited, where it stands before them."""
    started: list[str] = []
    waiting = 40

    def gate(release: Release, world: World) -> Iterator[Finding]:
        """The gate."""
        yield from ()

    def named(number: int) -> Task:
        def look(release: Release, world: World) -> Iterator[Finding]:
            """A look."""
            world.clock.sleep(0.01)
            yield from ()

        return replace(check(look, needs="gate"), id=f"look-{number}")

    late = replace(check(gate, needs="gate"), id="late")
    last = replace(check(gate, needs="late"), id="last")
    lane = Lane("order", (check(gate), late, last, *(named(number) for number in range(waiting))))
    list(engine.run(lane, release, world, today=TODAY, started=lambda task: started.append(task.id)))
    assert len(started) == waiting + 3
    assert started.index("last") < waiting / 2


def test_part_of_a_lane() -> None:
    """A part holds the tasks named and all that they need, in order."""
    lane = Lane("all", (check(all_well), check(may_differ), check(nothing_here, needs="all-well")))
    assert [task.id for task in lane.up_to("part", "nothing-here").tasks] == ["all-well", "nothing-here"]


def test_step_acts_once(release: Release, world: World, tmp_path: Path) -> None:
    """A step whose work is done already performs nothing."""
    assert one(WriteNote(), release, world).evidence == {"note": "hello"}
    (tmp_path / "note").write_text("mine")
    again = one(WriteNote(), release, world)
    assert again.status is Status.PASSED
    assert (tmp_path / "note").read_text() == "mine"


def test_dry_run_prints_the_actions(release: Release, world: World, tmp_path: Path) -> None:
    """A dry run leaves the very actions that a run performs, and performs none; what needs it is planned too."""
    lane = Lane("dry", (step(WriteNote()), check(all_well, needs="write-note")))
    found = ran(lane, release, world, dry=True)
    assert found["write-note"].status is Status.PLANNED
    assert found["write-note"].actions == (f"write {tmp_path / 'note'} (5 bytes)",)
    assert found["all-well"].status is Status.PLANNED
    assert not (tmp_path / "note").exists()


def test_exit_code_0_is_no_proof(release: Release, world: World) -> None:
    """A program that says it worked has failed where the world does not stand as it should."""
    outcome = one(RunPython("pass"), release, world)
    assert outcome.status is Status.FAILED
    assert "their result is missing" in outcome.findings[0].message


def test_bad_exit_code_is_no_disproof(release: Release, world: World) -> None:
    """A program that failed, but whose work is done, is a warning."""
    outcome = one(RunPython(f"{PROVE}; raise SystemExit(3)"), release, world)
    assert outcome.status is Status.PASSED
    assert outcome.findings[0].severity is Severity.WARNING
    assert "exit code 3" in outcome.findings[0].message


def test_failing_program_shows_its_last_lines(release: Release, world: World) -> None:
    """The last lines stand in the finding, and where the rest of it lies."""
    outcome = one(RunPython("print('reason'); raise SystemExit(3)"), release, world)
    assert outcome.status is Status.FAILED
    assert "reason" in outcome.findings[0].message
    assert "it.log" in outcome.findings[0].message


def test_otherwise(release: Release, world: World) -> None:
    """Where a command fails, the one that it names is run."""
    assert one(RunPython("raise SystemExit(3)", otherwise=PROVE), release, world).status is Status.PASSED


@pytest.mark.parametrize(("network", "status"), [(True, Status.INCONCLUSIVE), (False, Status.FAILED)])
def test_network(network: bool, status: Status, release: Release, world: World) -> None:
    """Where a command needs the network and names it as the reason, the result is that we could not tell."""
    body = RunPython("print('error sending request for url'); raise SystemExit(2)", network=network)
    assert one(body, release, world).status is status


def test_conflict_changes_nothing(release: Release, world: World, tmp_path: Path) -> None:
    """A conflict stops before any action."""

    class Conflicting(WriteNote):
        """The note is ours."""

        def check_done(self, release: Release, world: World) -> Evidence | None:
            raise Conflict("somebody else's note is there", "Ask them.")

    outcome = one(Conflicting(), release, world)
    assert outcome.status is Status.FAILED
    assert "Ask them." in outcome.findings[0].message
    assert not (tmp_path / "note").exists()


def test_full_disk_is_a_message(release: Release, world: World) -> None:
    """An error of the operating system says what and where."""

    class Full(WriteNote):
        """The note fits."""

        def actions(self, release: Release, world: World) -> Iterable[Action]:
            raise OSError(28, "No space left on device", "/some/file")

    outcome = one(Full(), release, world)
    assert outcome.status is Status.FAILED
    assert outcome.findings[0].message == "No space left on device: /some/file"


def counted(calls: list[str], name: str) -> Task:
    """A costly check that counts how often it is paid for; its key is the project's version."""

    def costly(release: Release, world: World) -> Iterator[Finding]:
        """Costly."""
        calls.append(name)
        yield Finding("paid", severity=Severity.NOTICE)

    return check(costly, key=lambda release, world: str(release.version))


def test_costly_check_is_paid_for_once(release: Release, world: World) -> None:
    """While the key stands, the outcome is the kept one; with another key it is paid for again."""
    calls: list[str] = []
    lane = Lane("costly", (counted(calls, "x"),))
    first = ran(lane, release, world)["costly"]
    again = ran(lane, release, world)["costly"]
    assert len(calls) == 1
    *kept, note = again.findings
    assert (tuple(kept), again.status) == (first.findings, first.status)
    assert note.message.startswith("cached result")
    ran(lane, replace(release, version="2.0"), world)
    assert len(calls) == 2


def test_failed_costly_check_is_not_kept(release: Release, world: World) -> None:
    """A failure is looked at anew each time."""
    lane = Lane("costly", (check(one_thing_differs, key=lambda release, world: "same"),))
    assert ran(lane, release, world)["one-thing-differs"].status is Status.FAILED
    assert world.journal.cached("one-thing-differs", "same") is None


def test_waived(release: Release, world: World) -> None:
    """A waiver of the settings lets a finding pass, as a notice with its reason; past its day it is a failure."""
    for until, status in [(TODAY, Status.PASSED), (TODAY - datetime.timedelta(days=1), Status.FAILED)]:
        settings = Settings(waiver=(Waiver("some-rule", "known", until),))
        waived = replace(release, project=replace(release.project, settings=settings))
        outcome = one(one_thing_differs, waived, world)
        assert outcome.status is status


def test_sign_off_answers(release: Release, world: World, tmp_path: Path) -> None:
    """A person's answer lets a waiting task pass, for the artifacts that it was about and no others."""
    journal = RunFolder(tmp_path / "run", LocalFiles())
    journal.sign("person-has-looked", "Ada", "looked at it in a browser")
    outcome = one(person_has_looked, release, world)
    assert outcome.status is Status.PASSED
    assert "signed off by Ada" in outcome.findings[0].message

    dist = tmp_path / "run" / "dist"
    dist.mkdir(parents=True)
    (dist / "acme-1.0.tar.gz").write_bytes(b"new bytes")
    from omni_release.core.actions import Pin

    (tmp_path / "tree.sha256").write_text("tree")
    journal.pin(Pin(dist, tmp_path / "tree.sha256", None))
    assert one(person_has_looked, release, world).status is Status.WAITING


def test_only_signable_checks_can_be_signed(release: Release, world: World, tmp_path: Path) -> None:
    """What could not be told is answered by a person only where the lane allows it."""
    RunFolder(tmp_path / "run", LocalFiles()).sign("cannot-tell", "Ada", "it was the provider")
    assert ran(Lane("no", (check(cannot_tell),)), release, world)["cannot-tell"].status is Status.INCONCLUSIVE
    assert ran(Lane("yes", (check(cannot_tell, signable=True),)), release, world)["cannot-tell"].status is Status.PASSED


def test_what_cannot_be_read_was_not_kept(release: Release, world: World, tmp_path: Path) -> None:
    """A kept outcome that is torn, or of another version of this program, is paid for again."""
    calls: list[str] = []
    lane = Lane("costly", (counted(calls, "x"),))
    ran(lane, release, world)
    (kept,) = (tmp_path / "run" / "cache").iterdir()
    text = kept.read_text(encoding="utf-8")
    for torn in (text[:-20], text.replace('"title"', '"heading"')):
        kept.write_text(torn, encoding="utf-8")
        assert ran(lane, release, world)["costly"].status is Status.PASSED
    assert len(calls) == 3


def test_trouble_while_telling_trouble(release: Release, world: World, tmp_path: Path) -> None:
    """An error in the very telling of an error stops neither the run nor its neighbours."""
    (tmp_path / "run" / "artifacts.json").write_text("{torn", encoding="utf-8")
    found = ran(Lane("some", (check(person_has_looked), check(all_well))), release, world)
    assert found["person-has-looked"].status is Status.FAILED
    assert found["all-well"].status is Status.PASSED


def test_a_waiver_is_for_findings_alone(release: Release, world: World) -> None:
    """What was never looked at cannot be waived into passed."""
    waived = Settings(waiver=tuple(Waiver(name, "known", TODAY) for name in ("broken", "cannot-tell")))
    lenient = replace(release, project=replace(release.project, settings=waived))
    assert one(broken, lenient, world).status is Status.FAILED
    assert one(cannot_tell, lenient, world).status is Status.INCONCLUSIVE


def test_first_trouble_is_told_with_the_second(release: Release, world: World) -> None:
    """Where the proof cannot be had after a failed action, both are told."""

    class Unprovable(RunPython):
        """It is proved."""

        asked = False

        def check_done(self, release: Release, world: World) -> Evidence | None:
            if self.asked:
                raise Inconclusive("the index does not answer")
            self.asked = True
            return None

    outcome = one(Unprovable("raise SystemExit(7)"), release, world)
    assert outcome.status is Status.INCONCLUSIVE
    assert "the index does not answer" in outcome.findings[0].message
    assert "exit code 7" in outcome.findings[0].message


@pytest.mark.parametrize("name", ["one-thing-differs", "some-rule"])
def test_a_proof_that_cannot_be_waived(name: str, release: Release, world: World) -> None:
    """A waiver of such a proof, or of what it has found, has no effect; and that it has none is told as an error."""
    waived = Settings(waiver=(Waiver(name, "known", TODAY),))
    release = replace(release, project=replace(release.project, settings=waived))
    proof = check(one_thing_differs, waivable=False)
    outcome = ran(Lane("release", (proof,)), release, world)[proof.id]
    assert outcome.status is Status.FAILED
    assert [(finding.rule, finding.severity) for finding in outcome.findings] == [
        ("one-thing-differs/some-rule", Severity.ERROR),
        ("one-thing-differs/cannot-be-waived", Severity.ERROR),
    ]
    well = replace(check(all_well, waivable=False), id="one-thing-differs")
    found = ran(Lane("release", (well,)), release, world)[well.id]
    assert found.status is (Status.FAILED if name == "one-thing-differs" else Status.PASSED)


def test_which_proofs_cannot_be_waived() -> None:
    """Whether it was rehearsed, with what it is sent, and whether the version is free."""
    tasks = (*lanes.release().tasks, *lanes.doctor().tasks)
    proofs = {"rehearsal-passed", "credentials-present", "version-available"}
    assert {task.id for task in tasks if not task.waivable} == proofs


def differs_and_cannot_tell(release: Release, world: World) -> Iterator[Finding]:
    """Differs, and could not tell."""
    yield Finding("it differs", "some-rule")
    raise Inconclusive("no network", "Is there one?")


def looks_and_cannot_tell(release: Release, world: World) -> Iterator[Finding]:
    """Looks, and could not tell."""
    yield Finding("it may differ", severity=Severity.WARNING)
    raise Inconclusive("no network")


def test_error_counts_where_the_rest_could_not_be_told(release: Release, world: World) -> None:
    """An error that was found fails the check; what could not be told beside it stands there as a warning."""
    outcome = one(differs_and_cannot_tell, release, world)
    assert outcome.status is Status.FAILED
    assert [(f.severity, f.message) for f in outcome.findings] == [
        (Severity.ERROR, "it differs"),
        (Severity.WARNING, "no network\nIs there one?"),
    ]


def test_what_was_found_stays_where_the_rest_could_not_be_told(release: Release, world: World) -> None:
    """Without an error it is inconclusive, its reason first, and what was found is there too; nothing of it is kept."""
    task = replace(check(looks_and_cannot_tell), key=lambda release, world: "same")
    outcome = ran(Lane("one", (task,)), release, world)[task.id]
    assert outcome.status is Status.INCONCLUSIVE
    assert [finding.message for finding in outcome.findings] == ["no network", "it may differ"]
    assert world.journal.cached(task.id, "same") is None


def test_waived_error_leaves_what_could_not_be_told(release: Release, world: World) -> None:
    """Where the error is waived, it still could not be told: it has not passed."""
    waiver = Waiver("some-rule", "known", datetime.date(2027, 1, 1))
    waived = replace(release, project=replace(release.project, settings=Settings(waiver=(waiver,))))
    assert one(differs_and_cannot_tell, waived, world).status is Status.INCONCLUSIVE
