"""`audit`: the checks of the code; with `--rule FILE`, all places that one rule matches."""

from __future__ import annotations

import sys
from pathlib import Path

from omni_release.cli import lane
from omni_release.cli.parser import subcommand
from omni_release.core import errors
from omni_release.core.errors import UsageError

TYPE_CHECKING = False  # as the type checker knows it; importing typing slows the start down
if TYPE_CHECKING:
    from collections.abc import Sequence

    from omni_release.cli.parser import Commands
    from omni_release.core.model import Finding, Project


class Arguments(lane.Arguments):
    """The arguments of `audit`."""

    rule: Path | None = None


def add_parser(commands: Commands, name: str) -> None:
    """Add `audit`."""
    described = lane.describe(name)
    parser = subcommand(commands, name, described, "audit --format sarif", "audit --rule audit/rules/no-print.yml")
    help = "only show all places that the rules in this file match, waived ones too (text or json)"
    parser.add_argument("--rule", type=Path, metavar="FILE", help=help)
    lane.add_options(parser)
    parser.set_defaults(run=run)


def run(arguments: Arguments) -> int:
    """Run the lane, or try one rule: exit code 1 where it matches.

    Raises UsageError where the file holds no rule that ast-grep accepts.
    """
    if arguments.rule is None:
        return lane.run(arguments)
    if arguments.format not in ("text", "json"):
        raise UsageError(f"`audit --rule` prints text or json, not {arguments.format}", "Leave out --rule or --format.")
    project, rule = arguments.load_project(), arguments.rule
    findings = matches(project, rule)
    invalid = next((finding for finding in findings if finding.rule == "rule-does-not-parse"), None)
    if invalid:
        raise UsageError(f"{invalid.where}: {invalid.message}")
    if arguments.as_json:
        sys.stdout.write(document(rule, findings))
    else:
        sys.stdout.writelines(lane.shown(f"{f.where}: {f.message}  [{f.rule}]\n") for f in findings)
        places = "1 place" if len(findings) == 1 else f"{len(findings)} places"
        files = len({finding.path for finding in findings})
        sys.stdout.write(lane.shown(f"{rule}: {places} in {'1 file' if files == 1 else f'{files} files'}\n"))
        sys.stdout.write(_next_step(project, rule.absolute()))
    return errors.EXIT_FAILED if findings else errors.EXIT_PASSED


def matches(project: Project, rule: Path) -> Sequence[Finding]:
    """All places that the rules in the file match, and the rules in it that cannot be used."""
    import os

    from omni_release import source_tree
    from omni_release.cli import lane
    from omni_release.code import scan

    with lane.processes() as processes:
        look = scan.ScanOptions(
            root=project.root,
            files=source_tree.files(project.root, processes),
            rules=(scan.rule_file(rule.absolute(), rule.as_posix()),),
            ignored=project.settings.audit.ignore,
            run=lane.run_store(project.root).none().path,
            environment=os.environ,
        )
        return list(scan.find_matches(look, processes))


def document(rule: Path, findings: Sequence[Finding]) -> str:
    """The findings as JSON: docs/audit.schema.json."""
    import dataclasses

    from omni_release.core.documents import to_output

    keys = ("message", "rule", "severity", "path", "line", "column")
    places = [{key: value for key, value in dataclasses.asdict(finding).items() if key in keys} for finding in findings]
    return to_output({"rule": rule.as_posix(), "places": places})


def _next_step(project: Project, rule: Path) -> str:
    """How to keep the pattern out from now on; empty where the rule is in the project's folder of rules."""
    folder = project.settings.audit.rules
    if folder and rule.is_relative_to((project.root / folder).absolute()):
        return ""
    where = f"{folder}/" if folder else 'a folder and name it: `rules = "audit/rules"` in [tool.omni-release.audit]'
    return f"→ To keep this pattern out, put the file into {where}\n"
