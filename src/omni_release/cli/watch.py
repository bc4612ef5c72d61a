"""`watch`: what users get today with the last release on the index, and what has changed since its day."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from omni_release.cli import lane
from omni_release.cli.parser import subcommand
from omni_release.core.errors import UsageError

TYPE_CHECKING = False  # as the type checker knows it; importing typing slows the start down
if TYPE_CHECKING:
    from omni_release.cli.parser import Commands
    from omni_release.core.model import Project
    from omni_release.core.runs import Request


class Arguments(lane.Arguments):
    """The arguments of `watch`; without `name`, the project of the checkout."""

    name: str = ""
    issue: bool = False
    repo: str = ""
    report: Path | None = None


def add_parser(commands: Commands, name: str) -> None:
    """Add `watch`."""
    examples = ("watch", "watch acme", "watch acme==1.2.3 --format md", "watch --issue --report out/report.json")
    parser = subcommand(commands, name, lane.describe(name), *examples)
    help = "a project of the index, NAME or NAME==VERSION (default: that of the checkout)"
    parser.add_argument("name", nargs="?", metavar="NAME", help=help)
    help = "open one GitHub issue, update it, or close it (with gh)"
    parser.add_argument("--issue", action="store_true", help=help)
    help = "repository of the issue (default: GH_REPO, the checkout's remote, or GITHUB_REPOSITORY)"
    parser.add_argument("--repo", metavar="OWNER/NAME", help=help)
    help = "with --issue: the report of an earlier watch (report.json); nothing is installed or run"
    parser.add_argument("--report", type=Path, metavar="FILE", help=help)
    lane.add_options(parser)
    parser.set_defaults(run=run)


def run(arguments: Arguments) -> int:
    """Watch the release; the exit code of the report.

    Raises UsageError where the index has no such release, Inconclusive where it does not answer.
    """
    import tempfile

    if (arguments.repo or arguments.report) and not arguments.issue:
        raise UsageError("--repo and --report are about an issue", "Add --issue.")
    with tempfile.TemporaryDirectory(prefix="omni-release-") as name:
        return lane.start(_of_report(arguments, Path(name)) if arguments.report else _of_release(arguments, Path(name)))


def _of_release(arguments: Arguments, folder: Path) -> Request:
    """The watch of the release that is downloaded and unpacked into `folder`."""
    import dataclasses

    from omni_release import distributions, watch
    from omni_release.core.runs import WatchIssue
    from omni_release.environments.installer_config import default_index
    from omni_release.index import downloads

    checkout = None if arguments.name else arguments.load_project()
    named = distributions.named_release(arguments.name or (checkout.name if checkout else ""))
    if named is None:
        raise UsageError(f"{arguments.name} is no release", "Write NAME or NAME==VERSION.")
    issue = WatchIssue(_repository(arguments, checkout)) if arguments.issue else None
    dist = folder / "dist"
    dist.mkdir()
    sys.stderr.write(lane.shown(f"downloading {named[0]} …\n"))
    downloads.download(default_index(os.environ), *named, dist)
    project = watch.unpack(dist, folder / "source", checkout)
    return dataclasses.replace(lane.request(arguments, project), artifacts=dist, mode="files", issue=issue)


def _of_report(arguments: Arguments, folder: Path) -> Request:
    """The issue alone, by the report of an earlier watch. Raises UsageError for any other file."""
    import dataclasses

    from omni_release import lanes, watch
    from omni_release.core.runs import WatchIssue
    from omni_release.report import json_report

    assert arguments.report is not None
    try:
        report = json_report.read(arguments.report.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{arguments.report} cannot be read: {error}", "Name a report.json.") from None
    ids = {outcome.id for outcome in report.outcomes} if report else set()
    if report is None or report.lane != "watch" or not ids.issuperset(task.id for task in lanes.watch().tasks):
        hint = "Name the report.json of a whole watch: omni-release watch --output DIR"
        raise UsageError(f"{arguments.report} is no report of a whole watch", hint)
    issue = WatchIssue(_repository(arguments, _checkout_of(arguments, report.project)), report)
    project = watch.placeholder(folder, report.project, report.version or "0")
    return dataclasses.replace(lane.request(arguments, project), mode="files", issue=issue)


def _checkout_of(arguments: Arguments, name: str) -> Project | None:
    """The project in this folder, where there is one and it has this name."""
    from packaging.utils import canonicalize_name

    try:
        project = arguments.load_project()
    except UsageError:
        return None
    return project if canonicalize_name(project.name) == canonicalize_name(name) else None


def _repository(arguments: Arguments, checkout: Project | None) -> str:
    """The repository of the issue. Raises UsageError where none is known."""
    from omni_release.git import github

    if named := arguments.repo or os.environ.get("GH_REPO", ""):
        return named
    if checkout is not None and (found := github.repository_of(checkout)):
        return found
    if found := os.environ.get("GITHUB_REPOSITORY", ""):
        return found
    raise UsageError("it is unknown in which repository the issue is", "Name it with --repo OWNER/NAME.")
