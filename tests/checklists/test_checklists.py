"""Checklists: what answers an item, who may sign, and for which artifacts; through the real command line."""

from __future__ import annotations

import datetime
import json
import os
import pty
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path, PurePosixPath

import pytest

from omni_release import checklists, custom_tasks, lane_names, lanes
from omni_release.adapters.files import LocalFiles
from omni_release.adapters.index import Rehearsal
from omni_release.adapters.processes import LocalProcesses, SystemClock
from omni_release.checklists import sign_offs
from omni_release.cli import checklist, sign
from omni_release.core import engine
from omni_release.core.actions import Pin
from omni_release.core.errors import Inconclusive, NotApplicable
from omni_release.core.journal import RunFolder
from omni_release.core.model import REHEARSAL, Finding, Outcome, Project, Release, Status
from omni_release.core.runs import RunStore
from omni_release.core.settings import Settings
from omni_release.core.tasks import Lane, check
from omni_release.core.world import World
from tests.conftest import child_environment, omni

TODAY = datetime.date(2026, 11, 22)
ROOT = Path(__file__).parents[1]
ITEM = '[[item]]\nid = "tried"\nsays = "It was tried"\nasks = "Was it tried?"\n'
BY_CHECK = '[[item]]\nid = "asked"\nsays = "The check says so"\ncheck = "versions-agree"\n'


class Prepared:
    """A project with a checklist, and one run of it that has built an artifact."""

    def __init__(self, root: Path, text: str) -> None:
        self.root = root
        (root / "checklists" / "signed").mkdir(parents=True)
        (root / "checklists" / "mine.toml").write_text(text, encoding="utf-8")
        (root / "pyproject.toml").write_text('[project]\nname = "acme"\nversion = "1.2.0"\n', encoding="utf-8")
        self.run = RunStore(root, LocalFiles()).new_run()
        self.build(b"first")

    def build(self, content: bytes) -> None:
        """Build other bytes, as the same run."""
        dist = self.run.path / "dist"
        dist.mkdir(exist_ok=True)
        (dist / "acme-1.2.0.tar.gz").write_bytes(content)
        (self.root / "tree").write_text("tree", encoding="utf-8")
        self.run.pin(Pin(dist, self.root / "tree", None))

    def signed(self, text: str) -> None:
        """Commit a sign-off."""
        (self.root / "checklists" / "signed" / "1.2.0.toml").write_text(text, encoding="utf-8")

    def outcomes(self, lane: Lane | None = None, target: str = REHEARSAL) -> dict[str, Outcome]:
        """The outcomes of a lane's tasks in this run."""
        project = Project(self.root, "acme", (), Settings(), {})
        release = Release(project, "1.2.0", target, None, self.run.path, self.root / "w", PurePosixPath())
        processes = LocalProcesses(str)
        index = Rehearsal(self.run.path / "index", "acme")
        world = World(processes, LocalFiles(), SystemClock(), index, self.run, {}, answers=sign_offs)
        world = replace(world, task_ids=lambda: lane_names.task_ids(project))
        try:
            wanted = custom_tasks.with_project_tasks(lane or lanes.checklist(), project)
            return {done.id: done for done in engine.run(wanted, release, world, today=TODAY)}
        finally:
            processes.close()


def passes(release: Release, world: World) -> Iterator[Finding]:
    """A check that passes."""
    return iter(())


def fails(release: Release, world: World) -> Iterator[Finding]:
    """A check that fails."""
    yield Finding("no")


def does_not_apply(release: Release, world: World) -> Iterator[Finding]:
    """A check that does not apply."""
    raise NotApplicable("nothing here")


def is_inconclusive(release: Release, world: World) -> Iterator[Finding]:
    """A check that is inconclusive."""
    raise Inconclusive("no network")


def committed(item: str = "mine/tried", **more: str) -> str:
    """The text of a committed sign-off."""
    fields = {"item": f'"{item}"', "who": '"Ada"', "when": "2026-11-20", "reason": '"by hand"', "version": '"1.2.0"'}
    return "[[sign-off]]\n" + "".join(f"{key} = {value}\n" for key, value in (fields | more).items() if value)


def test_an_item_waits_until_a_person_signs(tmp_path: Path) -> None:
    """An unanswered item waits and blocks the tasks that need its list; signed, it passes and names the person."""
    project = Prepared(tmp_path, ITEM)
    before = project.outcomes()
    assert before["mine/tried"].status is Status.WAITING
    assert "Was it tried?" in before["mine/tried"].findings[0].message
    assert "omni-release sign mine/tried" in before["mine/tried"].findings[0].message
    assert before["before-release-answered"].status is Status.SKIPPED
    project.run.sign("mine/tried", "Ada", "tried it")
    after = project.outcomes()
    assert after["mine/tried"].status is Status.PASSED
    assert "signed off by Ada" in after["mine/tried"].findings[0].message
    assert after["before-release-answered"].status is Status.PASSED


def test_other_artifacts_void_a_sign_off(tmp_path: Path) -> None:
    """A sign-off for other artifacts answers nothing, and the message mentions it."""
    project = Prepared(tmp_path, ITEM)
    project.run.sign("mine/tried", "Ada", "tried it")
    project.build(b"second")
    done = project.outcomes()["mine/tried"]
    assert done.status is Status.WAITING
    assert "Ada signed at" in done.findings[0].message and "for other artifacts" in done.findings[0].message


def test_same_artifacts_in_another_run(tmp_path: Path) -> None:
    """A sign-off of another run of the project counts where the artifacts are the same."""
    project = Prepared(tmp_path, ITEM)
    project.run.sign("mine/tried", "Ada", "tried it")
    project.run = RunStore(tmp_path, LocalFiles()).new_run()
    assert project.outcomes()["mine/tried"].status is Status.WAITING, "nothing is built yet"
    project.build(b"first")
    assert project.outcomes()["mine/tried"].status is Status.PASSED
    project.build(b"second")
    assert project.outcomes()["mine/tried"].status is Status.WAITING
    assert not list(project.run.signed())


def test_sign_off_before_a_build(tmp_path: Path) -> None:
    """A sign-off without artifacts counts in its own run only."""
    project = Prepared(tmp_path, ITEM)
    for number in range(2):
        project.run = RunStore(tmp_path, LocalFiles()).new_run()
        assert project.outcomes()["mine/tried"].status is Status.WAITING, number
        project.run.sign("mine/tried", "Ada", "tried it")
        assert project.outcomes()["mine/tried"].status is Status.PASSED, number


def test_control_characters_are_escaped(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Control characters of questions and answers are escaped: they could forge a line."""
    project = Prepared(tmp_path, ITEM.replace("Was it", "Was\\u001b[2J it").replace("It was", "It\\u202e was"))
    assert omni("checklist", cwd=tmp_path).out.count("Was\\x1b[2J it tried?") == 1
    signed = omni("sign", "mine/tried", "--reason", "yes\x1b[1A\x9b2K\rno", "--by", "A\x07da", cwd=tmp_path)
    assert "A\\x07da signed mine/tried" in signed.out
    assert "yes\\x1b[1A\\x9b2K\\x0dno" in signed.out
    shown = [omni("checklist", "show", "--format", form, cwd=tmp_path).out for form in ("text", "md")]
    shown += [omni("checklist", *form, cwd=tmp_path).out for form in ((), ("--format", "md"))]
    for text in (signed.out, *shown):
        assert not re.search(r"[^\n -~\u00a1-\u200d\u2010-\u2027\u2030-\U0010ffff]", text), text
    document = omni("checklist", "show", "--format", "json", cwd=tmp_path).document
    assert "yes\x1b[1A" in document["checklists"][0]["items"][0]["how"]
    assert project.run.sign_offs()[0].reason.startswith("yes\x1b")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (passes, Status.PASSED),
        (does_not_apply, Status.WAITING),
        (fails, Status.SKIPPED),
        (is_inconclusive, Status.SKIPPED),
    ],
)
def test_answer_of_a_check(body: Callable[[Release, World], Iterator[Finding]], status: Status, tmp_path: Path) -> None:
    """Only a check that passed answers its item: one that was skipped does not."""
    text = ITEM.replace("asks =", f'check = "{body.__name__.replace("_", "-")}"\nasks =')
    project = Prepared(tmp_path, text)
    from omni_release.checklists.checks import before_release_answered

    lane = Lane("gate", (check(body), check(before_release_answered)))
    known = frozenset({"passes", "fails", "does-not-apply", "is-inconclusive"})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lane_names, "task_ids", lambda _: known)
        done = project.outcomes(lane)
    assert done["mine/tried"].status is status
    if status is not Status.PASSED:
        assert done["before-release-answered"].status is Status.SKIPPED


@pytest.mark.parametrize(
    ("check_status", "status"),
    [
        ("passed", Status.PASSED),
        ("failed", Status.FAILED),
        ("inconclusive", Status.INCONCLUSIVE),
        ("skipped", Status.WAITING),
        ("waiting", Status.WAITING),
        (None, Status.WAITING),
    ],
)
def test_check_of_another_lane(check_status: str | None, status: Status, tmp_path: Path) -> None:
    """The status of a check in another lane of the same run counts; a check that did not run answers nothing."""
    project = Prepared(tmp_path, BY_CHECK)
    project.run.record("outcome", task="versions-agree", status="failed")
    if check_status is None:
        project.run = RunStore(tmp_path, LocalFiles()).new_run()
    else:
        project.run.record("outcome", task="versions-agree", status=check_status)
    assert project.outcomes()["mine/asked"].status is status


def test_outcomes_are_journalled(tmp_path: Path) -> None:
    """The outcome of each task is in the run's journal, for later lanes."""
    project = Prepared(tmp_path, ITEM)
    project.outcomes(Lane("gate", (check(passes), check(fails, needs="passes"), check(does_not_apply))))
    check_status = [project.run.last_status(task, REHEARSAL) for task in ("passes", "fails", "does-not-apply", "never")]
    assert check_status == [Status.PASSED, Status.FAILED, Status.SKIPPED, None]


def test_blocked_task_has_not_run(tmp_path: Path) -> None:
    """A blocked task was not skipped by itself: it leaves no outcome, and an earlier one remains."""
    project = Prepared(tmp_path, ITEM)
    blocked = Lane("gate", (check(fails), check(passes, needs="fails")))
    project.outcomes(blocked)
    assert project.run.last_status("passes", REHEARSAL) is None
    project.outcomes(Lane("gate", (check(passes),)))
    project.outcomes(blocked)
    assert project.run.last_status("passes", REHEARSAL) is Status.PASSED


def test_outcomes_belong_to_one_index(tmp_path: Path) -> None:
    """An outcome for one index answers nothing about another; one of the rehearsal counts for each."""
    project = Prepared(tmp_path, BY_CHECK)
    lane = Lane("release", (check(passes), check(fails)))
    project.outcomes(lane, target="testpypi")
    assert project.run.last_target() == "testpypi"
    assert [project.run.last_status("fails", target) for target in ("testpypi", "pypi")] == [Status.FAILED, None]
    project.run.record("outcome", task="versions-agree", status="failed", target="testpypi")
    assert project.outcomes(target="pypi")["mine/asked"].status is Status.WAITING
    project.run.record("outcome", task="versions-agree", status="passed", target=REHEARSAL)
    assert project.outcomes(target="pypi")["mine/asked"].status is Status.PASSED


def test_show_uses_the_last_index(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without an index, the lists are shown for the one that the run was last released to."""
    project = Prepared(tmp_path, BY_CHECK)
    shown = []
    for target, status in (("testpypi", "failed"), ("pypi", "passed")):
        project.run.record("outcome", task="versions-agree", status=status, target=target)
        named = Project(tmp_path, "acme", (), Settings(), {})
        assert checklist.show(named, RunStore(tmp_path, LocalFiles()), "text", None) == 0
        shown.append(capsys.readouterr().out)
    assert "  [ ] mine/asked: The check says so\n      check versions-agree: failed" in shown[0]
    assert "  [x] mine/asked: The check says so\n      check versions-agree: passed" in shown[1]


@pytest.mark.parametrize(
    ("text", "status", "message"),
    [
        (committed(), Status.PASSED, "signed off by Ada"),
        (committed(version='"1.2"'), Status.PASSED, "signed off by Ada"),
        (committed(version='"1.1.0"'), Status.WAITING, "it is for version 1.1.0, not 1.2.0"),
        (committed(until="2026-11-21"), Status.WAITING, "it expired after 2026-11-21"),
        (committed(until="2026-11-22"), Status.PASSED, "signed off by Ada"),
        (committed(version="", artifacts=f'["{"ab" * 32}"]'), Status.WAITING, "it is for other artifacts"),
        (committed(version="", artifacts='["SHA"]'), Status.PASSED, "signed off by Ada"),
        (committed(artifacts=f'["{"ab" * 32}"]'), Status.WAITING, "it is for other artifacts"),
        (committed(item="mine/other"), Status.WAITING, "Was it tried?"),
    ],
)
def test_committed_sign_off(text: str, status: Status, message: str, tmp_path: Path) -> None:
    """A committed sign-off answers for its version or artifacts, until its last day."""
    project = Prepared(tmp_path, ITEM)
    project.signed(text.replace("SHA", project.run.artifacts()[0].sha256))
    done = project.outcomes()["mine/tried"]
    assert (done.status, message in done.findings[0].message) == (status, True), done


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        (committed(version=""), 2, "needs a `version` or `artifacts`"),
        (committed(who='""'), 2, "needs `who`"),
        (committed(when='"yesterday"'), 2, "needs `when`"),
        (committed(artifacts='["ab"]'), 2, "are not sha256"),
        (committed() + committed(item="mine/gone"), 8, "'mine/gone' is signed here, but no item or task has this id"),
        (committed(until="2020-01-01"), 2, "expired after 2020-01-01: sign it again"),
        (committed() + "[[sign-off\n", 7, "cannot be read"),
    ],
)
def test_invalid_sign_off(text: str, line: int, message: str, tmp_path: Path) -> None:
    """A sign-off that is invalid, unknown or expired is reported with its line."""
    project = Prepared(tmp_path, ITEM)
    project.signed(text)
    found = [finding for finding in project.outcomes()["checklists-valid"].findings if message in finding.message]
    assert [(finding.path, finding.line) for finding in found] == [("checklists/signed/1.2.0.toml", line)]


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        (
            ITEM + BY_CHECK.replace("versions-agree", "version-agree"),
            8,
            "unknown check 'version-agree'\nDid you mean",
        ),
        (ITEM + ITEM, 6, "two items have the id 'tried': the first is on line 2"),
        (ITEM + "[[item]]\nid = 3\nsays = 'x'\n", 6, "needs an `id`"),
        (ITEM + "[[item]]\nid = 'x'\n", 6, "needs `says`"),
        (ITEM + "[[item]]\nid = 'x'\nsays = 'x'\nchek = 'x'\n", 8, "`chek` is not a key of an item"),
        ("when = 'never'\n" + ITEM, 1, "`when` is 'never'"),
        ("whn = 'before'\n" + ITEM, 1, "`whn` is not a key of a checklist"),
        (ITEM + "[[item\n", 5, "cannot be read"),
        ("x = " + "[" * 9000 + "]" * 9000, None, "cannot be read"),
        ("title = 'x'\n", 1, "has no [[item]]"),
    ],
)
def test_invalid_checklist(text: str, line: int | None, message: str, tmp_path: Path) -> None:
    """Errors are reported with their line; valid items still count, and invalid ones never count as answered."""
    project = Prepared(tmp_path, text)
    (tmp_path / "checklists" / "sound.toml").write_text(ITEM, encoding="utf-8")
    done = project.outcomes()
    assert done["checklists-valid"].status is Status.FAILED
    found = [finding for finding in done["checklists-valid"].findings if message in finding.message]
    assert [(finding.path, finding.line) for finding in found] == [("checklists/mine.toml", line)]
    assert done["sound/tried"].status is Status.WAITING
    assert done["before-release-answered"].status is Status.SKIPPED
    for id in ("mine/tried", "mine/asked", "sound/tried"):
        project.run.sign(id, "Ada", "tried")
    assert project.outcomes()["before-release-answered"].status is Status.SKIPPED


def test_no_checklists(tmp_path: Path) -> None:
    """A project without checklists has nothing to answer; the message says how to create them."""
    project = Prepared(tmp_path, ITEM)
    (tmp_path / "checklists" / "mine.toml").unlink()
    done = project.outcomes()
    assert {outcome.status for outcome in done.values()} == {Status.SKIPPED}
    assert "omni-release checklist init" in done["before-release-answered"].findings[0].message


def test_init(tmp_path: Path) -> None:
    """`init` writes the usual lists, which are valid and name existing checks, and overwrites nothing."""
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "acme"\nversion = "1.0"\n', encoding="utf-8")
    (tmp_path / "checklists").mkdir()
    own_one = tmp_path / "checklists" / "after-release.toml"
    own_one.write_text(ITEM, encoding="utf-8")
    ran = omni("checklist", "init", "--format", "json", cwd=tmp_path)
    assert (ran.code, {one["path"]: one["written"] for one in ran.document["checklists"]}) == (
        0,
        {
            "checklists/after-release.toml": False,
            "checklists/before-release.toml": True,
            "checklists/error-handling.toml": True,
        },
    )
    assert own_one.read_text(encoding="utf-8") == ITEM
    assert [one.name for one in checklists.read(tmp_path)] == ["after-release", "before-release", "error-handling"]
    assert omni("gate", "--only", "checklists-valid", cwd=tmp_path).code == 0


def test_own_checklists() -> None:
    """This project's checklists are valid, and have each item of the usual ones."""
    shipped = {item.id for one in checklists.read(ROOT / "src" / "omni_release") for item in one.items}
    here = checklists.read(ROOT)
    assert shipped <= {item.id for one in here for item in one.items}
    known = {task.id for lane in lane_names.every() for task in lane.tasks}
    for one in here:
        assert not one.problems
        assert {item.check for item in one.items if item.check} <= known


def test_show(tmp_path: Path) -> None:
    """`show` prints text, Markdown and JSON, with the person who answered or how to answer."""
    project = Prepared(tmp_path, "title = 'Mine | yours'\n" + ITEM + BY_CHECK)
    project.run.sign("mine/tried", "Ada", "tried it")
    shown = omni("checklist", "show", cwd=tmp_path)
    assert (shown.code, "  [x] mine/tried: It was tried\n      Ada, " in shown.out) == (0, True), shown.err
    assert "  [ ] mine/asked: The check says so\n      check versions-agree: not run yet" in shown.out
    marked = omni("checklist", "show", "--format", "md", cwd=tmp_path).out
    assert "## Mine \\| yours\n\n- [x] It was tried (`mine/tried`): Ada, " in marked
    document = omni("checklist", "show", "--format", "json", cwd=tmp_path).document
    assert [item["answered"] for item in document["checklists"][0]["items"]] == [True, False]


def test_the_lane(tmp_path: Path) -> None:
    """`omni-release checklist` has exit code 4 until all is signed; it does not overwrite the run's report."""
    project = Prepared(tmp_path, ITEM)
    ran = omni("checklist", cwd=tmp_path)
    assert ran.code == 4
    assert "Was it tried?" in ran.out
    signed = omni("sign", "mine/tried", "--reason", "tried", "--by", "Ada", cwd=tmp_path)
    assert signed.code == 0, signed.err
    before = list(project.run.events())
    assert omni("checklist", cwd=tmp_path).code == 0
    assert not list(tmp_path.glob(".omni-release/runs/*/report.json"))
    assert list(project.run.events()) == before


def test_sign_for_the_repository(tmp_path: Path) -> None:
    """Sign-offs are written into the repository, one after the other, without a run."""
    project = Prepared(tmp_path, ITEM + BY_CHECK)
    for item, form in (("mine/tried", "text"), ("mine/asked", "json")):
        how = ("--reason", 'said "so"', "--by", "Ada", "--committed", "--format", form)
        ran = omni("sign", item, *how, cwd=tmp_path)
        assert ran.code == 0, ran.err
    assert ran.document == {
        "schema_version": 1,
        "path": "checklists/signed/1.2.0.toml",
        "id": "mine/asked",
        "who": "Ada",
    }
    path = tmp_path / "checklists" / "signed" / "1.2.0.toml"
    entries = tomllib.loads(path.read_text(encoding="utf-8"))["sign-off"]
    assert [(entry["item"], entry["reason"], entry["version"]) for entry in entries] == [
        ("mine/tried", 'said "so"', "1.2.0"),
        ("mine/asked", 'said "so"', "1.2.0"),
    ]
    assert sign_offs.read_committed(tmp_path)[1] == ()
    assert project.outcomes()["mine/tried"].status is Status.PASSED


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("sign", "mine/tied", "--reason", "x"), "Did you mean `mine/tried`?"),
        (("sign", "mine/tried"), "--reason is required with an ID"),
        (("sign",), "stdin is not a terminal"),
        (("sign", "--committed"), 'omni-release sign ID --reason "…" --committed'),
    ],
)
def test_invalid_sign_command(arguments: tuple[str, ...], message: str, tmp_path: Path) -> None:
    """An unknown item, a missing reason and a missing terminal are usage errors."""
    Prepared(tmp_path, ITEM)
    ran = omni(*arguments, cwd=tmp_path)
    assert (ran.code, message in ran.err) == (2, True), ran.err


@pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals")
def test_the_prompt(tmp_path: Path) -> None:
    """At a terminal each item is prompted for; an empty answer leaves it waiting."""
    second = ITEM.replace("tried", "understood")
    project = Prepared(tmp_path, ITEM + second)
    outer, inner = pty.openpty()
    os.write(outer, b"\nread them all\n")
    ended = subprocess.run(
        [sys.executable, "-m", "omni_release", "sign", "--by", "Ada"],
        cwd=tmp_path,
        env=child_environment(),
        stdin=inner,
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    os.close(inner)
    os.close(outer)
    assert ended.returncode == 4, ended.stderr
    assert "1 left to answer" in ended.stdout
    signed = RunFolder(project.run.path, LocalFiles()).sign_offs()
    assert [(entry.id, entry.reason) for entry in signed] == [("mine/understood", "read them all")]


@pytest.mark.parametrize("check_status", ["passed", "failed", "inconclusive", "skipped", "waiting", None])
@pytest.mark.parametrize("signed", [False, True])
def test_prompt_and_show_agree_with_the_lane(
    check_status: str | None, signed: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The prompt asks for exactly the items that wait in the lane, and says when all are answered."""
    project = Prepared(tmp_path, BY_CHECK)
    if check_status is not None:
        project.run.record("outcome", task="versions-agree", status=check_status)
    if signed:
        project.run.sign("mine/asked", "Ada", "it agrees")
    status = project.outcomes()["mine/asked"].status
    named = Project(tmp_path, "acme", (), Settings(), {})
    asked: list[str] = []

    def ask(question: str) -> str:
        asked.append(question)
        return ""

    shown = [one.status for one in sign_offs.item_states(checklists.read(tmp_path)[0], named, project.run)]
    code = sign.prompt(named, project.run, ask, "Ada")
    assert shown == [status]
    assert ["versions-agree" in question for question in asked] == ([True] if status is Status.WAITING else [])
    assert code == status.exit_code
    output = capsys.readouterr().out
    assert ("all items are answered" in output) is (status is Status.PASSED)
    assert ("a sign-off cannot override this" in output) is (status in (Status.FAILED, Status.INCONCLUSIVE))


def test_the_report(tmp_path: Path) -> None:
    """Each format of the report has each item as a task."""
    Prepared(tmp_path, ITEM)
    document = omni("checklist", "--format", "json", cwd=tmp_path).document
    assert {"mine/tried", "before-release-answered"} <= {outcome["id"] for outcome in document["outcomes"]}
    assert "### ✋ It was tried (`mine/tried`)" in omni("checklist", "--format", "md", cwd=tmp_path).out
    assert json.loads(omni("checklist", "--format", "sarif", cwd=tmp_path).out)["runs"][0]["results"] == []
