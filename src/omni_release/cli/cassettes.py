"""`cassettes`: check the recorded API traffic, and shrink it."""

from __future__ import annotations

import sys

from omni_release.cli import lane
from omni_release.cli.parser import add_dry_run, add_format, add_project, subcommand, verbs
from omni_release.core.errors import EXIT_FAILED, EXIT_PASSED, Conflict

TYPE_CHECKING = False  # as the type checker knows it; importing typing slows the start down
if TYPE_CHECKING:
    from collections.abc import Sequence

    from omni_release.cassettes.rewriting import Rewritten
    from omni_release.cli.parser import Commands
    from omni_release.core.model import Project

Arguments = lane.Arguments


def add_parser(commands: Commands, name: str) -> None:
    """Add `cassettes` and its verbs; `check` is the default."""
    described = "Check recordings for secrets, size, age and faults, or shrink them"
    parser = subcommand(commands, name, described, "cassettes", "cassettes shrink --dry-run")
    added = verbs(parser)
    check = subcommand(added, "check", f"{lane.describe(name)} (default)", "cassettes check")
    for checking in (parser, check):
        lane.add_options(checking)
        checking.set_defaults(run=lane.run)
    described = "Replace images and signatures in the cassettes by small stubs, and remove keys"
    shrinking = subcommand(added, "shrink", described, "cassettes shrink --dry-run")
    add_project(shrinking)
    add_format(shrinking)
    add_dry_run(shrinking)
    shrinking.set_defaults(run=shrink)


def shrink(arguments: Arguments) -> int:
    """`cassettes shrink`: rewrite the cassettes that are not small yet, all of them or none."""
    import os

    from omni_release import cassettes
    from omni_release.adapters import files as transactions
    from omni_release.cassettes.rewriting import rewritten
    from omni_release.core import vendors

    project = arguments.load_project()
    root = project.root.resolve()
    scrubber = cassettes.Scrubber(vendors.keys_set(os.environ))
    found = [rewritten(path, scrubber) for path in cassettes.of_project(project)]
    changes = [each for each in found if each.before != each.after]
    if not arguments.dry_run and (changes or transactions.pending(root)):
        with transactions.alone(root):
            if restored := transactions.recover(root):
                message = f"undid an interrupted change: {', '.join(restored)}"
                raise Conflict(message, "Run this again.")  # what was read is no longer what is there
            transactions.swap(root, {each.path.resolve(): (each.before, each.after) for each in changes})
    return _report(arguments, project, found)


def _report(arguments: Arguments, project: Project, found: Sequence[Rewritten]) -> int:
    """Print what was shrunk and what was not; the exit code, 1 where something could not be."""
    from omni_release.core.redaction import printable

    def shown(each: Rewritten) -> str:
        return each.path.relative_to(project.root).as_posix()

    changes = [each for each in found if each.before != each.after]
    refused = [(shown(each), reason) for each in found for reason in each.refused]
    code = EXIT_FAILED if refused else EXIT_PASSED
    if arguments.as_json:
        from omni_release.core.documents import to_output

        changed = [{"path": shown(e), "before": len(e.before), "after": len(e.after)} for e in changes]
        reasons = [{"path": path, "reason": reason} for path, reason in refused]
        sys.stdout.write(to_output({"changed": changed, "refused": reasons, "dry_run": arguments.dry_run}))
        return code
    for each in changes:
        sys.stdout.write(printable(f"{shown(each)}: {len(each.before)} → {len(each.after)} bytes") + "\n")
    sys.stderr.writelines(printable(f"{path}: not shrunk: {reason}") + "\n" for path, reason in refused)
    would = "would change" if arguments.dry_run else "changed"
    sys.stderr.write(f"{len(changes)} {'cassette' if len(changes) == 1 else 'cassettes'} {would}\n")
    return code
