"""The forms of a report, and where they are written: to stdout, to files, to the summary of a step on GitHub.

A form is a module with a function `document(report) -> str`, and a line in `FORMATS`; `text` is for the terminal. The
modules import what only they need when they write: most runs print text.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from omni_release.core.actions import Write
from omni_release.core.model import Release, Report
from omni_release.core.redaction import Redact, redacted
from omni_release.core.world import Files, World
from omni_release.report import json_report, junit, markdown, sarif

PAGE = "report.html"
"""The page of a run, beside its other forms: see `page`."""

_SUMMARY_SIZE = 1_000_000  # bytes; GitHub accepts 1 MiB


_Report = TypeVar("_Report")


@dataclass(frozen=True)
class Format(Generic[_Report]):
    """A form of a report: the name of its file, and the function that writes it."""

    file: str
    document: Callable[[_Report], str]


FORMATS: Mapping[str, Format[Report]] = {
    "json": Format("report.json", json_report.document),
    "junit": Format("report.junit.xml", junit.document),
    "md": Format("report.md", markdown.document),
    "sarif": Format("report.sarif", sarif.document),
}
"""The forms that can be printed on stdout instead of text; each is also a file in the run folder."""


def rendered(report: Report, format: str, redact: Redact) -> str:
    """The report in one of `FORMATS`, without secrets."""
    return FORMATS[format].document(redacted(report, redact))


def keep_report(report: Report, release: Release, world: World, redact: Redact, *, whole: bool) -> None:
    """Record the end of a run and write its report into the run folder; `whole` if no task of the lane was left out."""
    hashes = ",".join(artifact.sha256 for artifact in report.artifacts)
    subject = {"lane": report.lane, "target": report.target, "artifacts": hashes}
    verdict, exit_code = report.verdict, report.exit_code
    world.journal.record("ended", **subject, whole=whole, verdict=verdict, exit_code=exit_code)
    write_forms(report, FORMATS, release.records, world.files, redact)
    for name in ("tests.junit.xml", "warnings.jsonl"):  # the tests write these themselves, without our redaction
        path = release.records / name
        if path.is_file():
            content = redact(path.read_text(encoding="utf-8", errors="backslashreplace"))
            world.files.write(Write(path, content.encode("utf-8", "backslashreplace")))


def write_forms(
    report: _Report, formats: Mapping[str, Format[_Report]], folder: Path, files: Files, redact: Redact
) -> None:
    """Write a report of any kind into a folder, in these forms."""
    without_secrets = redacted(report, redact)
    for format in formats.values():
        content = format.document(without_secrets)
        files.write(Write(folder.absolute() / format.file, content.encode("utf-8", "backslashreplace")))


def write_step_summary(document: Callable[[], str], environment: Mapping[str, str]) -> None:
    """Append the report, in Markdown and without secrets, to the summary of a step on GitHub; nothing elsewhere."""
    if not (path := environment.get("GITHUB_STEP_SUMMARY")):
        return
    content = document().encode("utf-8", "backslashreplace")
    if len(content) > _SUMMARY_SIZE:
        content = content[:_SUMMARY_SIZE].decode("utf-8", "ignore").encode() + b"\n\n(truncated: see report.md)\n"
    with Path(path).open("ab") as file:
        file.write(content)
