"""One GitHub issue about the published release: opened, updated and closed by gh."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from packaging.utils import canonicalize_name

from omni_release.core import redaction
from omni_release.core.actions import Action, Run, Write
from omni_release.core.errors import Inconclusive, NotApplicable
from omni_release.core.model import Evidence, Release, Report, Severity, Status
from omni_release.core.runs import WatchIssue
from omni_release.core.text import counted
from omni_release.core.world import World
from omni_release.git import github
from omni_release.report import markdown, problems

LABEL = "omni-release-watch"
"""The label of the issue. Only who may write to the repository can set it, so that no stranger can offer an issue."""

_WELL = "none"
_MARKER = re.compile(r"<!-- omni-release watch (?P<name>\S+) problems=(?P<problems>\S+) report=(?P<report>\S+) -->")
_LONGEST = 60_000  # characters; GitHub takes 65,536
_MOST_LISTED = "1000"


@dataclass(frozen=True)
class _Issue:
    """An issue that GitHub has: the digests are those of its body."""

    number: int
    url: str
    is_open: bool
    problems: str
    report: str


@dataclass(frozen=True)
class _Wanted:
    """The issue that states a report. `problems` is `none` where nothing is wrong."""

    title: str
    problems: str
    report: str
    body: str
    summary: str

    def matches(self, issue: _Issue | None) -> bool:
        """Whether the issue says this. A person may have closed it: the same problems do not open it again."""
        if self.problems == _WELL:
            return issue is None or not issue.is_open
        if issue is None or issue.problems != self.problems:
            return False
        return not issue.is_open or issue.report == self.report


@dataclass(frozen=True)
class ReportIssue:
    """GitHub issue is up to date

    With `--issue`, one issue of the repository states what is wrong with the release, as long as something is; it is
    found again by its label and a hidden comment. An inconclusive result leaves it as it is.

    Fix: read gh's output in the run's `logs/issue.log`; log in with `gh auth login`, or set GH_TOKEN.
    """

    issue: WatchIssue | None = None

    def actions(self, release: Release, world: World) -> Iterable[Action]:
        wanted, issue = self._wanted(release, world), self._find(release, world)
        path = release.work_dir / "issue.md"
        yield Write(path, wanted.body.encode())
        body = ("--title", wanted.title, "--body-file", str(path))
        if issue is None:
            words = "What `omni-release watch` reports about the published release"
            yield self._gh(release, world, "label", "create", LABEL, "--force", "--description", words)
            yield self._gh(release, world, "issue", "create", *body, "--label", LABEL)
            return
        number = str(issue.number)
        if wanted.problems == _WELL:  # the comment first: what is closed is not looked at again
            yield self._gh(release, world, "issue", "comment", number, "--body", wanted.summary)
            yield self._gh(release, world, "issue", "edit", number, *body)
            yield self._gh(release, world, "issue", "close", number)
            return
        if issue.problems != wanted.problems:
            yield self._gh(release, world, "issue", "comment", number, "--body", wanted.summary)
        if not issue.is_open:
            yield self._gh(release, world, "issue", "reopen", number)
        yield self._gh(release, world, "issue", "edit", number, *body)

    def check_done(self, release: Release, world: World) -> Evidence | None:
        wanted, issue = self._wanted(release, world), self._find(release, world)
        if not wanted.matches(issue):
            return None
        if issue is None:
            return {"issue": "not needed"}
        return {"issue": issue.url, "state": "open" if issue.is_open else "closed"}

    @property
    def _repository(self) -> str:
        return self.issue.repository if self.issue else ""

    def _wanted(self, release: Release, world: World) -> _Wanted:
        """Raises NotApplicable where the issue is not asked for, and where the result says nothing."""
        if self.issue is None:
            raise NotApplicable("no issue is asked for (--issue)")
        report = self.issue.report or world.report()
        if not report.whole:
            raise NotApplicable("only a part of the tasks has run: the issue stays as it is")
        if report.verdict not in ("passed", "failed", "skipped"):
            raise NotApplicable(f"the result is {report.verdict}: the issue stays as it is")
        return wanted(report, release)

    def _find(self, release: Release, world: World) -> _Issue | None:
        """The issue about this project: the open one, else the newest; the first of several open ones."""
        arguments = ("--label", LABEL, "--state", "all", "--limit", _MOST_LISTED, "--json", "number,url,state,body")
        argv = self._argv(world, "issue", "list", *arguments)
        environment = github.environment(release, world)
        answer = world.processes.ask(*argv, cwd=release.project.root, environment=environment, deadline=github.TIMEOUT)
        if answer is None or answer.code == github.NOT_LOGGED_IN:
            raise Inconclusive(f"gh has no access to {self._repository}", "Run `gh auth login`, or set GH_TOKEN.")
        if answer.code != 0:
            message = f"gh does not list the issues of {self._repository}:\n{redaction.strip_unknown(answer.err)}"
            raise Inconclusive(message, "Check the name of the repository, and what the token may do.")
        found = sorted(_issues(answer.out, release.project.name), key=lambda issue: issue.number)
        return next((issue for issue in found if issue.is_open), found[-1] if found else None)

    def _gh(self, release: Release, world: World, *arguments: str) -> Run:
        return Run(
            self._argv(world, *arguments),
            cwd=release.project.root,
            environment=github.environment(release, world),
            log=release.logs / "issue.log",
            deadline=github.TIMEOUT,
            network=True,
        )

    def _argv(self, world: World, *arguments: str) -> tuple[str, ...]:
        gh = github.program(world.environment)
        if gh is None:
            raise Inconclusive("gh is not installed, which `--issue` needs", "Install it: https://cli.github.com.")
        return (gh, *arguments[:2], "--repo", self._repository, *arguments[2:])


def _issues(output: str, project: str) -> Iterator[_Issue]:
    try:
        listed = json.loads(output or "[]")
    except ValueError:
        raise Inconclusive("gh printed no list of issues", "Upgrade gh.") from None
    for entry in listed:
        marker = _MARKER.search(str(entry["body"]))
        if marker and canonicalize_name(marker["name"]) == canonicalize_name(project):
            is_open = str(entry["state"]).upper() == "OPEN"
            yield _Issue(int(entry["number"]), str(entry["url"]), is_open, marker["problems"], marker["report"])


def wanted(report: Report, release: Release) -> _Wanted:
    """The issue that states a report."""
    report = redaction.redacted(report, lambda text: _public(text, release))
    report = replace(report, outcomes=tuple(outcome for outcome in report.outcomes if outcome.id != "report-issue"))
    failed = [outcome for outcome in report.outcomes if outcome.status is Status.FAILED]
    errors = [finding for outcome in failed for finding in outcome.findings if finding.severity is Severity.ERROR]
    others = [finding for o in report.outcomes for finding in o.findings if finding.severity is Severity.WARNING]
    lines = [markdown.plain(finding.message.partition("\n")[0]) for finding in errors]
    wrong = _digest(f"{f.rule} {f.where} {line}" for f, line in zip(errors, lines, strict=True)) if errors else _WELL
    whole = _digest(f"{finding.rule} {finding.where} {finding.message}" for finding in (*errors, *others))
    number = sum(problem.outcome.status is Status.FAILED for problem in problems.problems(report))
    subject = f"{report.project} {report.version}"
    title = f"{subject} as published: {counted(number, 'problem')}" if errors else f"{subject} works again as published"
    text = markdown.document(report)
    if len(text) > _LONGEST:
        text = f"{text[:_LONGEST]}\n\nThe report is longer: run `omni-release watch {report.project}`.\n"
    marker = f"<!-- omni-release watch {canonicalize_name(report.project)} problems={wrong} report={whole} -->"
    summary = "\n".join((f"{title}.", "", *(f"- {line}" for line in lines))).strip()
    return _Wanted(title, wrong, whole, f"{marker}\n{text}", summary)


def _digest(said: Iterable[str]) -> str:
    """A digest of what findings say, without durations, and without the number of days that a date is away."""
    text = re.sub(r"in \d+ days?|\d+ days\)|[\d.]+ ?m?s\b", "", "\n".join(sorted(set(said))))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _public(text: str, release: Release) -> str:
    """The text without the folders of this run, and without what GitHub takes for the name of a person."""
    for folder in (release.work_dir, release.folder, release.project.root, release.project.root.parent):
        text = text.replace(str(folder), "…")
    return re.sub(r"(?<![\w`/.])@(?=\w)", "@\u200b", text)
