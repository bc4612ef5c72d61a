"""`audit --rule FILE`: all places that one rule matches now, before it joins the others."""

from __future__ import annotations

import sys
from pathlib import Path

from omni_release.core import errors
from omni_release.core.errors import UsageError
from omni_release.core.model import Finding, Project

TYPE_CHECKING = False  # as the type checker knows it; importing it costs a start and a half
if TYPE_CHECKING:
    import argparse

    from omni_release.core.world import Processes


def arguments(parser: argparse.ArgumentParser) -> None:
    """What `audit` takes beside what every lane takes."""
    said = "show all places that the rules in this file match now, waived ones too, and look for nothing else"
    parser.add_argument("--rule", type=Path, metavar="FILE", help=said)


def show(project: Project, rule: Path, processes: Processes, *, json: bool) -> int:
    """All places, and how the rule joins the others; exit code 1 where there are any.

    Raises UsageError where the file holds no rule that ast-grep takes.
    """
    found = list(_found(project, rule, processes))
    bad = next((finding for finding in found if finding.rule == "rule-does-not-parse"), None)
    if bad:
        raise UsageError(f"{bad.where}: {bad.message}")
    if json:
        sys.stdout.write(document(rule, found))
    else:
        sys.stdout.writelines(f"{finding.where}: {finding.message}  [{finding.rule}]\n" for finding in found)
        files = len({finding.path for finding in found})
        sys.stdout.write(f"{rule}: {_counted(len(found), 'place')} in {_counted(files, 'file')}\n")
        sys.stdout.write(_joining(project, rule.absolute()))
    return errors.EXIT_FAILED if found else errors.EXIT_PASSED


def document(rule: Path, found: list[Finding]) -> str:
    """See docs/audit.schema.json."""
    import dataclasses

    from omni_release.core.documents import to_json

    places = [{**dataclasses.asdict(finding), "severity": finding.severity.value} for finding in found]
    return to_json({"rule": rule.as_posix(), "places": places})


def _found(project: Project, rule: Path, processes: Processes) -> list[Finding]:
    import os

    from omni_release import source_tree
    from omni_release.code import scan
    from omni_release.core.runs import FOLDER

    look = scan.ScanOptions(
        root=project.root,
        files=source_tree.files(project.root, processes),
        rules=(scan.rule_file(rule.absolute(), rule.as_posix()),),
        ignored=project.settings.audit.ignore,
        run=project.root / FOLDER / "runs" / "none",
        environment=os.environ,
    )
    return list(scan.find_matches(look, processes))


def _joining(project: Project, rule: Path) -> str:
    """How the rule joins the others; empty where it has."""
    folder = project.settings.audit.rules
    if folder and rule.is_relative_to((project.root / folder).absolute()):
        return ""
    said = f"{folder}/" if folder else 'a folder, and name it: `rules = "audit/rules"` in [tool.omni-release.audit]'
    return f"→ So that none comes back: put the file into {said}\n"


def _counted(count: int, what: str) -> str:
    return f"1 {what}" if count == 1 else f"{count} {what}s"
