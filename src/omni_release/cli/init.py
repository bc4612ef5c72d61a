"""`init`: set a project up to use omni-release, one proposal after the other, each shown as a diff."""

from __future__ import annotations

import dataclasses
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
    """Propose, ask and write; what exists stays as it is, and nothing is written where one file cannot be added to.

    Raises UsageError for an unknown proposal.
    """
    from omni_release.core.own_commands import typed

    chosen = _chosen(arguments.only)
    root = arguments.load_project().root
    asks = not arguments.yes and not arguments.dry_run and sys.stdin.isatty()
    writes = (asks or arguments.yes) and not arguments.dry_run
    request = InitRequest(root, asked_for="baseline" in arguments.only)
    refused = {id: error for id in chosen if (error := _refusal(id, request))}
    if refused:
        for error in refused.values():
            sys.stdout.write(lane.shown(typed(f"{error.full_message}\n")))
        others = ",".join(id for id in chosen if id not in refused)
        left_out = f", or leave it out: omni-release init --only {others}" if others else "."
        sys.stdout.write(typed(f"\nNothing was written. Correct it{left_out}\n"))
        return errors.EXIT_USAGE
    found = written = 0
    for id in chosen:
        if not (proposal := _proposal(id, request)):
            continue
        found += 1
        request = request if id != "settings" else dataclasses.replace(request, makes_strict=True)
        sys.stdout.writelines(lane.shown(line) for line in _diff(root, proposal))
        what = ", ".join(proposal.files) or proposal.title
        if writes and (not asks or agreed(f"Write {what}? [Y/n] ")):
            _baseline(arguments) if id == "baseline" else _write(root, proposal)
            written += 1
        elif writes and id == "settings":
            request = dataclasses.replace(request, makes_strict=False)
    sys.stdout.write(typed(_summary(root, found, written, writes=writes)))
    return errors.EXIT_PASSED


@dataclasses.dataclass(frozen=True)
class InitRequest:
    """What a proposal depends on: the project's folder; whether this `init` makes it strict, or asks for a baseline."""

    root: Path
    makes_strict: bool = False
    asked_for: bool = False


def _chosen(only: str) -> Sequence[str]:
    names = [name.strip() for name in only.split(",") if name.strip()]
    for name in names:
        if name not in IDS:
            raise UsageError(f"`init` proposes no {name!r}", did_you_mean(name, IDS, f"It has: {', '.join(IDS)}."))
    return [id for id in IDS if id in names] or IDS


def _proposal(id: str, request: InitRequest) -> Proposal | None:
    """The proposal, where it is not carried out yet. Raises UsageError where a file cannot be added to."""
    from omni_release import adoption

    if id == "baseline":
        return _baseline_proposal(request)
    make: dict[str, Callable[[Path], Proposal | None]] = {
        "settings": _settings,
        "noxfile": adoption.noxfile,
        "hooks": adoption.hooks,
        "checklists": _checklists,
        "workflow": _workflows,
    }
    return make[id](request.root)


def _refusal(id: str, request: InitRequest) -> UsageError | None:
    """Why a proposal cannot be carried out, judging by what is there now."""
    from omni_release import adoption

    try:
        if proposal := _proposal(id, request):
            adoption.require_writable(request.root, proposal)
    except UsageError as error:
        return error
    return None


def _settings(root: Path) -> Proposal | None:
    """The settings. A check whose tool is not installed stays advice: it would be inconclusive, here and in CI."""
    from omni_release import adoption, programs
    from omni_release.core.errors import ToolUnavailable

    if any(b"mypy" in (root / name).read_bytes() for name in _OF_MYPY if (root / name).is_file()):
        try:
            programs.find_program("mypy")
        except ToolUnavailable as error:
            proposal = adoption.settings(root, advice="deprecated-apis")
            note = f"Without mypy `deprecated-apis` is skipped, so it stays advice. {error.hint}"
            return dataclasses.replace(proposal, note=note) if proposal else None
    return adoption.settings(root)


_OF_MYPY = ("pyproject.toml", "mypy.ini", ".mypy.ini", "setup.cfg")


def _checklists(root: Path) -> Proposal | None:
    """The usual checklists, for a project with a live API or a front end: that is what their questions are about."""
    from omni_release import adoption

    has_front_end = any(root.glob("package.json")) or any(root.glob("*/package.json"))
    return adoption.checklists(root) if has_front_end or workflow.has_smoke_tests(root) else None


def _workflows(root: Path) -> Proposal | None:
    """The workflows for a project on GitHub: that of the release only where no workflow publishes yet.

    Without the one that watches what is published: there may be nothing yet.
    """
    from omni_release import adoption
    from omni_release.publishing import pipelines

    config = root / ".git" / "config"
    hosted = (root / ".github").is_dir() or (config.is_file() and "github" in config.read_text(errors="replace"))
    if not hosted:
        return None
    left_out = {"watch", *(["release"] if pipelines.publishes(root) else [])}
    names = [name for name in workflow.names(root) if name not in left_out]
    texts = {path: text for name in names for path, text in workflow.texts(root, name).items()}
    return adoption.new_files("workflow", "GitHub workflows", root, texts)


def _baseline_proposal(request: InitRequest) -> Proposal | None:
    """A baseline, where the project has none, and becomes strict or asks for one; a rehearsal tells its content.

    A project that is strict already, and has none, needed none.
    """
    from omni_release import adoption
    from omni_release.core import baseline

    if not (request.makes_strict or request.asked_for) or (request.root / baseline.FILE).exists():
        return None
    return adoption.Proposal(
        "baseline", f"{baseline.FILE}: a rehearsal lists what it finds today, and accepts that from now on", {}
    )


def _baseline(arguments: Arguments) -> None:
    from omni_release.cli import baseline

    accepting = baseline.Arguments()
    accepting.project, accepting.alone = arguments.project, False
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


def _summary(root: Path, found: int, written: int, *, writes: bool) -> str:
    """What to do next."""
    from omni_release.report import next_step

    noxfile = root / "noxfile.py"
    has_session = noxfile.is_file() and b"omni_release" in noxfile.read_bytes()
    rehearsal = "nox -s release" if has_session else next_step.REHEARSE
    if not found:
        return f"Everything is set up. {next_step.line(rehearsal)}"
    if not writes:
        return "\nNothing was written. To write all of it, run: omni-release init --yes\n"
    if not written:
        return "\nNothing was written.\n"
    return f"\n{next_step.line(f'review and commit these files, then {rehearsal}')}"
