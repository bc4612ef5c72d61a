"""The places that state the versions of all packages, and the changes that write new ones: into all files, or none."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from omni_release import versions
from omni_release.core.errors import UsageError
from omni_release.core.text import listed
from omni_release.versions import ProjectVersions, change
from omni_release.versions.change import Change
from omni_release.versions.checkout import Checkout
from omni_release.versions.pep440 import normalize, parse
from omni_release.versions.place import PIN, TAG, Place
from omni_release.workspaces.model import Kind, Requirement, Workspace, WorkspacePackage
from omni_release.workspaces.plan import admits


@dataclass(frozen=True)
class PackagePlaces:
    """A package with its places, as they are found from its own folder: their paths are relative to it."""

    package: WorkspacePackage
    found: ProjectVersions


@dataclass(frozen=True)
class Wanted:
    """New versions, the changes that write them, and the requirements that leave a new version out afterwards."""

    versions: Mapping[str, str]
    changes: tuple[Change, ...]
    left_out: tuple[Requirement, ...]


def find(workspace: Workspace, checkout: Checkout, keys: Iterable[str]) -> dict[str, PackagePlaces]:
    """The places of these packages, by their names; `checkout` is the one around the workspace's root.

    Raises SettingsError where a place that a package's settings name does not exist.
    """
    folders = {key: _folder(checkout, package) for key, package in workspace.packages.items()}
    checkout.declared = frozenset(folders.values())
    found = {}
    for key in keys:
        around = checkout.of_project(folders[key])
        found[key] = PackagePlaces(workspace.packages[key], versions.find_places(around.root, around))
    return found


def _folder(checkout: Checkout, package: WorkspacePackage) -> str:
    return checkout.inside if package.folder == "." else f"{checkout.inside}{package.folder}/"


def chosen(workspace: Workspace, names: Iterable[str]) -> tuple[str, ...]:
    """The packages of these names with those that share a version with them; all where none is named."""
    keys = [workspace.named(name).key for name in names] or [package.key for package in workspace.released]
    for key in tuple(keys):
        keys += workspace.groups.get(workspace.packages[key].group, ())
    return tuple(dict.fromkeys(keys))


def next_versions(workspace: Workspace, keys: Iterable[str], verb: str, value: str, *, named: bool) -> dict[str, str]:
    """The version that each of these packages gets: by `sync`, `set` or `bump`, to `value`.

    The packages of a group get one version: by `sync` the highest that one of them has, by `bump` the one after it.
    Raises UsageError where packages that are not `named` have versions of their own, or where none states a version.
    """
    keys = tuple(keys)
    if verb != "sync" and not named and len({workspace.packages[key].group or key for key in keys}) > 1:
        raise UsageError(
            f"the packages of {workspace.name} have versions of their own: {listed(keys, 5)}",
            f"Name those to change: omni-release version {verb} {value} --package {keys[0]}.",
        )
    wanted = {}
    for key in keys:
        group = workspace.groups.get(workspace.packages[key].group, (key,))
        stated = [version for other in group if (version := workspace.packages[other].version)]
        if not stated and workspace.packages[key].no_version:
            if verb == "sync":
                continue
            reason = workspace.packages[key].no_version
            hint = "Tag the commit that is released." if "tags" in reason else "State it in [project]."
            raise UsageError(f"the version of {key} cannot be written: {reason}", hint)
        highest = max(stated, key=_key, default="")
        wanted[key] = change.bump(highest, value) if verb == "bump" else value if verb == "set" else highest
    return wanted


def _key(version: str) -> tuple[object, ...]:
    parsed = parse(version)
    return parsed.key if parsed else ()


def plan(
    workspace: Workspace,
    checkout: Checkout,
    found: Mapping[str, PackagePlaces],
    wanted: Mapping[str, str],
    *,
    sync: bool = False,
    docs: bool = False,
) -> Wanted:
    """The changes that write the wanted versions into the places of all packages, with the pins on them.

    With `sync`, only places that differ from a package's own version are written, unless that one changes. Raises
    Conflict with all places that cannot be written; then nothing may be changed.
    """
    pairs: dict[tuple[str, int], tuple[Place, str]] = {}
    for key, version in wanted.items():
        places: Collection[Place] = found[key].found.places
        if sync and workspace.packages[key].version == version:
            places = versions.drift(places)
        folder = _folder(checkout, found[key].package)
        for place in places:
            if not place.form.startswith(TAG):
                path = checkout.relative_path(Checkout.joined(folder, place.path))
                pairs.setdefault((path, place.start), (place._replace(path=path), version))
    pins = {(place.path, place.line) for place, _ in pairs.values() if place.role == PIN}
    changes = change.plan_all(checkout, pairs.values(), docs=docs)
    return Wanted(wanted, changes, tuple(_left_out(workspace, wanted, pins)))


def _left_out(
    workspace: Workspace, wanted: Mapping[str, str], pins: Collection[tuple[str, int]]
) -> Iterator[Requirement]:
    """What packages require of siblings that will not admit their new versions; a pin that is written will."""
    for package in workspace.packages.values():
        for item in package.requirements:
            if item.kind is not Kind.DEVELOPMENT and item.name in wanted and (item.path, item.line) not in pins:
                if not admits(item, normalize(wanted[item.name])):
                    yield item


def problems(workspace: Workspace, wanted: Mapping[str, str]) -> Iterator[str]:
    """Why packages cannot get these versions, judging by their own tags."""
    for key, version in wanted.items():
        package = workspace.packages[key]
        beside = "" if workspace.has_one_version(package) else package.version or ""
        for problem in change.local_problems(workspace.folder_of(key), package.name, version, package.tag, beside):
            yield f"{package.name}: {problem}"
