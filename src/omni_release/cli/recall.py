"""`recall`: withdraw a wrong release: what there is, how to yank it, GitHub marked, the next version prepared."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from omni_release.cli import lane
from omni_release.cli import parser as cli_parser
from omni_release.cli.parser import add_dry_run, add_project, subcommand
from omni_release.core.errors import (
    EXIT_INCONCLUSIVE,
    EXIT_PASSED,
    EXIT_WAITING,
    ActionFailed,
    Inconclusive,
    UsageError,
)

TYPE_CHECKING = False  # as the type checker knows it; importing typing slows the start down
if TYPE_CHECKING:
    from omni_release.cli.parser import Commands
    from omni_release.core.model import Project
    from omni_release.core.world import Processes
    from omni_release.publishing.recall import GitHubMark, OnIndex
    from omni_release.versions.pep440 import Version


class Arguments(cli_parser.Arguments):
    """The arguments of `recall`."""

    version: str = ""
    reason: str = ""
    to: str = "pypi"
    dry_run: bool = False
    yes: bool = False


def add_parser(commands: Commands, name: str) -> None:
    """Add `recall`."""
    words = "Withdraw a wrong release; nothing is deleted"
    example = 'recall 1.2.3 --reason "sign() loses data" --dry-run'
    parser = subcommand(commands, name, words, example, 'recall 1.2.3 --reason "sign() loses data"')
    parser.add_argument("version", metavar="VERSION", help="the version that is wrong")
    help = "what is wrong with it, for users: on the index, on GitHub, in the changelog"
    parser.add_argument("--reason", metavar="TEXT", required=True, help=help)
    parser.add_argument("--to", metavar="INDEX", help="the index that has it (default: pypi)")
    parser.add_argument("--yes", action="store_true", help="mark the release and commit without asking")
    add_project(parser)
    add_dry_run(parser)
    parser.set_defaults(run=run)


def run(arguments: Arguments) -> int:
    """Say what there is and how to yank it, mark it on GitHub, prepare the next version; what is done is left alone.

    The exit code is 4 while a person has to yank it, to mark it, or to prepare the next version; 3 where the index or
    GitHub does not answer.
    """
    import tempfile

    from omni_release.publishing.recall import one_line
    from omni_release.versions.pep440 import parse

    version = parse(arguments.version)
    reason = one_line(arguments.reason)
    if version is None:
        raise UsageError(f"{arguments.version!r} is not a version (PEP 440)", "Write it as 1.2.3.")
    if not reason:
        raise UsageError("the reason is empty", 'Say what is wrong: --reason "…".')
    if not arguments.dry_run and not arguments.yes and not sys.stdin.isatty():
        hint = "Add --yes to do it, or --dry-run to see what would be done."
        raise UsageError("stdin is not a terminal, so nothing can be confirmed", hint)
    project = arguments.load_project()
    with lane.processes() as processes, tempfile.TemporaryDirectory(prefix="omni-release-") as folder:
        marked = _github_mark(project, version, reason, processes, Path(folder))
        codes = [_index(arguments, project, str(version), reason), _mark(arguments, marked)]
    _say("Tag", "it stays: it says what was released")
    codes.append(_prepare(arguments, project, version, reason))
    return max(codes, key=(EXIT_PASSED, EXIT_WAITING, EXIT_INCONCLUSIVE).index)


def _say(title: str, *lines: str) -> None:
    sys.stdout.writelines(lane.shown(f"{title if number == 0 else '':<9}{line}\n") for number, line in enumerate(lines))


def _index(arguments: Arguments, project: Project, version: str, reason: str) -> int:
    """Say what the index has, and how to yank it."""
    try:
        found = _on_index(arguments.to, project, version)
    except Inconclusive as error:
        _say("Index", error.message, error.hint)
        return EXIT_INCONCLUSIVE
    _say("Index", *found.lines())
    if not found.files:
        return EXIT_PASSED
    if found.is_yanked:
        _say("Yank", "done: installers skip it")
        return EXIT_PASSED
    steps = found.steps(reason)
    _say("Yank", *(f"{number}. {line}" for number, line in enumerate(steps, 1)))
    _say("", "Then run the same command again: it says whether installers skip it.")
    return EXIT_PASSED if arguments.dry_run else EXIT_WAITING


def _on_index(to: str, project: Project, version: str) -> OnIndex:
    from packaging.utils import canonicalize_name

    from omni_release.adapters.credentials import CredentialResolver
    from omni_release.adapters.index import PackageIndex
    from omni_release.index import targets
    from omni_release.publishing.recall import OnIndex

    name = str(canonicalize_name(project.name))
    destination = targets.destination(to, project.settings.index, os.environ)
    resolver = CredentialResolver(destination.target, destination.credentials, os.environ)
    target = targets.discover(destination.target, name, resolver.login)
    dependents = (each.name for each in project.settings.downstream)
    return OnIndex.of(target, name, version, PackageIndex(target, resolver).files(name), dependents)


def _mark(arguments: Arguments, mark: GitHubMark | str) -> int:
    """Mark the release on GitHub, where there is one; else say why not."""
    if isinstance(mark, str):
        _say("GitHub", mark)
        return EXIT_PASSED
    try:
        if proof := mark.check_done():
            _say("GitHub", proof)
            return EXIT_PASSED
        actions = mark.actions()
        _say("GitHub", *(str(action) for action in actions))
        if arguments.dry_run or not (arguments.yes or cli_parser.agreed("Mark it? [Y/n] ")):
            return EXIT_PASSED
        for action in actions:
            mark.perform(action)
        if not (proof := mark.check_done()):
            raise Inconclusive("gh ended without an error, but the release is not marked", "Mark it by hand.")
    except (Inconclusive, ActionFailed) as error:
        _say("GitHub", error.message, error.hint)
        return EXIT_INCONCLUSIVE if isinstance(error, Inconclusive) else EXIT_WAITING
    _say("", proof)
    return EXIT_PASSED


def _github_mark(
    project: Project, version: Version, reason: str, processes: Processes, folder: Path
) -> GitHubMark | str:
    """The mark for the release on GitHub; why there is none to make."""
    from omni_release import git_queries
    from omni_release.git import github
    from omni_release.publishing.recall import GitHubMark
    from omni_release.versions import tags

    root = str(project.root)
    names = (git_queries.output(root, "for-each-ref", "--format=%(refname:strip=2)", "refs/tags") or "").splitlines()
    own = tags.own_tags(names, tags.owner_of(root, project.name, project.settings.git.tag))
    tag = next((tag for tag in own if tag.version.key == version.key), None)
    if tag is None:
        return f"no tag of {version} here: fetch the tags, or mark a release of it by hand"
    repository = github.repository_of(project)
    if not repository:
        return "the remote is not on a host that gh supports: nothing is marked"
    gh = github.program(os.environ)
    if gh is None:
        return "gh is not installed: write into the title and the notes of a release by hand that it is withdrawn"
    variables = github.variables(os.environ, project.settings)
    return GitHubMark(gh, repository, tag, reason, project.root, folder, variables, processes)


def _prepare(arguments: Arguments, project: Project, version: Version, reason: str) -> int:
    """Prepare the version after the one that is withdrawn, with an entry in the changelog; where not, say why."""
    from omni_release import versions
    from omni_release.cli import prepare
    from omni_release.versions.pep440 import parse

    source = versions.find_places(str(project.root)).source
    stated = parse(source.value) if source else None
    if stated is not None and stated.key != version.key:
        what = "is prepared" if stated.key > version.key else "is older: switch to the branch of the release"
        _say("Next", f"the checkout states {stated}, which {what}")
        return EXIT_PASSED
    _say("Next", f"the version after {version}:")
    preparing = prepare.Arguments()
    preparing.command, preparing.project, preparing.what = "prepare", arguments.project, "patch"
    preparing.dry_run, preparing.yes = arguments.dry_run, arguments.yes
    preparing.entry = f"{version} is withdrawn: {reason}"
    try:
        prepare.run(preparing)
    except UsageError as error:
        _say("", "is not prepared:", *error.full_message.splitlines())
        return EXIT_WAITING
    return EXIT_PASSED
