"""`api diff`: what breaks between two versions, and which version announces it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from omni_release.cli import lane
from omni_release.cli import parser as cli_parser
from omni_release.cli.parser import add_format, add_project, subcommand, verbs
from omni_release.core.errors import EXIT_FAILED, EXIT_PASSED, Inconclusive, InvalidDistribution, UsageError

TYPE_CHECKING = False  # as the type checker knows it; importing typing slows the start down
if TYPE_CHECKING:
    from collections.abc import Sequence

    from omni_release.api.judgement import Judged, Judgement
    from omni_release.cli.parser import Commands
    from omni_release.core.model import Project
    from omni_release.core.world import DefaultIndex
    from omni_release.versions.pep440 import Version


class Arguments(cli_parser.Arguments):
    """The arguments of `api diff`: versions of the index, or wheel files."""

    old: str = ""
    new: str = ""


def add_parser(commands: Commands, name: str) -> None:
    """Add `api` and its verb."""
    parser = subcommand(commands, name, "Compare the API of two versions", "api diff", "api diff 1.2.0 1.3.0")
    added = verbs(parser, required=True)
    words = "Show what breaks between two versions, and which version announces it"
    diff = subcommand(added, "diff", words, "api diff", "api diff 1.2.0", "api diff old.whl new.whl --format md")
    old = "a version on the index, or a wheel (default: the last release before the newer one)"
    diff.add_argument("old", nargs="?", metavar="OLD", help=old)
    new = "a version on the index, or a wheel (default: the wheel of the last run)"
    diff.add_argument("new", nargs="?", metavar="NEW", help=new)
    add_project(diff)
    add_format(diff, "md", "json")
    diff.set_defaults(run=run)


def run(arguments: Arguments) -> int:
    """Compare; 1 if something breaks that the newer version does not announce.

    Raises UsageError where a version is not on the index, or nothing is built; Inconclusive where it does not answer.
    """
    import tempfile

    from omni_release import api
    from omni_release.adapters.index import MachineIndex
    from omni_release.api.judgement import Judgement
    from omni_release.core.text import listed

    project = _project(arguments)
    index = MachineIndex(os.environ)
    new = _wheel(arguments.new, project, index) if arguments.new else _built(project)
    version = _version(new)
    old = _wheel(arguments.old, project, index) if arguments.old else _before(project, version, index)
    with lane.processes() as processes, tempfile.TemporaryDirectory(prefix="omni-release-") as folder:
        difference = api.compare(old, new, Path(folder, "api"), processes, os.environ)
    if not difference.alike and difference.unread:
        raise Inconclusive(f"griffe cannot read {listed(difference.unread, 3)}", "Run omni-release on a newer Python.")
    judgement = Judgement(project, _parsed(_version(old)), f"({old.name})", version, difference)
    judged = judgement.judged()
    written = {"json": _json, "md": _markdown}.get(arguments.format, _text)(judgement, judged)
    sys.stdout.write(written if arguments.as_json else lane.shown(written))
    return EXIT_FAILED if any(one.needs for one in judged) else EXIT_PASSED


def _project(arguments: Arguments) -> Project:
    """The project of the folder; where two wheels are named, also none: with the defaults of all settings."""
    from omni_release.core.model import Project
    from omni_release.core.settings import Settings

    try:
        return arguments.load_project()
    except UsageError:
        for named in (arguments.old, arguments.new):
            if named.endswith(".whl") and not _is_file(named):
                raise UsageError(f"there is no file {named}", "Check the path of the wheel.") from None
        if not (_is_file(arguments.old) and _is_file(arguments.new)):
            raise
        return Project(arguments.root(), "", (), Settings(), {})


def _is_file(what: str) -> bool:
    return what.endswith(".whl") and Path(what).is_file()


def _wheel(what: str, project: Project, index: DefaultIndex) -> Path:
    """The wheel that is named: a file, or one of this version on the index."""
    from packaging.utils import canonicalize_name

    from omni_release.api import released
    from omni_release.versions.pep440 import parse

    if _is_file(what):
        return Path(what).absolute()
    if what.endswith(".whl") or (version := parse(what)) is None:
        raise UsageError(f"{what} is neither a wheel nor a version", "Name a .whl file, or a version as 1.2.3.")
    wheels = released.wheels_of(index.files(canonicalize_name(project.name)))
    found = next((files for known, files in wheels.items() if known.key == version.key), None)
    if found is None:
        hint = "Check the version, and the index that this machine installs from."
        raise UsageError(f"the index has no wheel of {project.name} {what}", hint)
    return index.fetch(released.preferred(found), released.cache_folder(os.environ))


def _built(project: Project) -> Path:
    """The wheel of the last run that built one."""
    from omni_release import distributions

    folders = (run.path / "dist" for run in lane.run_store(project.root).runs())
    built = next((folder for folder in folders if folder.is_dir() and distributions.wheels(folder)), None)
    if built is None:
        raise UsageError("no run has built a wheel", "Build first: omni-release build. Or name two versions.")
    return distributions.installable(built)


def _before(project: Project, version: str, index: DefaultIndex) -> Path:
    """The wheel of the last release before a version."""
    from omni_release.api import released

    last = released.on_index(index, project.name, _parsed(version))
    if last is None or last.file is None:
        raise UsageError(
            f"the index has no release of {project.name} before {version}", "Name OLD: a version or a wheel."
        )
    return index.fetch(last.file, released.cache_folder(os.environ))


def _version(wheel: Path) -> str:
    from omni_release import distributions

    try:
        return distributions.name_and_version(wheel.name)[1]
    except InvalidDistribution as error:
        raise UsageError(str(error), "Name the wheel as it was built: acme-1.2.3-py3-none-any.whl.") from None


def _parsed(version: str) -> Version:
    from omni_release.versions.pep440 import parse

    found = parse(version)
    assert found is not None  # the name of a wheel has been parsed
    return found


def _text(judgement: Judgement, judged: Sequence[Judged]) -> str:
    lines = []
    for one in judged:
        where = f"  {one.change.where}" if one.change.file else ""
        lines += [
            f"{one.change.name}: {one.change.message}{where}",
            f"  {one.change.effect} ({one.verdict(judgement.version)})",
        ]
    lines += [f"{name}: is new" for name in judgement.added]
    return "\n".join((*lines, judgement.summary(), ""))


def _markdown(judgement: Judgement, judged: Sequence[Judged]) -> str:
    from omni_release.report import markdown
    from omni_release.report.api_changes import ApiRow

    changes = (
        ApiRow(one.change.name, one.change.message, one.change.effect, one.verdict(judgement.version), one.change.where)
        for one in judged
    )
    return f"{markdown.api_table(changes)}\n{markdown.plain(judgement.summary())}\n"


def _json(judgement: Judgement, judged: Sequence[Judged]) -> str:
    import dataclasses

    from omni_release.core.documents import to_output

    return to_output(
        {
            "old": str(judgement.last),
            "new": judgement.version,
            "policy": judgement.bump.policy,
            "raised": judgement.bump.raised.value,
            "asks_for": judgement.needed,
            "announced": not any(one.needs for one in judged),
            "changes": [dataclasses.asdict(one.change) | {"needs": one.needs, "reason": one.reason} for one in judged],
            "added": list(judgement.added),
            "unread": list(judgement.difference.unread),
        }
    )
