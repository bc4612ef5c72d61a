"""Where a project is, its runs, and their reports."""

from __future__ import annotations

import contextlib
import datetime
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from omni_release import git_queries, source_tree
from omni_release.adapters.processes import LocalProcesses
from omni_release.core import engine
from omni_release.core.documents import append_json_line
from omni_release.core.model import Finding, Outcome, Report, Status
from omni_release.core.tasks import Stage, Task
from omni_release.report import json_report
from tests.conftest import child_environment, git, omni

RUN = "20261126-051149-000"


def add_run(root: Path, lane: str, verdict: str, *, run: str = RUN, tree: str = "", target: str = "rehearsal") -> Path:
    """A run folder in which this lane has ended, for the checkout with this hash: its own unless given."""
    folder = root / ".omni-release" / "runs" / run
    folder.mkdir(parents=True, exist_ok=True)
    (root / ".omni-release" / ".gitignore").write_text("*\n", encoding="utf-8")
    processes = LocalProcesses(str)
    commit = git_queries.commit(root, processes)
    pinned = {"tree": tree or source_tree.fingerprint(root, processes), "commit": commit.sha if commit else None}
    artifact = {"name": "acme_sound-1.2.3.tar.gz", "size": 1, "sha256": "ab"}
    (folder / "artifacts.json").write_text(json.dumps({**pinned, "artifacts": [artifact]}), encoding="utf-8")
    at = (datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=6, hours=1)).isoformat(timespec="seconds")
    event = {"at": at, "event": "ended", "lane": lane, "verdict": verdict, "whole": True}
    append_json_line(folder / "journal.jsonl", {**event, "target": target, "artifacts": "ab"}, sync=False)
    failed = [{"id": "versions-agree", "status": "failed"}] if verdict == "failed" else []
    following = "omni-release version sync" if failed else f"omni-release release --to pypi --run {run}"
    (folder / "report.json").write_text(json.dumps({"outcomes": failed, "next": following}), encoding="utf-8")
    return folder


RELEASE = f"omni-release release --to pypi --run {RUN}"


@pytest.mark.parametrize(
    ("runs", "rehearsal", "following"),
    [
        ([], "none yet", "omni-release rehearse"),
        ([{"lane": "rehearse", "verdict": "passed"}], "passed 6 days ago, of this checkout", RELEASE),
        (
            [{"lane": "rehearse", "verdict": "passed", "tree": "other"}],
            "passed 6 days ago, of another state of the checkout",
            "omni-release rehearse",
        ),
        (
            [{"lane": "rehearse", "verdict": "failed"}],
            "failed 6 days ago, of this checkout",
            "omni-release version sync",
        ),
        (
            [{"lane": "rehearse", "verdict": "passed"}, {"lane": "release", "verdict": "failed", "target": "pypi"}],
            "passed 6 days ago",
            RELEASE,
        ),
        (
            [{"lane": "rehearse", "verdict": "passed"}, {"lane": "release", "verdict": "passed", "target": "pypi"}],
            "passed 6 days ago",
            "omni-release version bump patch",
        ),
    ],
)
def test_next_command(runs: list[dict[str, str]], rehearsal: str, following: str, case: Callable[[str], Path]) -> None:
    """Without a command, the state of the rehearsal and of the release is shown, and the command to type now."""
    root = case("sound")
    for run in runs:
        add_run(root, **run)
    ran = omni(cwd=root)
    assert ran.code == 0, ran.err
    lines = dict(line.strip().split(maxsplit=1) for line in ran.out.splitlines()[1:])
    assert lines["Rehearsal"].startswith(rehearsal)
    assert lines["Next"] == following
    assert ("Problems" in lines) is (bool(runs) and runs[-1]["verdict"] == "failed" and len(runs) == 1)
    assert json.loads(omni("status", "--format", "json", cwd=root).out)["next"] == following


def test_rehearsal_of_uncommitted_changes(case: Callable[[str], Path]) -> None:
    """Once they are committed, the rehearsal is of no commit that a release could have."""
    root = case("sound")
    (root / "new.txt").write_text("x", encoding="utf-8")
    folder = add_run(root, "rehearse", "passed")
    following = "commit what `git status` lists, or add it to .gitignore, then run omni-release release --to pypi"
    (folder / "report.json").write_text(json.dumps({"outcomes": [], "next": following}), encoding="utf-8")
    assert f"  Next        {following}\n" in omni(cwd=root).out
    git("add", "new.txt", cwd=root)
    git("commit", "-q", "-m", "more", cwd=root)
    printed = omni(cwd=root).out
    assert "of another state of the checkout" in printed and "  Next        omni-release rehearse\n" in printed


@pytest.mark.parametrize(
    ("copied", "state"),
    [
        ("this", ", of this checkout"),
        ("another", ", of another state of the checkout"),
        ("nothing", ""),
        ("damaged", ""),
    ],
)
@pytest.mark.parametrize("verdict", ["interrupted", "failed"])
def test_run_without_a_build(verdict: str, copied: str, state: str, case: Callable[[str], Path]) -> None:
    """A run that was interrupted, or whose build failed, is compared by the files that were copied for the build."""
    root = case("sound")
    folder = add_run(root, "rehearse", verdict)
    (folder / "artifacts.json").unlink()
    files = source_tree.file_hashes(root, LocalProcesses(str)) | ({"more.py": "00"} if copied == "another" else {})
    if copied != "nothing":
        text = "{torn" if copied == "damaged" else json.dumps(files)
        (folder / "files.json").write_text(text, encoding="utf-8")
    again = f"omni-release rehearse --run {RUN} --fresh"
    report = {"outcomes": [{"id": "build", "status": "failed"}], "next": again}
    (folder / "report.json").write_text(json.dumps(report), encoding="utf-8")
    lines = dict(line.strip().split(maxsplit=1) for line in omni(cwd=root).out.splitlines()[1:])
    assert lines["Rehearsal"].split("   ")[0] == f"{verdict} 6 days ago{state}"
    assert lines["Next"] == ("omni-release rehearse" if copied == "another" else again)


def test_damaged_run(case: Callable[[str], Path]) -> None:
    """A run whose list of distributions cannot be read is passed over; it is still in the list of runs."""
    root = case("sound")
    add_run(root, "rehearse", "passed")
    newer = "20261127-051149-000"
    (add_run(root, "rehearse", "passed", run=newer) / "artifacts.json").write_text("{torn", encoding="utf-8")
    state = json.loads(omni("status", "--format", "json", cwd=root).out)
    assert (state["rehearsal"]["run"], state["next"]) == (RUN, RELEASE)
    assert [line.split()[0] for line in omni("runs", cwd=root).out.splitlines()] == [newer, RUN]


def test_columns(case: Callable[[str], Path]) -> None:
    """Runs and commands stand below each other; a release has its version, and many problems are counted."""
    root = case("sound")
    folder = add_run(root, "rehearse", "failed")
    add_run(root, "release", "failed", target="pypi")
    pinned = json.loads((folder / "artifacts.json").read_text(encoding="utf-8"))
    wheel = {"name": "acme_sound-1.2.2-py3-none-any.whl", "size": 1, "sha256": "ab"}
    (folder / "artifacts.json").write_text(json.dumps({**pinned, "artifacts": [wheel]}), encoding="utf-8")
    problems = [{"id": id, "status": "failed"} for id in ("one", "two", "three", "four")]
    (folder / "report.json").write_text(json.dumps({"outcomes": problems, "next": ""}), encoding="utf-8")
    lines = omni(cwd=root).out.splitlines()[1:]
    assert [line[:14] for line in lines] == [f"  {label:<12}" for label in ("Rehearsal", "Problems", "Release", "Next")]
    assert "  Problems    one, two, three and 1 more " in lines[1]
    assert "  Release     1.2.2 on pypi, not complete: failed, 6 days ago " in lines[2]
    assert lines[0].index(RUN) == lines[1].index("omni-release report") == lines[2].index(RUN)


def test_checkout(case: Callable[[str], Path]) -> None:
    """The first line has the version, the branch, the commits since the last tag, and whether all is committed."""
    root = case("sound")
    git("branch", "-M", "main", cwd=root)
    assert omni(cwd=root).out.startswith("acme-sound 1.2.3   main, clean\n")
    git("tag", "v1.2.2", cwd=root)
    assert omni(cwd=root).out.startswith("acme-sound 1.2.3   main, at v1.2.2, clean\n")
    (root / "new.txt").write_text("x", encoding="utf-8")
    git("commit", "-q", "--allow-empty", "-m", "more", cwd=root)
    first = "acme-sound 1.2.3   main, 1 commit since v1.2.2, with uncommitted changes\n"
    assert omni(cwd=root).out.startswith(first)


def test_runs(case: Callable[[str], Path]) -> None:
    """The runs are listed, the newest first."""
    root = case("sound")
    assert omni("runs", cwd=root).out == "no runs yet. Next: omni-release rehearse\n"
    add_run(root, "rehearse", "failed")
    add_run(root, "rehearse", "passed", run="20261127-051149-000")
    assert omni("runs", cwd=root).out.splitlines() == [
        "20261127-051149-000  1.2.3        rehearse passed",
        f"{RUN}  1.2.3        rehearse failed",
    ]
    listed = json.loads(omni("runs", "--format", "json", cwd=root).out)["runs"]
    assert [run["lanes"][0]["verdict"] for run in listed] == ["passed", "failed"]


def test_report(case: Callable[[str], Path]) -> None:
    """The report of the newest run is printed; a run without one is a usage error."""
    root = case("sound")
    assert omni("report", cwd=root).code == 2
    folder = add_run(root, "rehearse", "passed")
    ran = omni("report", cwd=root)
    assert (ran.code, f"run {RUN} has no report" in ran.err) == (2, True)
    assert f"Resume it with `omni-release rehearse --run {RUN}`." in ran.err
    (folder / "report.md").write_text("## rehearse\n", encoding="utf-8")
    assert omni("report", RUN, cwd=root).out == "## rehearse\n"
    ran = omni("report", "--open", cwd=root)
    assert (ran.code, f"run {RUN} has no report.html" in ran.err) == (2, True)


@pytest.mark.parametrize(
    ("begun", "command"),
    [
        ({"lane": "rehearse", "target": "rehearsal", "options": "--fresh"}, f"rehearse --run {RUN} --fresh"),
        ({"lane": "rehearse", "target": "rehearsal", "options": "--artifacts d"}, "rehearse --artifacts d"),
        ({"lane": "smoke", "target": "rehearsal", "options": "--emulated"}, f"smoke --run {RUN} --emulated"),
        ({"lane": "release", "target": "pypi", "options": ""}, f"release --to pypi --run {RUN}"),
    ],
)
def test_report_of_a_killed_run(begun: dict[str, str], command: str, case: Callable[[str], Path]) -> None:
    """The command that resumes it is named, with the options of its start."""
    root = case("sound")
    folder = root / ".omni-release" / "runs" / RUN
    folder.mkdir(parents=True)
    append_json_line(
        folder / "journal.jsonl", {"at": "2026-11-26T05:11:49+00:00", "event": "begun"} | begun, sync=False
    )
    ran = omni("report", cwd=root)
    assert (ran.code, f"Resume it with `omni-release {command}`." in ran.err) == (2, True)


@pytest.mark.skipif(sys.platform == "win32", reason="it has no pseudo-terminals")
@pytest.mark.parametrize("kind", ["passed", "failed", "interrupted", "of another version"])
def test_report_in_a_terminal(kind: str, case: Callable[[str], Path]) -> None:
    """In a terminal a report looks as its run did; with -v each task is shown, too."""
    root = case("sound")
    folder = add_run(root, "rehearse", "passed")
    findings = (Finding("it is wrong", "one/r"),) if kind == "failed" else ()
    status = Status.FAILED if findings else Status.PASSED
    one = Outcome("one", "One thing", "check", status, findings, "Fix it.", stage=Stage.CODE)
    interrupted = kind == "interrupted"
    task = Task("two", "A second thing", "", lambda *_: iter(()), (), stage=Stage.TEST)
    outcomes = (one, engine.unreached(task, started=True)) if interrupted else (one,)
    run = Report("rehearse", "acme", "1.0", "rehearsal", 1.0, outcomes, run="x", interrupted=interrupted)
    document = json_report.document(run)
    if kind == "of another version":
        document = document.replace('"verdict"', '"result"')
    (folder / "report.json").write_text(document, encoding="utf-8")
    (folder / "report.md").write_text("## rehearse\n", encoding="utf-8")
    printed = in_terminal(root, "report", "-v")
    if kind == "of another version":
        assert "## rehearse" in printed
        return
    assert "rehearse of acme 1.0\r\n" in printed and "##" not in printed
    assert f"{kind.upper()} in 1.0 s" in printed
    assert "Code " in printed and "One thing  [one]" in printed
    assert ("interrupted in two" in printed) == ("1 not reached" in printed) == interrupted
    assert ("1  one/r  it is wrong" in printed) is (kind == "failed")
    assert "Next    omni-release" in printed or kind == "failed"


def in_terminal(root: Path, *arguments: str) -> str:
    """What a command prints in a terminal of 100 columns, without colours."""
    reading, terminal = os.openpty()
    environment = child_environment(TERM="dumb")
    argv = [sys.executable, "-m", "omni_release", *arguments]
    with subprocess.Popen(argv, cwd=root, env=environment, stdin=terminal, stdout=terminal, stderr=terminal) as started:
        os.close(terminal)
        printed = b""
        with contextlib.suppress(OSError):  # how Linux says that the other end is closed
            while part := os.read(reading, 4096):
                printed += part
        assert started.wait() == 0, printed
    os.close(reading)
    return printed.decode()


def test_page_of_a_report(case: Callable[[str], Path], tmp_path: Path) -> None:
    """The page is named behind the report, and opened in the browser: that of the release, where there is one."""
    root = case("sound")
    folder = add_run(root, "rehearse", "passed")
    published = folder / "published" / "pypi"
    published.mkdir(parents=True)
    for number, (where, title) in enumerate(((folder, "rehearse"), (published, "release"))):
        (where / "report.md").write_text(f"## {title}\n", encoding="utf-8")
        (where / "report.html").write_text(title, encoding="utf-8")
        os.utime(where / "report.md", (number, number))
    shown = omni("report", cwd=root)
    assert (shown.out, shown.err) == ("## release\n", f"Page: {published / 'report.html'}\n")
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\nprintf %s "$1" > {tmp_path}/opened\n', encoding="utf-8")
    browser.chmod(0o755)
    assert omni("report", "--open", cwd=root, environment=child_environment(BROWSER=f"{browser} %s")).code == 0
    assert (tmp_path / "opened").read_text(encoding="utf-8") == (published / "report.html").as_uri()


def test_outside_of_git(tmp_path: Path) -> None:
    """Without git only the version and the runs are shown."""
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "acme"\nversion = "1.0"\n', encoding="utf-8")
    assert omni(cwd=tmp_path).out.startswith("acme 1.0   \n  Rehearsal   none yet\n")
