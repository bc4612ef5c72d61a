"""`approve` and `approvals`: sign the files of a run that has passed, and show who has signed them."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from omni_release.cli import lane
from omni_release.cli import parser as cli_parser
from omni_release.cli.parser import add_format, add_project, subcommand
from omni_release.core.errors import (
    EXIT_FAILED,
    EXIT_INCONCLUSIVE,
    EXIT_PASSED,
    EXIT_WAITING,
    ActionFailed,
    Inconclusive,
    UsageError,
)

TYPE_CHECKING = False  # as the type checker knows it; importing typing slows the start down
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from omni_release.cli.parser import Commands
    from omni_release.core.journal import RunFolder
    from omni_release.core.model import Project
    from omni_release.core.world import Processes
    from omni_release.publishing.approval_statement import Statement
    from omni_release.publishing.approvals import Context, Tally
    from omni_release.publishing.approvers import ApprovalRule


class Arguments(cli_parser.Arguments):
    """The arguments of `approve` and `approvals`."""

    run_id: str | None = None
    key: str = ""
    to: Path | None = None
    notes: bool = False
    yes: bool = False
    approval: Sequence[Path] = ()


def add_parser(commands: Commands, name: str) -> None:
    """Add `approve` or `approvals`."""
    if name == "approvals":
        parser = subcommand(commands, name, "Show who has approved a run, and who is missing", "approvals")
        help = "a file with approvals, as `approve --to FILE` writes it"
        parser.add_argument("--approval", action="append", type=Path, metavar="FILE", help=help)
        add_format(parser)
    else:
        words = "Approve the files of a run that has passed, with an SSH key"
        parser = subcommand(commands, name, words, "approve --key ~/.ssh/id_ed25519", "approve --to ../ada.approval")
        help = "your key (default: git's user.signingKey where gpg.format is ssh)"
        parser.add_argument("--key", metavar="FILE", help=help)
        place = parser.add_mutually_exclusive_group()
        place.add_argument("--to", type=Path, metavar="FILE", help="write the approval there, not into the run")
        place.add_argument("--notes", action="store_true", help="write it into git's notes of the commit, to be pushed")
        parser.add_argument("--yes", action="store_true", help="approve without asking you to type the version")
    help = "the run, by its name or its folder (default: the newest)"
    parser.add_argument("--run", dest="run_id", metavar="RUN", help=help)
    add_project(parser)
    parser.set_defaults(run=run_approvals if name == "approvals" else run)


def run(arguments: Arguments) -> int:
    """Sign what the run has built. Raises UsageError for a run that has not passed, or whose files have changed."""
    from omni_release.core.own_commands import typed
    from omni_release.publishing import approvals

    if not arguments.yes and not sys.stdin.isatty():
        hint = "Pass --yes to approve without a confirmation."
        raise UsageError("an approval must be confirmed, and stdin is not a terminal", hint)
    project = arguments.load_project()
    folder = _run_of(arguments, project)
    statement = approvable(project, folder)
    with lane.processes() as processes:
        handed = (arguments.to.absolute(),) if arguments.to else ()
        context = _context(project, folder, statement, processes, handed)
        key = os.path.expanduser(arguments.key) or _key_of_git(context)
        if arguments.to:
            lane.require_file(arguments.to)
            _require_outside(arguments.to, context)
            approvals.require_appendable(arguments.to)
        _write(*_shown(statement, folder))
        if not arguments.yes:
            sys.stdout.write("Type the version to approve it: ")
            sys.stdout.flush()
            typed_word = sys.stdin.readline().strip()
            if typed_word != statement.version:
                raise ActionFailed(f"{typed_word!r} was typed instead of {statement.version!r}: nothing was approved")
        text = approvals.sign(statement, key, context)
        _write(typed(_put(arguments, text, folder, context)))
        _write(*_what_counts(project, statement, context))
    return EXIT_PASSED


def _require_outside(path: Path, context: Context) -> None:
    """Raise UsageError for a file that would be a change of the checkout, which is to be released as it is."""
    if context.repository.ask("check-ignore", "--quiet", str(path.absolute())).code == 1:  # 128: outside
        hint = f"Write it to another folder: --to ../{path.name}"
        raise UsageError(f"{path} is in the checkout, which would no longer be what was rehearsed", hint)


def _what_counts(project: Project, statement: Statement, context: Context) -> Iterator[str]:
    """Who has approved by now, and what does not count."""
    from omni_release.publishing import approvals
    from omni_release.publishing.approval_checks import said

    try:
        rule = _rule(project, statement, context)
        if rule is None:
            yield "No approvals are asked for: set `approvals` in [tool.omni-release.publish]."
            return
        tally = approvals.tally(statement, rule, context)
    except Inconclusive as error:
        yield from (error.message, error.hint)
        return
    yield said(tally)
    yield from (f"not counted: {reason}" for reason in tally.refused)


def _put(arguments: Arguments, text: str, folder: RunFolder, context: Context) -> str:
    """Write the approval where it is asked for; where it is, and what to do with it."""
    from omni_release.core.model import display_path
    from omni_release.publishing import approvals

    if arguments.to is not None:
        approvals.append_file(text, arguments.to.absolute(), lane.files())
        return f"Approved in {arguments.to}. Hand it over: omni-release release --approval {arguments.to} …"
    if arguments.notes:
        approvals.append_note(text, context.repository)
        remote = context.repository.remote or "REMOTE"
        return f"Approved in {approvals.NOTES}. Push it: git push {remote} {approvals.NOTES}"
    path = approvals.keep(text, folder.path, folder.files)
    return f"Approved in {display_path(Path.cwd(), path)}"


def run_approvals(arguments: Arguments) -> int:
    """Show who has approved the run; the exit code says whether it is enough."""
    from omni_release.core.own_commands import typed
    from omni_release.core.text import counted
    from omni_release.publishing import approvals

    if missing := next((path for path in arguments.approval if not path.is_file()), None):
        raise UsageError(f"there is no file {missing}", "Name the file that `omni-release approve --to FILE` wrote.")
    project = arguments.load_project()
    folder = _run_of(arguments, project)
    statement = _statement_of(project, folder)
    with lane.processes() as processes:
        context = _context(project, folder, statement, processes, tuple(arguments.approval))
        rule = _rule(project, statement, context)
        if rule is None:
            raise UsageError("no approvals are asked for", "Set `approvals` in [tool.omni-release.publish].")
        tally = approvals.tally(statement, rule, context)
    enough = len(rule.approvers.people) >= rule.needed
    code = EXIT_PASSED if not tally.missing else EXIT_INCONCLUSIVE if tally.unknown else EXIT_WAITING
    code = code if enough else EXIT_FAILED
    if arguments.as_json:
        sys.stdout.write(_json(statement, tally, folder))
        return code
    _write(f"{statement.project} {statement.version}, run {folder.path.name}")
    people = ", ".join(rule.approvers.people) or "no one"
    _write(f"needs {counted(rule.needed, 'approval')} by people in {rule.origin}: {people}")
    _write(*(f"  approved: {person}, with {how}" for person, how in tally.approved.items()))
    _write(*(f"  not counted: {reason}" for reason in tally.refused))
    _write(*(f"  not known: {line}" for line in tally.unknown.splitlines()[:1]))
    if tally.missing:
        _write(f"  missing: {tally.missing}, from {', '.join(tally.others) or 'no one in the list'}")
        _write(typed(f"Each of them runs: omni-release approve --run {folder.path.name}"))
    return code


def _json(statement: Statement, tally: Tally, folder: RunFolder) -> str:
    from omni_release.core.documents import to_output

    content = {
        "project": statement.project,
        "version": statement.version,
        "commit": statement.commit,
        "run": folder.path.name,
        "needed": tally.rule.needed,
        "list": {"path": tally.rule.path, "tag": tally.rule.tag, "people": list(tally.rule.approvers.people)},
        "approved": [{"name": name, "with": how} for name, how in tally.approved.items()],
        "refused": list(tally.refused),
        "missing": tally.missing,
        "unknown": tally.unknown or None,
    }
    return to_output({"approvals": content})


def approvable(project: Project, folder: RunFolder) -> Statement:
    """The statement about a run. Raises UsageError where it has not passed, or its files have changed."""
    from omni_release.core import documents

    statement = _statement_of(project, folder)
    name = folder.path.name
    verdict = folder.rehearsal_verdict()
    if verdict != "passed":
        state = f"is {verdict}" if verdict else "has not ended"
        raise UsageError(f"the rehearsal of run {name} {state}: nothing is approved", "Approve a run that has passed.")
    for artifact in folder.artifacts():
        path = folder.path / "dist" / artifact.name
        if not path.is_file() or documents.sha256(path) != artifact.sha256:
            raise UsageError(f"{path} has changed since it was built: nothing is approved", "Rehearse again.")
    return statement


def _statement_of(project: Project, folder: RunFolder) -> Statement:
    """The statement about a run of the project. Raises UsageError for a run of another one."""
    from packaging.utils import canonicalize_name

    from omni_release.publishing import approval_statement

    statement = approval_statement.of_run(folder.artifacts(), folder.commit_built())
    if statement.project != canonicalize_name(project.name):
        message = f"run {folder.path.name} is of {statement.project}, not of {project.name}"
        raise UsageError(message, "Name its project with --project.")
    return statement


def _shown(statement: Statement, folder: RunFolder) -> Iterator[str]:
    """What is approved, for people."""
    from omni_release.core.model import display_path

    yield f"You approve {statement.project} {statement.version}, of commit {statement.commit}:"
    yield from (f"  {name}  sha256 {sha256}" for sha256, name in statement.files)
    yield f"Its rehearsal has passed: {display_path(Path.cwd(), folder.path / 'report.html')}"


def _run_of(arguments: Arguments, project: Project) -> RunFolder:
    from omni_release.checklists.sign_offs import select_run

    folder = select_run(lane.run_store(project.root), arguments.run_id)
    if not folder.path.is_dir():
        raise UsageError("there is no run", "Run `omni-release rehearse`, or name the folder of one with --run.")
    return folder


def _context(
    project: Project, folder: RunFolder, statement: Statement, processes: Processes, handed: tuple[Path, ...] = ()
) -> Context:
    from omni_release import git, git_queries
    from omni_release.publishing.approvals import Context

    if git_queries.working_tree(project.root, processes) is None:
        raise UsageError(f"{project.root} is in no git repository", "Run this in a clone of the project.")
    repository = git.repository_at(project, statement.commit, processes, os.environ)
    return Context(repository, processes, os.environ, folder.path, handed)


def _rule(project: Project, statement: Statement, context: Context) -> ApprovalRule | None:
    from omni_release import git_queries
    from omni_release.publishing import approvers

    tree = git_queries.working_tree(project.root, context.processes)
    assert tree is not None
    return approvers.rule(project, tree.inside(project.root), statement.version, context.repository)


def _key_of_git(context: Context) -> str:
    """The key that git signs with. Raises UsageError where that is none of SSH."""
    line = context.repository.line
    key = line("config", "--type=path", "--get", "user.signingKey") if line("config", "gpg.format") == "ssh" else ""
    if not key or key.startswith(("ssh-", "key::", "ecdsa-", "sk-")):
        raise UsageError("the key is unknown", "Name the file of your key: --key ~/.ssh/id_ed25519.")
    return key


def _write(*lines: str) -> None:
    sys.stdout.writelines(lane.shown(f"{line}\n") for line in lines)
