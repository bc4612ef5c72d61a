"""`version`: check, show and change the places that state the version."""

from __future__ import annotations

import functools
import os
import sys
from pathlib import Path

from omni_release import git_queries, versions
from omni_release.cli import lane, version_output
from omni_release.cli.parser import add_dry_run, add_format, add_project, subcommand, verbs
from omni_release.cli.version_output import Arguments
from omni_release.core import errors
from omni_release.core.errors import Conflict, UsageError
from omni_release.versions import tags
from omni_release.versions.checkout import Checkout
from omni_release.versions.pep440 import equals, normalize, parse
from omni_release.versions.place import SOURCE, TAG

TYPE_CHECKING = False  # as the type checker knows it; importing typing slows the start down
if TYPE_CHECKING:
    import argparse

    from omni_release.cli.parser import Commands
    from omni_release.cli.version_workspace import Packages
    from omni_release.core.model import Project
    from omni_release.core.world import FileTransactions
    from omni_release.versions import ProjectVersions
    from omni_release.versions.change import Index

_FILE = "pyproject.toml"
_BASELINE = "omni-release-baseline.json"  # `core.baseline.FILE`, without what that module imports

_COMPUTED = "If the build takes it from a tag, tag the commit; otherwise add it to [project] in pyproject.toml."


def add_parser(commands: Commands, name: str) -> None:
    """Add `version` and its verbs; `check` is the default."""
    described = "Check, show or change the version in all places that state it"
    parser = subcommand(commands, name, described, "version", "version check --staged", "version bump minor --dry-run")
    _add_check(parser)
    added = verbs(parser)
    check = "Check that all places that state the version agree (default)"
    _add_check(subcommand(added, "check", check, "version check", "version check --staged --format json"))

    show = subcommand(added, "show", "Show all places that state the version", "version show --format json")
    show.set_defaults(run=run_show)
    sync = subcommand(added, "sync", "Write the source's version into all other places", "version sync --dry-run")
    set_ = subcommand(added, "set", "Set the version in all places", "version set 2.0.0 --index https://…/simple")
    set_.add_argument("value", metavar="VERSION", help="the new version (PEP 440)")
    from omni_release.versions.change import PARTS

    bump = subcommand(added, "bump", "Raise the version in all places", "version bump patch", "version bump minor")
    bump.add_argument("value", choices=PARTS, metavar="PART", help=f"the part to raise: {', '.join(PARTS)}")
    for changing in (sync, set_, bump):
        add_dry_run(changing)
        changing.add_argument("--docs", action="store_true", help="also change the version in prose")
        changing.set_defaults(run=run_change, verb=changing.prog.rpartition(" ")[2])
    for writing in (set_, bump):
        help = "simple API of an index, to check that the version is free"
        writing.add_argument("--index", metavar="URL", help=help)
    for verb in (show, sync, set_, bump):
        add_project(verb)
        add_format(verb)
        _add_packages(verb)


def _add_check(parser: argparse.ArgumentParser) -> None:
    add_project(parser)
    add_format(parser)
    parser.add_argument("--staged", action="store_true", help="check the files as staged for the next commit")
    _add_packages(parser)
    parser.set_defaults(run=run)


def _add_packages(parser: argparse.ArgumentParser) -> None:
    help = "only this package, and those that share its version; can be repeated"
    parser.add_argument("--package", action="append", metavar="NAME", help=help)


def find_places(root: Path, *, staged: bool = False) -> tuple[Checkout, ProjectVersions]:
    """The checkout and the places of the project. Raises UsageError where there is no project, naming those below."""
    checkout = versions.open_checkout(str(root), staged=staged)
    found = versions.find_places(str(root), checkout)
    marked = checkout.inside in versions.project_folders(checkout)
    if not marked or (not found.name and not any(place.role == SOURCE for place in found.places)):
        if found.siblings:
            siblings = ", ".join(checkout.relative_path(folder.rstrip("/")) for folder in found.siblings)
            raise UsageError(f"there is no project in {root}", f"Name one with --project DIR: {siblings}.")
        if reason := dict(checkout.unreadable).get(f"{checkout.inside}{_FILE}"):
            raise UsageError(f"{root / _FILE} cannot be read: {reason}")
        raise UsageError(f"there is no {_FILE} in {root}", "Name a project's folder with --project DIR.")
    return checkout, found


def packages_at(arguments: Arguments) -> Packages | None:
    """The packages that a command is about: of the workspace whose root it runs in, or those that it names.

    None for one project. A change in the folder of a package is about all that share a version with it.
    """
    root = arguments.root()
    checkout = versions.open_checkout(str(root), staged=arguments.staged)
    if not (arguments.package or checkout.inside) and versions.candidate_folders(checkout) <= {""}:
        return None
    from omni_release.cli.version_workspace import Packages
    from omni_release.cli.workspace import workspace_at
    from omni_release.workspaces import discovery

    if arguments.package:
        workspace = workspace_at(root)
        return Packages(
            workspace, versions.open_checkout(str(workspace.root), staged=arguments.staged), arguments.package
        )
    if found := discovery.discover_in(checkout):
        return Packages(found, checkout, ())
    above = discovery.around(root) if checkout.inside and arguments.verb else None
    if above is None:
        return None
    own = next(
        package for package in above.packages.values() if above.folder_of(package.key).resolve() == root.resolve()
    )
    return Packages(above, versions.open_checkout(str(above.root)), (own.name,)) if own.group else None


def project_root(arguments: Arguments) -> Path:
    """The project's folder, absolute.

    Raises UsageError where it is the top of a repository of several projects, and SettingsError for wrong settings.
    """
    root = arguments.root()
    checkout = versions.open_checkout(str(root))
    tables = checkout.toml(checkout.inside + _FILE)
    if not checkout.unreadable and "project" not in tables and "poetry" not in (tables.get("tool") or {}):
        find_places(root)
    from omni_release import project

    project.read(root)
    return root


def run(arguments: Arguments) -> int:
    """`version check`, which runs at every commit: where it can, without the engine, whose start takes longer.

    The lane runs for what needs more than the files: a document, annotations on GitHub, a baseline, a tag of a later
    version. It cannot run on a project without a static name.
    """
    from omni_release import project
    from omni_release.core.model import Project

    if packages := packages_at(arguments):
        return packages.check(arguments)
    root = project_root(arguments)
    metadata, settings = project.read(root)
    if not project.name_of(root, metadata):
        return _check(Project(root, "", (), settings, metadata), arguments)
    checked = project.load(root)
    found = versions.find_places(str(root), staged=arguments.staged)
    on_github = any(os.environ.get(name) for name in ("GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY"))
    alone = not arguments.as_json and not on_github and not (root / _BASELINE).exists()
    version = found.source.value if found.source and not found.unreadable else ""
    if version and alone:
        if not tags.has_later(str(root), found.name, settings.git.tag, version):
            return _check(checked, arguments)
    from dataclasses import replace

    return lane.start(replace(lane.request(arguments), mode="staged" if arguments.staged else ""))


def _check(project: Project, arguments: Arguments) -> int:
    """The check of the files alone, judged and shown as the lane does."""
    from omni_release.core.model import REHEARSAL, Outcome, Report, Status

    if project.name:
        found = versions.find_places(str(project.root), staged=arguments.staged)
    else:
        _, found = find_places(project.root, staged=arguments.staged)
    outcomes = [version_output.outcome(project, found, staged=arguments.staged, as_json=arguments.as_json)]
    commit = git_queries.output(str(project.root), "rev-parse", "--verify", "--quiet", "HEAD")
    if project.name and commit:  # no tag is of a later version: `run` has looked
        outcomes.append(Outcome("version-follows-tags", "Version follows the tags", "check", Status.PASSED))
    version = versions.version_of(found.places)
    report = Report("version", project.name or found.name, version, REHEARSAL, 0.0, tuple(outcomes))
    if arguments.as_json:
        from omni_release.report import json_report

        sys.stdout.write(json_report.document(report))
    else:
        version_output.show(report)
    return report.exit_code


def run_show(arguments: Arguments) -> int:
    """`version show`: all places with their roles, and which of them differ."""
    if packages := packages_at(arguments):
        return packages.show(arguments)
    _, found = find_places(project_root(arguments))
    drift = versions.drift(found.places)
    if arguments.as_json:
        from omni_release.core.documents import to_output

        sys.stdout.write(to_output(version_output.document(found, drift)))
    else:
        for place in found.places:
            mark = "  ← differs" if place in drift else ""
            sys.stdout.write(lane.shown(f"{place.value:<12} {place.role:<8} {place.where}{mark}\n"))
        if not found.places:
            sys.stderr.write(f"no place states the version of {found.name}: {_COMPUTED[0].lower()}{_COMPUTED[1:]}\n")
    return errors.EXIT_FAILED if drift else errors.EXIT_PASSED


def run_change(arguments: Arguments) -> int:
    """`version sync`, `version set` and `version bump`."""
    from omni_release.adapters import files

    packages = packages_at(arguments)
    root = packages.workspace.root if packages else project_root(arguments)
    if not arguments.index:
        return change(root, arguments, files, packages=packages)
    from omni_release.adapters.index import reader

    return change(root, arguments, files, reader(arguments.index), packages=packages)


def change(
    root: Path,
    arguments: Arguments,
    transactions: FileTransactions,
    index: Index | None = None,
    packages: Packages | None = None,
) -> int:
    """Change all places at once, or none; the exit code. The version must be free on `index`, if one is given.

    With `packages`, those of all these packages.
    """
    root = root.resolve()
    write = packages.change if packages else functools.partial(_change, root)
    if arguments.dry_run:
        if transactions.pending(root):
            raise UsageError(
                f"a change in {root} was interrupted", "Run a change without --dry-run: it is undone first."
            )
        return write(arguments, transactions, index)
    with transactions.alone(root):
        if restored := transactions.recover(root):
            sys.stderr.write(lane.shown(f"undid an interrupted change: {', '.join(restored)}\n"))
        return write(arguments, transactions, index)


def _change(root: Path, arguments: Arguments, transactions: FileTransactions, index: Index | None) -> int:
    from omni_release.versions import change as versions_change

    checkout, found = find_places(root)
    settings = checkout.toml(checkout.inside + _FILE).get("tool", {}).get("omni-release", {})
    version = new_version(root, found, arguments, index, settings.get("git", {}).get("tag", ""))
    places = versions.drift(found.places) if arguments.verb == "sync" else found.places
    changes = versions_change.plan(checkout, places, version, docs=arguments.docs)
    known = found.source
    if not changes and known is None:
        raise UsageError(f"no place states the version: {normalize(version)} cannot be written anywhere", _COMPUTED)
    if not changes and known and known.form.startswith(TAG) and not equals(known.value, version):
        tag = known.path.removeprefix("refs/tags/").replace(known.value, normalize(version))
        raise UsageError(
            "the version comes from git's tags: no file states it", f"Tag the commit that is released: git tag {tag}."
        )
    if not arguments.dry_run:
        transactions.swap(root, {Path(checkout.top, change.path): (change.old, change.new) for change in changes})
    notes = list(version_output.unchanged(found, docs=arguments.docs))
    if changes:
        notes += [
            f"{place.where}: pin on {name}, unchanged: to change both, list its folder in `lockstep` "
            "[tool.omni-release.version]"
            for place, name in versions.pins_on_siblings(checkout, found)
        ]
    paths = [checkout.relative_path(change.path) for change in changes]
    if arguments.as_json:
        from omni_release.core.documents import to_output

        content = {"version": normalize(version), "changed": paths, "dry_run": arguments.dry_run, "said": notes}
        sys.stdout.write(to_output(content))
        return errors.EXIT_PASSED
    lines = (f"{line}\n" for line in (versions_change.diff(changes) if arguments.dry_run else paths))
    # A diff in a pipe is for `git apply`, and keeps every byte.
    keeps = arguments.dry_run and not sys.stdout.isatty()
    sys.stdout.writelines(lines if keeps else map(lane.shown, lines))
    sys.stderr.writelines(lane.shown(f"{note}\n") for note in notes)
    if not changes and known and equals(known.value, version):
        sys.stderr.write(lane.shown(f"{found.name} is already at {known.value}: nothing to change\n"))
        return errors.EXIT_PASSED
    if known and (old := parse(known.value)) and (new := parse(version)) and new.key < old.key:
        sys.stderr.write(f"note: {normalize(version)} is lower than {known.value}, the version before\n")
    files = "1 file" if len(changes) == 1 else f"{len(changes)} files"
    would = "would change" if arguments.dry_run else "changed"
    sys.stderr.write(lane.shown(f"{found.name} {normalize(version)}: {files} {would}\n"))
    return errors.EXIT_PASSED


def new_version(root: Path, found: ProjectVersions, arguments: Arguments, index: Index | None, template: str) -> str:
    """The version to write. Raises UsageError or Conflict where it cannot be the next one.

    `template` is the setting `tag`.
    """
    version = arguments.value.strip()
    if arguments.verb != "set":
        if found.source is None:
            raise UsageError("no place states the version: only the build computes it", _COMPUTED)
        if arguments.verb == "sync":
            return found.source.value
        from omni_release.versions.change import bump

        version = bump(found.source.value, version)
    if version[:1] in ("v", "V") and parse(version[1:]):
        version = version[1:]
    from omni_release.versions import change as versions_change

    beside = found.source.value if found.siblings and found.source else ""
    problems = list(versions_change.local_problems(root, found.name, version, template, beside))
    if index is not None and not problems:
        taken, unknown = versions_change.index_problems(root, found.name, version, index)
        problems += taken
        sys.stderr.writelines(f"inconclusive: the index may have {version}: {reason}\n" for reason in unknown)
    if problems:
        kind = Conflict if parse(version) else UsageError
        raise kind("\n".join(problems), "Nothing was changed.")
    return version
