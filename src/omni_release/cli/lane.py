"""The lanes that have no verbs: the rehearsal and its parts, the release, the gate."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path

from omni_release.cli import parser as cli_parser
from omni_release.cli.parser import add_dry_run, add_format, add_project, subcommand
from omni_release.core.errors import UsageError

TYPE_CHECKING = False  # as the type checker knows it; importing typing slows the start down
if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence

    from omni_release.cli.parser import Commands
    from omni_release.core.model import Project
    from omni_release.core.runs import Options, Request, RunStore
    from omni_release.core.world import Files, Processes
    from omni_release.run.workspace_session import WorkspaceRequest
    from omni_release.workspaces.model import Workspace


_EXAMPLES = {
    "rehearse": ("rehearse", "rehearse --only tests-pass", "rehearse --package acme-core"),
    "release": ("release --to testpypi --dry-run", "release --to pypi", "release --to pypi --package acme-core"),
    "doctor": ("doctor --to pypi",),
    "published": ("published --to pypi",),
    "gate": ("gate", "gate --only versions-agree --format sarif"),
    "clean": ("clean --dry-run",),
}


class Arguments(cli_parser.Arguments):
    """The arguments of a lane; `to` and `yes` only where it works with a real index."""

    dry_run: bool = False
    run_id: str | None = None
    artifacts: Path | None = None
    output: Path | None = None
    only: Sequence[str] = ()
    to: str = ""
    yes: bool = False
    verbosity: int = 0
    fresh: bool = False
    cache: bool = False
    package: Sequence[str] = ()
    since: str = ""
    approval: Sequence[Path] = ()
    rebuilt: Sequence[Path] = ()


_OF_WORKSPACES = ("rehearse", "release")
"""The lanes that are about all packages at the root of a workspace."""


def add_parser(commands: Commands, name: str) -> None:
    """Add the lane of this name, described by the first line of its docstring."""
    from omni_release import lanes

    added = subcommand(commands, name, describe(name), *_EXAMPLES.get(name, (name,)))
    if name in lanes.PUBLISHING:
        added.add_argument("--to", required=True, metavar="INDEX", help="pypi, testpypi, a name, or an upload URL")
    if name in ("release", "doctor"):
        help = "a file with approvals, as `approve --to FILE` writes it"
        added.add_argument("--approval", action="append", type=Path, metavar="FILE", help=help)
    if name == "release":
        added.add_argument("--yes", action="store_true", help="publish without asking you to type the version")
        help = "of a workspace, release only packages with files that have changed since this commit"
        added.add_argument("--since", metavar="REF", help=help)
        help = "use this record of a rebuild elsewhere: see `omni-release rebuild`"
        added.add_argument("--rebuilt", type=Path, action="append", metavar="FILE", help=help)
    if name in _OF_WORKSPACES:
        help = "of a workspace, only this package and those that it needs"
        added.add_argument("--package", action="append", metavar="NAME", help=help)
    add_options(
        added,
        only=name != "release",
        run=name in lanes.BUILDING or name in lanes.PUBLISHING,
        artifacts=name in lanes.BUILDING or name == "release",
    )
    added.set_defaults(run=run)


def describe(name: str) -> str:
    """What the lane of this name does, without a full stop."""
    from omni_release import lanes

    return (lanes.ALL[name].__doc__ or "").partition("\n")[0].rstrip(".")


def add_options(
    parser: argparse.ArgumentParser, *, only: bool = True, run: bool = False, artifacts: bool = False
) -> None:
    """Add the options of a lane: those of every lane, and those named.

    `only` is for a lane that can run in part, `run` for one that can resume, `artifacts` for one that builds.
    """
    from omni_release.report.files import FORMATS

    add_project(parser)
    add_format(parser, *FORMATS)
    parser.add_argument("--output", type=Path, metavar="DIR", help="also write the report there, in every format")
    if only:
        parser.add_argument("--only", action="append", metavar="ID", help="run only this task and those it needs")
    add_dry_run(parser)
    shown = parser.add_mutually_exclusive_group()
    help = "show every task, with all findings"
    shown.add_argument("-v", "--verbose", dest="verbosity", action="store_const", const=1, help=help)
    shown.add_argument("-q", "--quiet", dest="verbosity", action="store_const", const=-1, help="show only the verdict")
    origin = parser.add_mutually_exclusive_group() if artifacts else parser  # argparse fails on an empty group
    if run:
        origin.add_argument("--run", dest="run_id", metavar="RUN", help="resume this run instead of starting a new one")
    if artifacts:
        origin.add_argument(
            "--artifacts", type=Path, metavar="DIR", help="use existing distributions instead of building"
        )
        reuse = parser.add_mutually_exclusive_group()
        reuse.add_argument("--fresh", action="store_true", help="use no results of earlier runs")
        reuse.add_argument("--cache", action="store_true", help="use results of earlier runs also where CI is set")


def run(arguments: Arguments) -> int:
    """Run the lane, at the root of a workspace for its packages; the exit code of its report."""
    if arguments.command in _OF_WORKSPACES and (found := _workspace(arguments)):
        from omni_release.run.workspace import run_workspace

        return run_workspace(_workspace_request(arguments, found))
    return start(request(arguments))


def _workspace(arguments: Arguments) -> Workspace | None:
    """The workspace that a run is about; None for a run of the project in the folder.

    In the folder of a package it is that of the packages that are named, and else none. Raises UsageError where an
    option needs one.
    """
    from omni_release.workspaces import discovery

    root = arguments.root()
    named = bool(arguments.package or arguments.since)
    found = discovery.around(root) if named else discovery.discover(root)
    if found is None and named:
        option = "--package" if arguments.package else "--since"
        hint = "Omit the option, or run this in the folder of a workspace."
        raise UsageError(f"{option} needs a workspace, and {root} is in none", hint)
    return found


def _workspace_request(arguments: Arguments, workspace: Workspace) -> WorkspaceRequest:
    from omni_release.run.workspace_session import WorkspaceRequest

    packages, options = tuple(arguments.package), _options(arguments).by_name()
    return WorkspaceRequest(arguments.command, workspace, packages, arguments.since, **options)


def request(arguments: Arguments, project: Project | None = None) -> Request:
    """The run that the arguments ask for, of this project in place of the one in the folder."""
    from omni_release.core.runs import Request

    return Request(arguments.command, project or arguments.load_project(), **_options(arguments).by_name())


def _options(arguments: Arguments) -> Options:
    """The options that a run of a package and one of a workspace have in common."""
    from dataclasses import replace

    from omni_release.core.runs import Options

    options = Options(
        format=arguments.format,
        dry=arguments.dry_run,
        run=arguments.run_id,
        artifacts=arguments.artifacts,
        output=arguments.output,
        only=tuple(map(current, arguments.only)),
        to=arguments.to,
        yes=arguments.yes,
        verbosity=arguments.verbosity,
        fresh=arguments.fresh,
        cache=arguments.cache,
        approvals=tuple(arguments.approval),
        rebuilt=tuple(path.absolute() for path in arguments.rebuilt),
    )
    return replace(options, chosen=tuple(_chosen(arguments, options)))


def _chosen(arguments: Arguments, options: Options) -> Iterator[str]:
    """The options that decide what is run, as they are typed; without those that name the index and the run."""
    if arguments.project != Path():
        yield from ("--project", str(arguments.project))
    for name in arguments.package:
        yield from ("--package", name)
    for id in options.only:
        yield from ("--only", id)
    if options.artifacts:
        yield from ("--artifacts", str(options.artifacts))
    yield from options.reuse
    if options.dry:
        yield "--dry-run"


def require_file(path: Path) -> None:
    """Raise UsageError where no file of this path can be written: it is a folder, or its folder does not exist."""
    if path.is_dir():
        raise UsageError(f"{path} is a folder", "Name a file: --to FILE.")
    if not path.absolute().parent.is_dir():
        raise UsageError(f"there is no folder {path.absolute().parent}", "Correct the path, or create the folder.")


def start(request: Request) -> int:
    """Run what is requested; the exit code of its report."""
    from omni_release.run import run_lane

    return run_lane(request)


def current(name: str) -> str:
    """Today's name of a task or a rule that a person has typed; a line on stderr says so where it is a former one."""
    from omni_release.core import renamed

    today = renamed.current(name)
    if today != name:
        sys.stderr.write(shown(f"{renamed.notice(name, today)}\n"))
    return today


def files() -> Files:
    """The file system."""
    from omni_release.adapters.files import LocalFiles

    return LocalFiles()


@contextlib.contextmanager
def processes() -> Iterator[Processes]:
    """Starts programs, redacts the secrets of the environment from their output, and ends them at its own end."""
    from omni_release.adapters.processes import LocalProcesses
    from omni_release.adapters.secrets import Secrets

    secrets = Secrets.of(os.environ)
    started = LocalProcesses(secrets.resolve, known=lambda: secrets.given)
    try:
        yield started
    finally:
        started.close()


def run_store(root: Path, inside: str = "") -> RunStore:
    """The runs of the project at this root, or those of `inside`, see RunStore; written without secrets.

    Raises UsageError where their folder is not ours alone.
    """
    from omni_release import source_tree
    from omni_release.adapters.files import LocalFiles
    from omni_release.adapters.secrets import Secrets
    from omni_release.core.runs import RunStore

    store = RunStore(root, LocalFiles(), Secrets.of(os.environ).redact, source_tree.tracked_run_files, inside)
    store.require_own()
    return store


def shown(text: str) -> str:
    """The text as a terminal, or the log of a pipeline, can show it: without control characters and commands."""
    from omni_release.core import redaction

    return redaction.inert(text, os.environ)


def redact(text: str) -> str:
    """The text without the secrets of the environment."""
    from omni_release.adapters.secrets import Secrets

    return Secrets.of(os.environ).redact(text)
