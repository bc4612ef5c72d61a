"""What to do next: after a run, in a project as it is, or after a command that has written files."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Any

from omni_release.core.model import NOTHING_TESTED, Report, Status
from omni_release.core.own_commands import typed
from omni_release.report import problems
from omni_release.report.problems import Problem

REHEARSE = "omni-release rehearse"

NEXT_VERSION = "omni-release version bump patch"
"""The command that begins the next version."""

_COMMAND = re.compile(r"run `(omni-release [^`]+)`", re.IGNORECASE)
_RESUMABLE = ("rehearse", "build", "inspect", "tests", "publish", "verify", "replay", "smoke", "record")


def after(report: Report) -> str:
    """What to do now, in one line: a command, or the number of a problem and the command after it.

    Empty for a release, whose last lines say how to go on, and where there is nothing to do: for files without a
    checkout, too.
    """
    target = ("--to", report.target) if report.lane in ("doctor", "published") else ()
    again = shlex.join(("omni-release", report.lane, *target))
    run = PurePath(report.run).name if report.run else ""
    without_checkout = report.lane in ("inspect", "watch") and report.run is None
    if report.lane == "release" or without_checkout or report.verdict in ("planned", "skipped", NOTHING_TESTED):
        return ""
    if report.interrupted:
        return resumed(report.lane, report.target, run, report.options)
    if report.verdict == "passed":
        return _after_rehearsal(report, run) if run and report.whole and report.lane == "rehearse" else ""
    found = problems.problems(report)
    failed = [problem for problem in found if problem.outcome.status is Status.FAILED]
    if not found:
        return again
    if not failed:
        waits = found[0].outcome.status is Status.WAITING and not _hinted(found[0])
        return "omni-release sign" if waits else _to_know(found[0], again)
    if command := _COMMAND.match(failed[0].outcome.remedy.strip()):
        others = f"{len(failed) - 1} problems" if len(failed) > 2 else "problem"
        return command[1] + (f", then fix the other {others}" if len(failed) > 1 else "")
    return f"fix {'the problem' if len(failed) == 1 else f'the {len(failed)} problems'}, then run {again}"


def resumed(lane: str, target: str, run: str, options: Sequence[str]) -> str:
    """The command that resumes what was interrupted; without a run it starts again.

    A run with distributions that were built elsewhere would build its own if it was resumed without them.
    """
    to = ("--to", target) if lane in ("doctor", "published", "release") else ()
    resumes = run and lane in (*_RESUMABLE, "release") and "--artifacts" not in options
    return shlex.join(("omni-release", lane, *to, *(("--run", run) if resumes else ()), *options))


def _after_rehearsal(report: Report, run: str) -> str:
    """The release of what was rehearsed; of a version that cannot be released, how to get one that can."""
    from packaging.version import InvalidVersion, Version

    version = report.version
    found = {finding.rule: finding.message for outcome in report.outcomes for finding in outcome.findings}
    if tagged := found.get("version-follows-tags/already-tagged"):
        return f"omni-release prepare, because {tagged}"
    try:
        stated = Version(version) if version else None
    except InvalidVersion:
        stated = None
    if stated and stated.local:
        return f"tag the commit with the version to release: {version} has a local part"
    if stated and stated.is_devrelease:
        return f"omni-release prepare, or tag the commit: {version} is a development version"
    if report.uncommitted:
        return after_commit("omni-release release --to pypi")
    return release("pypi", run)


def after_commit(released: str) -> str:
    """How to release a checkout with uncommitted changes: its rehearsal is of no commit, and a release refuses it."""
    return f"commit what `git status` lists, or add it to .gitignore, then run {released}"


def _to_know(problem: Problem, again: str) -> str:
    """How to end that a result is unknown: the command that its hint names, else in words."""
    return _hinted(problem) or f"answer what is unknown, then run {again}"


def _hinted(problem: Problem) -> str:
    """The command that the hint of a problem names, other than to sign it off; empty without one."""
    hint = problem.message.partition("\n")[2].partition("To sign it off")[0]
    command = _COMMAND.search(hint)
    return command[1] if command else ""


def of_project(rehearsal: Mapping[str, Any] | None, released: Mapping[str, Any] | None) -> str:
    """What to do in a project, by its last rehearsal and its last release, as `status` prints them.

    To resume the release, to rehearse, what the report of the rehearsal says, or to begin the next version.
    """
    if released and released["verdict"] != "passed" and (not rehearsal or released["run"] >= rehearsal["run"]):
        return release(released["target"], released["run"])
    if rehearsal is None or rehearsal["of_this_checkout"] is False:
        return REHEARSE
    if released and released["run"] == rehearsal["run"]:
        return NEXT_VERSION
    return rehearsal["next"] or REHEARSE


def release(target: str, run: str, *options: str) -> str:
    """The command that releases a run to a target, or resumes that."""
    return shlex.join(("omni-release", "release", "--to", target, "--run", run, *options))


def line(step: str) -> str:
    """The last line of a command that is no run."""
    return f"Next: {typed(step)}\n"
