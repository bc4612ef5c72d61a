"""`workspace`: the packages of a repository; `plan`: what a release of them contains, in order."""

from __future__ import annotations

import sys

from omni_release.cli import lane
from omni_release.cli import parser as cli_parser
from omni_release.cli.parser import add_format, add_project, subcommand
from omni_release.core.errors import EXIT_FAILED, EXIT_PASSED, UsageError

TYPE_CHECKING = False  # as the type checker knows it; importing typing slows the start down
if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from omni_release.cli.parser import Commands
    from omni_release.workspaces.model import Workspace


class Arguments(cli_parser.Arguments):
    """The arguments of `workspace` and `plan`: names of packages, and a commit to compare with."""

    package: tuple[str, ...] = ()
    since: str = ""
    tag: str = ""


def add_parser(commands: Commands, name: str) -> None:
    """Add `workspace` or `plan`."""
    if name == "workspace":
        described = "List the packages of a repository: versions, requirements, changes"
        added = subcommand(commands, name, described, "workspace", "workspace --format mermaid")
        add_format(added, "json", "mermaid")
    else:
        described = "Show which packages a release contains, in which order"
        added = subcommand(
            commands, name, described, "plan", "plan --format json", "plan --package acme --since v1.2.0"
        )
        add_packages(added, "only this package and what it needs; can be repeated")
        added.add_argument("--tag", metavar="TAG", help="only the packages that this tag belongs to")
        add_format(added)
    added.add_argument("--since", metavar="REF", help="compare with this commit, not with each package's last tag")
    add_project(added)
    added.set_defaults(run=run_plan if name == "plan" else run)


def add_packages(parser: argparse.ArgumentParser, help: str) -> None:
    """Add `--package`."""
    parser.add_argument("--package", action="append", metavar="NAME", help=help)


def workspace_at(root: Path) -> Workspace:
    """The workspace that a folder is in. Raises UsageError where there is none."""
    from omni_release.workspaces import discovery

    found = discovery.around(root)
    if found is None:
        raise UsageError(
            f"{root} is in no repository of several packages",
            'Name them: `members = ["packages/*"]` in [tool.omni-release.workspace] of the pyproject.toml at its root.',
        )
    return found


def run(arguments: Arguments) -> int:
    """`workspace`: all packages, as a table, as JSON or as a drawing."""
    from omni_release.workspaces import listing, plan

    found = plan.of_release(workspace_at(arguments.root()), since=arguments.since)
    if arguments.as_json:
        from omni_release.core.documents import to_output

        sys.stdout.write(to_output(listing.document(found)))
    else:
        lines = listing.drawing(found) if arguments.format == "mermaid" else listing.table(found)
        sys.stdout.writelines(lane.shown(f"{line}\n") for line in lines)
    return EXIT_PASSED


def run_plan(arguments: Arguments) -> int:
    """`plan`: the release as data; exit code 1 where a problem prevents it."""
    from omni_release.workspaces import listing, plan

    found = plan.of_release(workspace_at(arguments.root()), arguments.package, arguments.since, arguments.tag)
    if arguments.as_json:
        from omni_release.core.documents import to_output

        sys.stdout.write(to_output(listing.plan_document(found)))
    else:
        sys.stdout.writelines(lane.shown(f"{line}\n") for line in listing.order_lines(found))
    return EXIT_FAILED if found.problems else EXIT_PASSED
