"""`init`: set a project up to use omni-release, one proposal after the other, each shown as a diff."""

from __future__ import annotations

import functools
import sys

from omni_release.cli import lane, workflow
from omni_release.cli import parser as cli_parser
from omni_release.cli.parser import add_dry_run, add_project, agreed, subcommand
from omni_release.core import errors
from omni_release.core.errors import UsageError, did_you_mean

TYPE_CHECKING = False  # as the type checker knows it; importing typing slows the start down
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from omni_release.adoption import Proposal
    from omni_release.cli.parser import Commands

IDS = ("settings", "baseline", "noxfile", "hooks", "checklists", "workflow")
"""The proposals, in their order: the baseline comes before the files that git does not track yet."""


class Arguments(cli_parser.Arguments):
    """The arguments of `init`."""

    yes: bool = False
    only: str = ""
    dry_run: bool = False


def add_parser(commands: Commands, name: str) -> None:
    """Add `init`."""
    description = "Set a project up: settings, noxfile, hooks, workflows, baseline"
    parser = subcommand(commands, name, description, "init", "init --yes", "init --only noxfile,settings,baseline")
    add_project(parser)
    add_dry_run(parser)
    parser.add_argument("--yes", action="store_true", help="take all proposals without asking")
    parser.add_argument("--only", metavar="IDS", help=f"only these, with commas between them: {', '.join(IDS)}")
    parser.set_defaults(run=run)


def run(arguments: Arguments) -> int:
    """Propose, ask and write; what exists stays as it is.

    Raises UsageError for an unknown proposal, and where a file cannot be added to: the others are still proposed first.
    """
    chosen = _chosen(arguments.only)
    root = arguments.load_project().root
    asks = not arguments.yes and not arguments.dry_run and sys.stdin.isatty()
    writes = (asks or arguments.yes) and not arguments.dry_run
    refused: list[UsageError] = []
    found = written = 0
    will_be_strict = False
    for id in chosen:
        if not (proposal := _proposal(id, root, refused, will_be_strict=will_be_strict)):
            continue
        found += 1
        will_be_strict = will_be_strict or (id == "settings" and not writes)
        sys.stdout.writelines(lane.shown(line) for line in _diff(root, proposal))
        what = ", ".join(proposal.files) or proposal.title
        if writes and (not asks or agreed(f"Write {what}? [Y/n] ")):
            _baseline(arguments) if id == "baseline" else _write(root, proposal)
            written += 1
    for error in refused:
        sys.stdout.write(lane.shown(f"\n{error.full_message}\n"))
    sys.stdout.write(_summary(root, found, written, len(refused), writes=writes))
    return errors.EXIT_USAGE if refused else errors.EXIT_PASSED


def _chosen(only: str) -> Sequence[str]:
    names = [name.strip() for name in only.split(",") if name.strip()]
    for name in names:
        if name not in IDS:
            raise UsageError(f"`init` proposes no {name!r}", did_you_mean(name, IDS, f"It has: {', '.join(IDS)}."))
    return [id for id in IDS if id in names] or IDS


def _proposal(id: str, root: Path, refused: list[UsageError], *, will_be_strict: bool) -> Proposal | None:
    """The proposal, where it is not carried out yet. What a file does not allow is added to `refused`.

    In a dry run the project `will_be_strict` where its settings were proposed.
    """
    from omni_release import adoption

    make: dict[str, Callable[[Path], Proposal | None]] = {
        "settings": _settings,
        "baseline": functools.partial(_baseline_proposal, will_be_strict=will_be_strict),
        "noxfile": adoption.noxfile,
        "hooks": adoption.hooks,
        "checklists": _checklists,
        "workflow": _workflows,
    }
    try:
        return make[id](root)
    except UsageError as error:
        refused.append(error)
        return None


def _settings(root: Path) -> Proposal | None:
    """The settings; with a note where `strict` asks for a tool that is not installed."""
    import dataclasses

    from omni_release import adoption, programs
    from omni_release.core.errors import ToolUnavailable

    proposal = adoption.settings(root)
    if proposal and any(b"mypy" in (root / name).read_bytes() for name in _OF_MYPY if (root / name).is_file()):
        try:
            programs.find_program("mypy")
        except ToolUnavailable as error:
            note = f"The project uses mypy, which `strict` then needs here, too. {error.hint}"
            return dataclasses.replace(proposal, note=note)
    return proposal


_OF_MYPY = ("pyproject.toml", "mypy.ini", ".mypy.ini", "setup.cfg")


def _checklists(root: Path) -> Proposal | None:
    """The usual checklists, for a project with a live API or a front end: that is what their questions are about."""
    from omni_release import adoption

    has_front_end = any(root.glob("package.json")) or any(root.glob("*/package.json"))
    return adoption.checklists(root) if has_front_end or workflow.has_smoke_tests(root) else None


def _workflows(root: Path) -> Proposal | None:
    """The workflows for a project on GitHub: that of the release only where no workflow publishes yet."""
    from omni_release import adoption
    from omni_release.publishing import pipelines

    config = root / ".git" / "config"
    hosted = (root / ".github").is_dir() or (config.is_file() and "github" in config.read_text(errors="replace"))
    if not hosted:
        return None
    names = [name for name in workflow.NAMES if name != "release" or not pipelines.publishes(root)]
    texts = {path: text for name in names for path, text in workflow.texts(root, name).items()}
    return adoption.new_files("workflow", "GitHub workflows", root, texts)


def _baseline_proposal(root: Path, *, will_be_strict: bool) -> Proposal | None:
    """A baseline, where the project is strict and has none; a rehearsal tells its content."""
    from omni_release import adoption, project
    from omni_release.core import baseline

    if not (will_be_strict or project.load(root).settings.strict) or (root / baseline.FILE).exists():
        return None
    return adoption.Proposal("baseline", f"{baseline.FILE}, with the findings of a rehearsal", {})


def _baseline(arguments: Arguments) -> None:
    from omni_release.cli import baseline

    accepting = baseline.Arguments()
    accepting.project = arguments.project
    baseline.run(accepting)


def _diff(root: Path, proposal: Proposal) -> Iterator[str]:
    """The title of a proposal, its note, and its files as a unified diff."""
    import difflib

    yield f"\n{proposal.title}\n"
    for path, content in proposal.files.items():
        existing = root / path
        before = existing.read_text(encoding="utf-8").splitlines() if existing.exists() else []
        after = content.decode("utf-8").splitlines()
        names = (f"a/{path}" if before else "/dev/null", f"b/{path}")
        yield from (f"{line}\n" for line in difflib.unified_diff(before, after, *names, lineterm=""))
    if proposal.note:
        yield f"{proposal.note}\n"


def _write(root: Path, proposal: Proposal) -> None:
    from omni_release.core.actions import Write

    for path, content in proposal.files.items():
        lane.files().write(Write(root / path, content))
    sys.stdout.writelines(f"{path}: written\n" for path in proposal.files)


def _summary(root: Path, found: int, written: int, refused: int, *, writes: bool) -> str:
    """What to do next."""
    noxfile = root / "noxfile.py"
    has_session = noxfile.is_file() and b"omni_release" in noxfile.read_bytes()
    rehearsal = "nox -s release" if has_session else "omni-release rehearse"
    if not found and not refused:
        return f"Everything is set up. Next: {rehearsal}\n"
    if not writes and found:
        return "\nNothing was written. To write all of it, run: omni-release init --yes\n"
    return f"\nNext: review and commit these files, then {rehearsal}\n" if written else "\nNothing was written.\n"
