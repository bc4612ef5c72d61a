"""The report of a workspace: a section for each package. Each form is a pure function of it, as those of a report.

The verdict is the worst of all packages. A package that did not run has a reason in place of a report.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from omni_release.core import errors
from omni_release.core.model import Report, Status
from omni_release.core.text import counted
from omni_release.report import json_report, junit, markdown, problems, sarif
from omni_release.report.files import Format
from omni_release.report.stages import Mark
from omni_release.report.text import Layout

NOT_RUN = "not run"
"""The verdict of a package that another one has stopped."""

_WORST_FIRST = ("failed", "waiting", "inconclusive", "nothing tested", NOT_RUN, "planned", "passed")


@dataclass(frozen=True)
class Section:
    """A package in the report of its workspace.

    `folder` is relative to the workspace's root. `report` is None where it did not run, for the `reason`; `page` is the
    path of its page, relative to the workspace's root, empty without one. `ended` is its verdict without a report.
    """

    name: str
    folder: str
    version: str | None
    report: Report | None = None
    reason: str = ""
    page: str = ""
    ended: str = NOT_RUN

    @property
    def verdict(self) -> str:
        """The verdict of the package's own report."""
        return self.report.verdict if self.report else self.ended

    @property
    def words(self) -> str:
        """The verdict, and why it is not `passed`, in a few words."""
        if self.report is None:
            return f"{self.verdict}: {self.reason}" if self.reason else self.verdict
        found = problems.problems(self.report)
        failed = sum(problem.outcome.status is Status.FAILED for problem in found)
        return f"{self.verdict}: {counted(failed, 'problem')}" if failed else self.verdict


@dataclass(frozen=True)
class WorkspaceReport:
    """The packages of one run of a workspace, in their order.

    `seconds` are those of the whole run, `run` is its folder, `notes` are lines that a person must know, `step` is what
    to do next.
    """

    lane: str
    workspace: str
    target: str
    seconds: float
    sections: tuple[Section, ...]
    run: str | None = None
    interrupted: bool = False
    notes: tuple[str, ...] = ()
    step: str = ""

    @property
    def verdict(self) -> str:
        """The worst verdict of a package, or `interrupted`."""
        verdicts = {section.verdict for section in self.sections}
        if self.interrupted or "interrupted" in verdicts:
            return "interrupted"
        return next((verdict for verdict in _WORST_FIRST if verdict in verdicts), "passed")

    @property
    def exit_code(self) -> int:
        """The exit code of the verdict; of a package that did not run alone, that of an unknown result."""
        if self.verdict == "interrupted":
            return errors.EXIT_INTERRUPTED
        if self.verdict in (NOT_RUN, "nothing tested"):
            return errors.EXIT_INCONCLUSIVE
        return Status(self.verdict).exit_code


def _json(report: WorkspaceReport) -> str:
    from omni_release.core.documents import to_output

    packages = [
        {
            "name": section.name,
            "folder": section.folder,
            "version": section.version,
            "verdict": section.verdict,
            "reason": section.reason,
            "report": json.loads(json_report.document(section.report)) if section.report else None,
        }
        for section in report.sections
    ]
    return to_output(
        {
            "lane": report.lane,
            "workspace": report.workspace,
            "target": report.target,
            "verdict": report.verdict,
            "exit_code": report.exit_code,
            "seconds": report.seconds,
            "packages": packages,
            "notes": list(report.notes),
            "run": report.run,
            "next": report.step,
        }
    )


def _markdown(report: WorkspaceReport) -> str:
    lines = [f"# {report.lane}: {markdown.plain(report.workspace)}: {report.verdict}", ""]
    if report.step:
        lines += [f"**Next:** {markdown.code(report.step)}", ""]
    lines += ["| package | version | verdict |", "|---|---|---|"]
    for section in report.sections:
        words = markdown.plain(section.words)
        lines.append(f"| {markdown.plain(section.name)} | {markdown.plain(section.version or '')} | {words} |")
    lines += ["", *(f"- {markdown.plain(note)}" for note in report.notes), ""]
    documents = (markdown.part(section.report) for section in report.sections if section.report)
    return "\n".join((*lines, *documents))


def _junit(report: WorkspaceReport) -> str:
    from xml.etree import ElementTree

    root = ElementTree.Element("testsuites")
    for section in report.sections:
        if section.report:
            # Written by `junit.document` itself.
            for suite in ElementTree.fromstring(junit.document(section.report)):  # noqa: S314
                suite.set("name", f"{suite.get('name')} {section.name}")
                root.append(suite)
        else:
            name = f"omni-release {report.lane} {section.name}"
            suite = ElementTree.SubElement(
                root, "testsuite", name=name, tests="1", errors="0", failures="0", skipped="1"
            )
            case = ElementTree.SubElement(suite, "testcase", classname=f"omni-release.{report.lane}", name=section.name)
            ElementTree.SubElement(case, "skipped", message=section.words)
    xml: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return xml.decode()


def _sarif(report: WorkspaceReport) -> str:
    from omni_release.core.documents import to_json

    whole: dict[str, object] = {}
    runs: list[object] = []
    for section in report.sections:
        if section.report:
            whole = json.loads(sarif.document(section.report))
            for run in whole["runs"]:  # type: ignore[attr-defined]  # a list of one run
                run["automationDetails"] = {"id": f"omni-release/{report.lane}/{section.name}/"}
                runs.append(run)
    if not whole:
        whole = json.loads(sarif.document(Report(report.lane, report.workspace, None, report.target, 0.0, ())))
        runs = whole["runs"]  # type: ignore[assignment]  # as above
    return to_json({**whole, "runs": runs})


FORMATS: Mapping[str, Format[WorkspaceReport]] = {
    "json": Format("report.json", _json),
    "junit": Format("report.junit.xml", _junit),
    "md": Format("report.md", _markdown),
    "sarif": Format("report.sarif", _sarif),
}
"""The forms of the report, by the names that those of a single package have."""


def header_line(workspace: str, number: int, head: str, target: str) -> str:
    """The first line of a run: the workspace, how many packages it is about, what is checked out, and the target."""
    words = [f"{workspace}: {counted(number, 'package')}", *filter(None, [head])]
    return "   ".join((*words, f"→ {target}") if target else words)


_MARKS: Mapping[str, Mark] = {
    "passed": Mark.PASSED,
    "failed": Mark.FAILED,
    "inconclusive": Mark.UNKNOWN,
    "nothing tested": Mark.UNKNOWN,
    "waiting": Mark.WAITING,
    "planned": Mark.PLANNED,
    "interrupted": Mark.INTERRUPTED,
    NOT_RUN: Mark.BLOCKED,
}


def summary_lines(report: WorkspaceReport, layout: Layout, *, page: str = "") -> Iterator[str]:
    """The last block: the verdict of all, a line for each package, what must be known, and the next command."""
    number = counted(len(report.sections), "package")
    verdict = f"{report.verdict.upper()} {number}"
    if report.lane == "release" and report.verdict == "passed":
        verdict = f"RELEASED {number} of {report.workspace} to {report.target}"
    yield f"  {verdict} in {report.seconds:.1f} s" if report.sections else "  nothing to release"
    name = max((len(section.name) for section in report.sections), default=0)
    version = max((len(section.version or "") for section in report.sections), default=0)
    for section in report.sections:
        begin = f"  {layout.mark(_MARKS.get(section.verdict, Mark.UNKNOWN))} {section.name:<{name}}"
        first, *rest = section.words.splitlines()
        yield from layout.wrapped(first, " " * 8, f"{begin}  {section.version or '':<{version}}  ")
        for line in rest:
            yield from layout.wrapped(line, " " * 8)
    for note in report.notes:
        yield from layout.wrapped(note, "  ")
    if page or report.run:
        yield f"  Report  {page or report.run}"
    if report.step:
        yield f"  Next    {report.step}"


def running_lines(running: Mapping[str, Callable[[], Iterable[str]]]) -> Iterator[str]:
    """What runs now: the lines of each package, below its name."""
    for name, lines in running.items():
        yield from (f"{name}  {line}" for line in lines())


def next_after(report: WorkspaceReport, command: str, release: str) -> str:
    """What to do after a rehearsal: `release` where all passed, else to fix what is wrong and repeat `command`."""
    if report.verdict == "passed":
        return release
    failed = [section.name for section in report.sections if section.verdict == "failed"]
    if failed:
        return f"fix the problems of {', '.join(failed)}, then run {command}"
    waiting = next((section for section in report.sections if section.verdict == "waiting"), None)
    if waiting:
        return f"omni-release sign --project {waiting.folder}"
    return "" if report.verdict == "planned" else f"answer what is unknown, then run {command}"
