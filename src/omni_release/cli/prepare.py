"""`prepare`: from a clean checkout to the commit of the next version: versions, changelog, message."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from omni_release.cli import lane, version, version_output
from omni_release.cli import parser as cli_parser
from omni_release.cli.parser import add_dry_run, add_project, subcommand
from omni_release.core import errors
from omni_release.core.errors import ActionFailed, Conflict, OmniReleaseError, UsageError

TYPE_CHECKING = False  # as the type checker knows it; importing typing slows the start down
if TYPE_CHECKING:
    from collections.abc import Sequence

    from omni_release.cli.parser import Commands
    from omni_release.core.model import Project
    from omni_release.core.world import ToolAnswer
    from omni_release.preparation import LoggedCommit, ProjectRepository
    from omni_release.versions.tags import TagOwner


class Arguments(cli_parser.Arguments):
    """The arguments of `prepare`; `recall` gives an `entry` to add to the changelog."""

    what: str = ""
    dry_run: bool = False
    yes: bool = False
    no_changelog: bool = False
    pr: bool = False
    entry: str = ""


def add_parser(commands: Commands, name: str) -> None:
    """Add `prepare`."""
    description = "Write the next version and its changelog heading, and commit them"
    parser = subcommand(commands, name, description, "prepare minor --dry-run", "prepare minor", "prepare 2.0.0 --pr")
    help = "the part to raise (major, minor, patch, …) or the version; without it, print what is suggested"
    parser.add_argument("what", nargs="?", metavar="PART|VERSION", help=help)
    add_project(parser)
    add_dry_run(parser)
    parser.add_argument("--yes", action="store_true", help="commit without asking")
    parser.add_argument("--no-changelog", action="store_true", help="leave the changelog as it is")
    parser.add_argument("--pr", action="store_true", help="push a branch and open a pull request, with the program gh")
    parser.set_defaults(run=run)


def run(arguments: Arguments) -> int:
    """Prepare in a clone, show one diff, and commit; a failure leaves every file as it was.

    Raises UsageError for a checkout that is not ready, Conflict for a version that cannot be the next one.
    """
    import tempfile

    from omni_release import preparation, programs
    from omni_release.report import next_step
    from omni_release.versions.tags import owner_of

    if arguments.what:
        _require_part_or_version(arguments.what)
    project = arguments.load_project()
    with lane.processes() as processes, tempfile.TemporaryDirectory(prefix="omni-release-") as folder:
        repository = preparation.ProjectRepository(project.root, processes, programs.git_env(os.environ))
        branch = repository.require_ready()
        owner = owner_of(str(project.root), project.name, project.settings.git.tag)
        newest = preparation.newest_tag(repository.line, "HEAD", owner)
        last_tag = newest.name if newest else ""
        commits = repository.commits_since(last_tag)
        if not arguments.what:
            by_api = _by_api(project, repository, owner, Path(folder))
            return _suggest(commits, last_tag, project, by_api)
        number = _next_version(project, arguments.what)
        clone = repository.clone(Path(folder) / "clone")
        notes = _write(clone, number, arguments, last_tag, commits)
        clone.git("add", "--all")
        difference = clone.git("diff", "--cached", "--no-color", "--no-ext-diff")
        if not difference:
            raise UsageError(
                f"no file changes for {project.name} {number}: it states this version, or takes it from a tag",
                "Rehearse it, or tag the commit.",
            )
        sys.stdout.write(lane.shown(difference))
        sys.stdout.writelines(lane.shown(f"{note}\n") for note in notes)
        settings = project.settings.prepare
        text = preparation.message(settings.message, project.name, number, [] if notes else commits)
        named = settings.branch or ("release-{version}" if arguments.pr else "")
        target = named.replace("{version}", number).replace("{name}", project.name)
        sys.stdout.write(lane.shown(f"\ncommit on {target or branch}:\n{_indented(text)}"))
        if arguments.dry_run or not _agreed(arguments):
            sys.stdout.write("Nothing was changed.\n")
            return errors.EXIT_PASSED
        hooks = project.root / repository.git("rev-parse", "--git-path", "hooks", hooks=True).rstrip("\n")
        sha = preparation.commit(clone, hooks, text)
        preparation.move(repository, clone, sha, target)
        sys.stdout.write(lane.shown(f"{sha[:7]} on {target or branch}\n"))
        if arguments.pr:
            _open_pull_request(repository, target)
    sys.stdout.write(next_step.line(next_step.REHEARSE))
    return errors.EXIT_PASSED


def _suggest(commits: Sequence[LoggedCommit], last_tag: str, project: Project, by_api: tuple[str, list[str]]) -> int:
    """Say which part the commits since the last tag and the changes of the API suggest, and which of them do."""
    from omni_release import versions
    from omni_release.preparation import suggestion
    from omni_release.report import next_step
    from omni_release.versions.pep440 import parse

    source = versions.find_places(str(project.root)).source
    version = parse(source.value) if source else None
    part, reasons = suggestion(commits, initial=version is not None and version.release[0] == 0)
    since = f"since {last_tag}" if last_tag else "of the last ones"
    api_part, said = by_api
    if not part and not api_part:
        raise UsageError(
            f"no conventional commit (`feat: …`, `fix: …`) among the {len(commits)} {since}; {said[0]}",
            "Name the part or the version: omni-release prepare minor.",
        )
    lines = list(said)
    if part:
        more = [f"  … {len(reasons) - _SHOWN} more"] if len(reasons) > _SHOWN else []
        lines = [
            f"{part}, because of {len(reasons)} of {len(commits)} commits {since}:",
            *_lines_of(reasons),
            *more,
            *said,
        ]
    highest = max(part, api_part, key=lambda name: ("", "patch", "minor", "major").index(name))
    sys.stdout.write(lane.shown("\n".join((*lines, next_step.line(f"omni-release prepare {highest}")))))
    return errors.EXIT_PASSED


def _by_api(project: Project, repository: ProjectRepository, owner: TagOwner, work: Path) -> tuple[str, list[str]]:
    """The part that the changes of the API ask for, empty where it is not known, and lines that say why.

    The last release is compared with the files of the checkout: nothing is built.
    """
    from omni_release import api, git_queries, versions
    from omni_release.adapters.index import MachineIndex
    from omni_release.api import released
    from omni_release.api.judgement import Judgement
    from omni_release.api.policy import Part
    from omni_release.core.world import ToolAnswer
    from omni_release.versions.pep440 import parse

    def ask(*words: str) -> ToolAnswer:
        argv = (*git_queries.WITHOUT_HOOKS, *words)
        answer = repository.processes.ask(*argv, cwd=repository.root, environment=repository.environment)
        return answer or ToolAnswer(1, "", "git is not installed")

    try:
        index = MachineIndex(os.environ)
        names = ask("for-each-ref", "--merged=HEAD", "--format=%(refname:strip=2)", "refs/tags").out.splitlines()
        source = versions.find_places(str(project.root)).source
        stated = parse(source.value) if source else None
        last = released.on_index(index, project.name, stated, inclusive=True) or released.tagged(names, owner)
        if last is None:
            return "", ["API not compared: there is no release yet"]
        if last.file is not None:
            old = index.fetch(last.file, released.cache_folder(os.environ))
        else:
            old = released.at_tag(last, project, ask, work / "tag")
        new = released.copy_packages(project, project.root, work / "checkout")
        difference = api.compare(old, new, work / "api", repository.processes, os.environ)
    except OmniReleaseError as error:
        return "", [f"API not compared: {error.message}"]
    if not difference.alike:
        return "", [f"API not compared: {project.name} {last.version} {last.origin} is another project"]
    judgement = Judgement(project, last.version, last.origin, str(last.version), difference)
    part = judgement.bump.needed(judgement.changes, judgement.added)
    head = f"API {judgement.comparison}"
    if part is Part.NEVER:
        head += "; what is removed is to be deprecated in a release before"
    shown = [f"  {change.name}: {change.message}" for change in judgement.changes[:_SHOWN]]
    rest = len(judgement.changes) - _SHOWN
    more = [f"  … {rest} more"] if rest > 0 else []
    return {Part.MAJOR: "major", Part.MINOR: "minor"}.get(part, ""), [head, *shown, *more]


_SHOWN = 5
"""The commits that are listed at most."""


def _lines_of(commits: Sequence[LoggedCommit]) -> list[str]:
    return [f"  {commit}" for commit in commits[:_SHOWN]]


def _next_version(project: Project, what: str) -> str:
    """The version that the part or the text stands for. Raises Conflict where it cannot be the next one."""
    from omni_release.versions import change

    wanted = version_output.Arguments()
    wanted.verb, wanted.value = ("bump" if what in change.PARTS else "set"), what
    _, found = version.find_places(project.root)
    return version.new_version(project.root, found, wanted, None, project.settings.git.tag)


def _write(
    clone: ProjectRepository,
    number: str,
    arguments: Arguments,
    last_tag: str,
    commits: Sequence[LoggedCommit],
) -> list[str]:
    """Write the version and the changelog into the clone; what was done to the changelog.

    Raises Conflict where a place keeps another version.
    """
    import datetime

    from omni_release import preparation, versions
    from omni_release.versions import change

    checkout, found = version.find_places(clone.root)
    for changed in change.plan(checkout, found.places, number):
        Path(checkout.top, changed.path).write_bytes(changed.new)
    notes = []
    if not arguments.no_changelog:
        today = datetime.datetime.now(datetime.UTC).date()
        note = preparation.bring_changelog(clone, number, today, last_tag, commits, entry=arguments.entry)
        notes = [note] if note else []
    drift = versions.drift(versions.find_places(str(clone.root)).places)
    if drift:
        places = ", ".join(f"{place.where} ({place.value})" for place in drift)
        raise Conflict(f"these places would keep another version than {number}: {places}", "Nothing was changed.")
    return notes


def _require_part_or_version(what: str) -> None:
    """Raises UsageError for what names neither a part nor a version."""
    from omni_release.versions import change
    from omni_release.versions.pep440 import parse

    if what not in change.PARTS and parse(what.strip().removeprefix("v").removeprefix("V")) is None:
        hint = errors.did_you_mean(what, change.PARTS, f"Parts: {', '.join(change.PARTS)}; a version: 1.2.3, 1.2.3rc1.")
        raise UsageError(f"{what!r} is not a version (PEP 440), nor a part of one", hint)


def _agreed(arguments: Arguments) -> bool:
    """Whether to commit: the person at the terminal says so, or `--yes`."""
    if arguments.yes:
        return True
    if not sys.stdin.isatty():
        hint = "Add --yes to commit, or --dry-run to see what would be done."
        raise UsageError("stdin is not a terminal, so the commit cannot be confirmed", hint)
    return cli_parser.agreed("Commit? [Y/n] ")


def _open_pull_request(repository: ProjectRepository, branch: str) -> None:
    """Push the branch and open a pull request. Raises ActionFailed where either fails: the commit stays."""
    remote = repository.line("config", "--get", "remote.pushDefault") or "origin"
    hint = f"The commit is on {branch}. Push it and open the pull request by hand."
    try:
        repository.git("push", "--quiet", "--set-upstream", remote, branch, hooks=True)
        environment = {**repository.environment, **{key: os.environ[key] for key in _GH if key in os.environ}}
        argv = ("gh", "pr", "create", "--fill", "--head", branch)
        answer = repository.processes.ask(*argv, cwd=repository.root, environment=environment, deadline=60)
    except ActionFailed as error:
        raise ActionFailed(error.message, hint) from None
    if answer is None or answer.code != 0:
        reason = "gh is not installed" if answer is None else (answer.err or answer.out).strip()
        raise ActionFailed(f"no pull request was opened: {reason}", hint)
    sys.stdout.write(lane.shown(answer.out))


_GH = ("GH_TOKEN", "GITHUB_TOKEN", "GH_HOST", "GH_CONFIG_DIR")


def _indented(text: str) -> str:
    return "".join(f"  {line}\n" for line in text.splitlines())
