"""A report in each of its forms: text, JSON, JUnit, SARIF, Markdown, annotations; and written to files.

`catalogue` is no report: it is the list of all tasks, which `nox -s docs` writes to docs/checks.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from omni_release.core.actions import Write
from omni_release.core.model import Release, Report
from omni_release.core.redaction import Redact, redacted
from omni_release.core.world import Files, World

_SUMMARY = 1_000_000

FORMATS = {"json": "report.json", "junit": "report.junit.xml", "md": "report.md", "sarif": "report.sarif"}
"""What can be printed on stdout in place of text, and the file of the same content in the run folder."""


def rendered(report: Report, format: str, redact: Redact) -> str:
    """The report in one of `FORMATS`. What writes it is imported here: most looks print text, and start fast."""
    from omni_release.report import json_report, junit, markdown, sarif

    report = redacted(report, redact)
    if format == "junit":
        return junit.document(report).decode()
    writers = {"json": json_report.document, "md": markdown.document, "sarif": sarif.document}
    return writers[format](report)


def keep_report(report: Report, release: Release, world: World, redact: Redact, *, whole: bool) -> None:
    """Write the report into the run folder, in each of its forms; `whole` where no task of the lane was left out."""
    hashes = ",".join(artifact.sha256 for artifact in report.artifacts)
    lane, verdict, code = report.lane, report.verdict, report.exit_code
    about = {"lane": lane, "target": report.target, "artifacts": hashes}
    world.journal.record("ended", **about, whole=whole, verdict=verdict, exit_code=code)
    write_reports(report, release.records, world.files, redact)
    for name in ("tests.junit.xml", "warnings.jsonl"):  # written by the tests themselves, past our redaction
        if (release.records / name).is_file():
            content = (release.records / name).read_text(encoding="utf-8", errors="backslashreplace")
            world.files.write(Write(release.records / name, redact(content).encode("utf-8", "backslashreplace")))


def write_reports(report: Report, folder: Path, files: Files, redact: Redact) -> None:
    """Write the report into a folder, in each of its forms."""
    for format, name in FORMATS.items():
        content = rendered(report, format, redact)
        files.write(Write(folder.absolute() / name, content.encode("utf-8", "backslashreplace")))


def write_step_summary(report: Report, outer: Mapping[str, str], redact: Redact) -> None:
    """Add the report to the summary of a step on GitHub, which takes 1 MiB."""
    if not (path := outer.get("GITHUB_STEP_SUMMARY")):
        return
    content = rendered(report, "md", redact).encode("utf-8", "backslashreplace")
    if len(content) > _SUMMARY:
        content = (
            content[:_SUMMARY].decode("utf-8", "ignore").encode() + b"\n\n(cut: the whole of it is in report.md)\n"
        )
    with Path(path).open("ab") as file:
        file.write(content)
