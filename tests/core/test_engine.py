"""The engine: order, parallel tasks, statuses, the cache, and exceptions that become outcomes."""

from __future__ import annotations

import datetime
import shutil
import threading
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path, PurePosixPath

import pytest

from omni_release import lanes
from omni_release.adapters.files import LocalFiles
from omni_release.core import engine
from omni_release.core.actions import Action, Copy, Run, Write
from omni_release.core.cache import Inputs, OutcomeCache
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
    """Nothing is wrong."""
    yield Finding("looked at", severity=Severity.NOTICE)


def one_thing_differs(release: Release, world: World) -> Iterator[Finding]:
    """One thing differs.

    Mend it.
    """
    yield Finding("it differs", "some-rule", path="a.txt", line=1)


def may_differ(release: Release, world: World) -> Iterator[Finding]:
    """It may differ."""
    yield Finding("it may differ", severity=Severity.WARNING)


def no_answer(release: Release, world: World) -> Iterator[Finding]:
    """Inconclusive."""
    yield from ()
    raise Inconclusive("no network")


def nothing_here(release: Release, world: World) -> Iterator[Finding]:
    """Nothing to check."""
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
    """The note exists."""

    def actions(self, release: Release, world: World) -> Iterable[Action]:
        yield Write(release.project.root / "note", b"hello")

    def check_done(self, release: Release, world: World) -> Evidence | None:
        note = release.project.root / "note"
        return {"note": note.read_text()} if note.is_file() else None


class RunPython:
    """A program runs; the file `proof` is the proof."""

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
        (no_answer, Status.INCONCLUSIVE, "no network"),
        (nothing_here, Status.SKIPPED, "no front end"),
        (person_has_looked, Status.WAITING, "omni-release sign person-has-looked"),
    ],
)
def test_statuses(body: Check, status: Status, said: str, release: Release, world: World) -> None:
    """Each result of a check has its own status and a reason."""
    outcome = one(body, release, world)
    assert outcome.status is status
    assert said in outcome.findings[0].message


def test_defect_is_an_outcome(release: Release, world: World, tmp_path: Path) -> None:
    """An unexpected exception fails the task: its last places and what to do are in the message, not the remedy."""
    outcome = one(broken, release, world)
    assert outcome.status is Status.FAILED and outcome.remedy == ""
    first, *places, fix = outcome.findings[0].message.splitlines()
    assert first == "internal error of omni-release: KeyError: 'oops'"
    assert places[-1].startswith("at core/test_engine.py:") and places[-1].endswith(", in broken")
    assert fix.startswith("→ Report it")
    assert "Traceback" in (tmp_path / "run" / "journal.jsonl").read_text()


def test_defect_of_the_observer_is_an_outcome(release: Release, world: World) -> None:
    """An exception of the observer fails the task, not the run."""

    def shows(task: Task) -> None:
        raise ValueError(task.title)

    (outcome,) = engine.run(Lane("one", (check(all_well),)), release, world, today=TODAY, started=shows)
    assert outcome.status is Status.FAILED
    assert "ValueError" in outcome.findings[0].message


def test_independent_tasks_run(release: Release, world: World) -> None:
    """Tasks that need a failed task, directly or through others, are skipped; the others run."""
    lane = Lane(
        "some",
        (
            check(one_thing_differs),
            check(may_differ, needs="one-thing-differs"),
            check(all_well),
            check(nothing_here, needs="may-differ"),
            check(person_has_looked, needs="all-well one-thing-differs may-differ"),
        ),
    )
    found = ran(lane, release, world)
    (both,) = found["person-has-looked"].findings
    assert both.message == "needs one-thing-differs, which failed; may-differ, which did not run"
    assert found["may-differ"].status is Status.SKIPPED
    assert "one-thing-differs, which failed" in found["may-differ"].findings[0].message
    assert "may-differ, which did not run" in found["nothing-here"].findings[0].message
    held_up = {id: dict(outcome.evidence) for id, outcome in found.items() if outcome.evidence}
    assert held_up == {
        "may-differ": {BLOCKED_BY: "one-thing-differs"},
        "nothing-here": {BLOCKED_BY: "may-differ"},
        "person-has-looked": {BLOCKED_BY: "one-thing-differs, may-differ"},
    }
    assert found["all-well"].status is Status.PASSED


@pytest.mark.parametrize("stopper", [no_answer, person_has_looked, one_thing_differs])
def test_inconclusive_and_waiting_block(stopper: Check, release: Release, world: World) -> None:
    """An inconclusive or waiting task blocks the tasks that need it, as a failed one does."""
    needed = check(stopper)
    found = ran(Lane("some", (needed, check(all_well, needs=needed.id))), release, world)
    assert found["all-well"].status is Status.SKIPPED


@pytest.mark.parametrize("before", [all_well, one_thing_differs, no_answer, nothing_here, broken])
def test_a_task_that_always_runs(before: Check, release: Release, world: World) -> None:
    """It comes after the tasks that it needs, whatever came of them, also of those that they have blocked."""
    first = check(before)
    second = replace(check(may_differ), needs=(first.id,))
    last = replace(check(all_well), id="last", needs=(first.id, second.id), always=True)
    assert ran(Lane("one", (first, second, last)), release, world)["last"].status is Status.PASSED


def test_skipped_without_a_blocker_does_not_block(release: Release, world: World) -> None:
    """A task that was skipped because it has nothing to check blocks no others."""
    found = ran(Lane("some", (check(nothing_here), check(all_well, needs="nothing-here"))), release, world)
    assert found["all-well"].status is Status.PASSED


def test_parallel_tasks(release: Release, world: World) -> None:
    """Two independent tasks run at the same time: each waits for the other."""
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


def test_needs_must_come_before() -> None:
    """A lane whose task needs an unknown or later one is refused when it is created."""
    with pytest.raises(ValueError, match="all-well needs"):
        Lane("bad", (check(all_well, needs="may-differ"), check(may_differ)))


def test_first_of_the_lane_starts_first(release: Release, world: World) -> None:
    """A task that comes first in the lane starts first, even if others have been ready for longer."""
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
    """A part of a lane has the given tasks and all that they need, in order."""
    lane = Lane("all", (check(all_well), check(may_differ), check(nothing_here, needs="all-well")))
    assert [task.id for task in lane.up_to("part", "nothing-here").tasks] == ["all-well", "nothing-here"]


def test_step_acts_once(release: Release, world: World, tmp_path: Path) -> None:
    """A step that is already done performs no action."""
    assert one(WriteNote(), release, world).evidence == {"note": "hello"}
    (tmp_path / "note").write_text("mine")
    again = one(WriteNote(), release, world)
    assert again.status is Status.PASSED
    assert (tmp_path / "note").read_text() == "mine"


def test_dry_run_prints_the_actions(release: Release, world: World, tmp_path: Path) -> None:
    """A dry run reports the actions that a run performs, and performs none; dependent tasks are planned too."""
    lane = Lane("dry", (step(WriteNote()), check(all_well, needs="write-note")))
    found = ran(lane, release, world, dry=True)
    assert found["write-note"].status is Status.PLANNED
    assert found["write-note"].actions == ("write note (5 bytes)",)
    assert found["all-well"].status is Status.PLANNED
    assert not (tmp_path / "note").exists()


def test_exit_code_0_without_a_result_fails(release: Release, world: World) -> None:
    """A step fails if its program succeeds but its result is missing."""
    outcome = one(RunPython("pass"), release, world)
    assert outcome.status is Status.FAILED
    assert "their result is missing" in outcome.findings[0].message


def test_failed_program_with_a_result_is_a_warning(release: Release, world: World) -> None:
    """A step whose program fails but whose result is there passes with a warning."""
    outcome = one(RunPython(f"{PROVE}; raise SystemExit(3)"), release, world)
    assert outcome.status is Status.PASSED
    assert outcome.findings[0].severity is Severity.WARNING
    assert "exit code 3" in outcome.findings[0].message


def test_failing_program_shows_its_last_lines(release: Release, world: World) -> None:
    """The finding has the last lines of the output, and the path of the log."""
    outcome = one(RunPython("print('reason'); raise SystemExit(3)"), release, world)
    assert outcome.status is Status.FAILED
    assert "reason" in outcome.findings[0].message
    assert "it.log" in outcome.findings[0].message


def test_otherwise(release: Release, world: World) -> None:
    """If a command fails, its alternative is run."""
    assert one(RunPython("raise SystemExit(3)", otherwise=PROVE), release, world).status is Status.PASSED


@pytest.mark.parametrize(("network", "status"), [(True, Status.INCONCLUSIVE), (False, Status.FAILED)])
def test_network(network: bool, status: Status, release: Release, world: World) -> None:
    """A command that needs the network and fails because of it is inconclusive."""
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


def test_full_disk(release: Release, world: World) -> None:
    """An error of the operating system is reported with its file, and says nothing about the release."""

    class Full(WriteNote):
        """The note fits."""

        def actions(self, release: Release, world: World) -> Iterable[Action]:
            raise OSError(28, "No space left on device", "/some/file")

    outcome = one(Full(), release, world)
    assert outcome.status is Status.INCONCLUSIVE
    assert outcome.findings[0].message.startswith("No space left on device: /some/file\nFree space on the disk")


def counted(calls: list[str], name: str) -> Task:
    """A costly check that counts its runs; its input is the project's version."""

    def costly(release: Release, world: World) -> Iterator[Finding]:
        """Costly."""
        calls.append(name)
        yield Finding("paid", severity=Severity.NOTICE)

    return check(costly, key=lambda release, world: Inputs(str(release.version)))


@pytest.fixture
def keeping(world: World, tmp_path: Path) -> World:
    """The world of a run that keeps its outcomes."""
    return replace(world, outcomes=OutcomeCache(tmp_path / "kept", "20261126-051149-000", LocalFiles()))


def test_costly_check_is_cached(release: Release, keeping: World) -> None:
    """With the same inputs the outcome is the earlier one, with its findings; with others the check runs again."""
    calls: list[str] = []
    lane = Lane("costly", (counted(calls, "x"),))
    first = ran(lane, release, keeping)["costly"]
    again = ran(lane, release, keeping)["costly"]
    assert len(calls) == 1
    assert first.cached is None
    assert again.cached is not None and again.cached.run == "20261126-051149-000"
    assert (again.findings, again.status) == (first.findings, first.status)
    ran(lane, replace(release, version="2.0"), keeping)
    assert len(calls) == 2


def test_check_runs_without_a_cache(release: Release, world: World) -> None:
    """Without a cache, each run of a costly check is paid."""
    calls: list[str] = []
    lane = Lane("costly", (counted(calls, "x"),))
    for _ in range(2):
        assert ran(lane, release, world)["costly"].cached is None
    assert len(calls) == 2


@pytest.mark.parametrize("body", [one_thing_differs, no_answer, nothing_here, person_has_looked, broken])
def test_only_a_passed_outcome_is_cached(body: Check, release: Release, keeping: World, tmp_path: Path) -> None:
    """A failed, inconclusive, skipped or waiting outcome is not kept, nor is a defect."""
    task = replace(check(body), key=lambda release, world: Inputs("same"))
    for _ in range(2):
        outcome = ran(Lane("one", (task,)), release, keeping)[task.id]
        assert outcome.status is not Status.PASSED and outcome.cached is None
    assert not (tmp_path / "kept").exists()


def test_waiver_ends_for_a_cached_outcome(release: Release, keeping: World) -> None:
    """A finding that was waived is judged again: an outcome with an error is never kept."""
    waiver = Waiver("some-rule", "known", TODAY)
    waived = replace(release, project=replace(release.project, settings=Settings(waiver=(waiver,))))
    task = replace(check(one_thing_differs), key=lambda release, world: Inputs("same"))
    assert ran(Lane("one", (task,)), waived, keeping)[task.id].status is Status.PASSED
    assert ran(Lane("one", (task,)), release, keeping)[task.id].status is Status.FAILED


class Built:
    """Builds a file.

    Fix: nothing.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.calls = folder, 0

    def actions(self, release: Release, world: World) -> Iterable[Action]:
        self.calls += 1
        yield Write(self.folder / "dist" / "acme.whl", b"built")

    def check_done(self, release: Release, world: World) -> Evidence | None:
        path = self.folder / "dist" / "acme.whl"
        return {"bytes": path.read_text()} if path.is_file() and path.read_bytes() != b"wrong" else None

    def inputs(self, release: Release, world: World) -> Inputs | None:
        return Inputs(str(release.version))

    def made(self, release: Release, world: World) -> dict[str, Path]:
        return {"dist": self.folder / "dist"}

    def put_back(self, release: Release, world: World, folder: Path) -> Iterable[Action]:
        yield Copy(folder / "dist", self.folder / "dist", (PurePosixPath("acme.whl"),))


def test_step_is_put_back(release: Release, keeping: World, tmp_path: Path) -> None:
    """What a step has made is put back in place of its actions, and proved; with other inputs it is performed."""
    body = Built(tmp_path / "work")
    lane = Lane("build", (step(body),))
    assert ran(lane, release, keeping)["built"].cached is None
    shutil.rmtree(body.folder)
    again = ran(lane, release, keeping)["built"]
    assert (again.status, body.calls, again.evidence) == (Status.PASSED, 1, {"bytes": "built"})
    assert again.cached is not None
    shutil.rmtree(body.folder)
    assert ran(lane, replace(release, version="2.0"), keeping)["built"].cached is None
    assert body.calls == 2


def test_step_that_was_put_back_before(release: Release, keeping: World, tmp_path: Path) -> None:
    """A resumed run still says where the result of a step comes from, and how old it is."""
    body = Built(tmp_path / "work")
    lane = Lane("build", (step(body),))
    ran(lane, release, keeping)
    shutil.rmtree(body.folder)
    ran(lane, release, keeping)
    resumed = ran(lane, release, keeping)["built"]
    assert (resumed.findings[0].message, body.calls) == ("already done", 1)
    assert resumed.cached is not None and resumed.cached.run == "20261126-051149-000"
    assert keeping.journal.cached_outcomes()["built"][0] == "20261126-051149-000"


@pytest.mark.parametrize("change", ["proof", "refused", "broken", "gone", "one run"])
def test_step_is_performed(change: str, release: Release, keeping: World, tmp_path: Path) -> None:
    """A step is performed where what was kept proves nothing, cannot be used or read, is gone, or of this run alone."""
    body = Built(tmp_path / "work")
    lane = Lane("build", (step(body),))
    ran(lane, release, keeping)
    shutil.rmtree(body.folder)

    def put_back(release: Release, world: World, folder: Path) -> Iterable[Action]:
        if change == "refused":
            raise Inconclusive("other versions would be installed")
        if change == "broken":
            raise ValueError("what was kept cannot be read")
        yield Write(body.folder / "dist" / "acme.whl", b"wrong")

    if change in ("proof", "refused", "broken"):
        body.put_back = put_back  # type: ignore[method-assign]  # as a step that cannot use what was kept
    elif change == "gone":
        shutil.rmtree(tmp_path / "kept")
    else:
        assert isinstance(keeping.outcomes, OutcomeCache)
        keeping = replace(keeping, outcomes=replace(keeping.outcomes, shared=False))
    outcome = ran(lane, release, keeping)["built"]
    assert (outcome.status, outcome.cached, body.calls) == (Status.PASSED, None, 2)


def test_inputs_that_change_in_the_meantime(release: Release, keeping: World, tmp_path: Path) -> None:
    """A check during which its inputs change is not kept: it is unknown which of them it has seen."""
    path = tmp_path / "input"
    path.write_text("before")

    def edits(release: Release, world: World) -> Iterator[Finding]:
        """Edits."""
        path.write_text("after")
        yield Finding("edited", severity=Severity.NOTICE)

    task = replace(check(edits), key=lambda release, world: Inputs(path.read_text()))
    assert ran(Lane("one", (task,)), release, keeping)["edits"].status is Status.PASSED
    assert not (tmp_path / "kept").exists()


def test_unknown_inputs(release: Release, keeping: World, tmp_path: Path) -> None:
    """A check whose inputs cannot be known runs, and nothing is kept; also where to find them fails."""

    def gone(release: Release, world: World) -> Inputs:
        raise OSError("gone")

    def hostile(release: Release, world: World) -> Inputs:
        raise KeyError("changed")

    for key in (lambda release, world: None, gone, hostile):
        calls: list[str] = []
        lane = Lane("costly", (replace(counted(calls, "x"), key=key),))
        assert [ran(lane, release, keeping)["costly"].status for _ in range(2)] == [Status.PASSED] * 2
        assert len(calls) == 2
    assert not (tmp_path / "kept").exists()


def test_waived(release: Release, world: World) -> None:
    """A waiver in the settings turns a finding into a notice until its last day."""
    for until, status in [(TODAY, Status.PASSED), (TODAY - datetime.timedelta(days=1), Status.FAILED)]:
        settings = Settings(waiver=(Waiver("some-rule", "known", until),))
        waived = replace(release, project=replace(release.project, settings=settings))
        outcome = one(one_thing_differs, waived, world)
        assert outcome.status is status


def test_sign_off_answers(release: Release, world: World, tmp_path: Path) -> None:
    """A sign-off lets a waiting task pass, for the same artifacts only."""
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
    """Only an inconclusive check that is signable can be signed off."""
    RunFolder(tmp_path / "run", LocalFiles()).sign("no-answer", "Ada", "it was the provider")
    assert ran(Lane("no", (check(no_answer),)), release, world)["no-answer"].status is Status.INCONCLUSIVE
    assert ran(Lane("yes", (check(no_answer, signable=True),)), release, world)["no-answer"].status is Status.PASSED


def test_error_while_an_error_is_described(release: Release, world: World, tmp_path: Path) -> None:
    """An error while an error is described fails that task only."""
    (tmp_path / "run" / "artifacts.json").write_text("{torn", encoding="utf-8")
    found = ran(Lane("some", (check(person_has_looked), check(all_well))), release, world)
    assert found["person-has-looked"].status is Status.FAILED
    assert found["all-well"].status is Status.PASSED


def test_waiver_is_for_findings_only(release: Release, world: World) -> None:
    """A waiver has no effect on a check that did not finish."""
    waived = Settings(waiver=tuple(Waiver(name, "known", TODAY) for name in ("broken", "no-answer")))
    lenient = replace(release, project=replace(release.project, settings=waived))
    assert one(broken, lenient, world).status is Status.FAILED
    assert one(no_answer, lenient, world).status is Status.INCONCLUSIVE


def test_first_error_is_reported_with_the_second(release: Release, world: World) -> None:
    """If an action fails and its result cannot be determined, both are reported."""

    class Unprovable(RunPython):
        """The file exists."""

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
def test_check_that_cannot_be_waived(name: str, release: Release, world: World) -> None:
    """A waiver of such a check, or of one of its rules, has no effect, and is an error."""
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


def test_checks_that_cannot_be_waived() -> None:
    """These are the rehearsal, the credentials, the availability of the version, approvals and a rebuild."""
    tasks = (*lanes.release().tasks, *lanes.doctor().tasks)
    proofs = {"rehearsal-passed", "credentials-present", "version-available", "approved", "rebuilt-elsewhere"}
    assert {task.id for task in tasks if not task.waivable} == proofs


def differs_and_cannot_tell(release: Release, world: World) -> Iterator[Finding]:
    """An error, then inconclusive."""
    yield Finding("it differs", "some-rule")
    raise Inconclusive("no network", "Is there one?")


def looks_and_cannot_tell(release: Release, world: World) -> Iterator[Finding]:
    """A warning, then inconclusive."""
    yield Finding("it may differ", severity=Severity.WARNING)
    raise Inconclusive("no network")


def test_error_with_an_inconclusive_rest(release: Release, world: World) -> None:
    """An error fails a check, even if the rest is inconclusive, which is a warning then."""
    outcome = one(differs_and_cannot_tell, release, world)
    assert outcome.status is Status.FAILED
    assert [(f.severity, f.message) for f in outcome.findings] == [
        (Severity.ERROR, "it differs"),
        (Severity.WARNING, "no network\nIs there one?"),
    ]


def test_warning_with_an_inconclusive_rest(release: Release, keeping: World) -> None:
    """Without an error the check is inconclusive: reason first, then the findings; it is not cached."""
    task = replace(check(looks_and_cannot_tell), key=lambda release, world: Inputs("same"))
    outcome = ran(Lane("one", (task,)), release, keeping)[task.id]
    assert outcome.status is Status.INCONCLUSIVE
    assert [finding.message for finding in outcome.findings] == ["no network", "it may differ"]
    assert keeping.outcomes is not None and keeping.outcomes.find(task.id, Inputs("same")) is None


def test_waived_error_with_an_inconclusive_rest(release: Release, world: World) -> None:
    """If the error is waived, the check is still inconclusive."""
    waiver = Waiver("some-rule", "known", datetime.date(2027, 1, 1))
    waived = replace(release, project=replace(release.project, settings=Settings(waiver=(waiver,))))
    assert one(differs_and_cannot_tell, waived, world).status is Status.INCONCLUSIVE
