"""Every place that states a project's version, and whether they agree.

`version check`, `show`, `sync`, `set` and `bump` all begin with `find_places`. It reads only files whose names a finder
declares (`place.reads`), and imports only what it needs (bench/start.py). `checkout` reads files, `member` is one
project, `source` knows what the build reads. Finders are in `metadata`,
`own_files`, `manifests`, `configured`, `locks` and `prose`.
"""

from __future__ import annotations

import os
import re
from collections import namedtuple
from collections.abc import Iterable, Iterator

from omni_release.core.toml import table
from omni_release.versions import configured, locks, manifests, metadata, own_files, prose, source
from omni_release.versions.checkout import Checkout, is_pruned
from omni_release.versions.member import Member
from omni_release.versions.pep440 import equals, normalize, parse
from omni_release.versions.place import DERIVED, DOC, HISTORY, MIRROR, SOURCE, TAG, Place, Search, finders
from omni_release.versions.setup_py import PROJECT_SECTIONS, runs_setup

TYPE_CHECKING = False  # typing costs more to import than a whole run of `version`
if TYPE_CHECKING:
    from omni_release.core.model import Project

__all__ = [
    "Place",
    "ProjectVersions",
    "comes_from_tag",
    "drift",
    "find_places",
    "open_checkout",
    "places_of",
    "project_folders",
    "source_of",
    "source_places",
    "version_of",
]

_FINDERS = finders(metadata, own_files, manifests, configured, locks, prose)
_PROJECT_FILES = ("pyproject.toml", "setup.py", "setup.cfg")
_PROJECT_TABLE = r"(?m)^[ \t]*\[[ \t]*(?:project|build-system|tool\.poetry|tool\.flit\.metadata)[ \t]*\]"
_PROJECT_SECTION = rf"(?m)^\[(?:{'|'.join(sorted(PROJECT_SECTIONS))})\]"


_KNOWN: dict[tuple[str, bool], tuple[Checkout, ProjectVersions]] = {}


def remember(checkout: Checkout, found: ProjectVersions, root: str, *, staged: bool) -> None:
    """Keep what `version check` has read and found on its fast path.

    The rest of the process reports it, and changes no file.
    """
    _KNOWN[os.path.realpath(root), staged] = checkout, found


class ProjectVersions(namedtuple("ProjectVersions", "name places siblings unreadable unheaded by_settings by_tools")):
    """The places of one project, the source first.

    `siblings` are the folders of the repository's other projects, `unreadable` the malformed files with the reason.
    `unheaded` are the changelogs that have headings, but none for the version. `by_settings` are the places that the
    settings name, `by_tools` the versions for other tools, and for back ends other than the one of its build.
    """

    __slots__ = ()

    name: str
    places: tuple[Place, ...]
    siblings: tuple[str, ...]
    unreadable: tuple[tuple[str, str], ...]
    unheaded: tuple[str, ...]
    by_settings: frozenset[Place]
    by_tools: frozenset[Place]

    @property
    def source(self) -> Place | None:
        """The place that the build reads."""
        return source_of(self.places)


def open_checkout(root: str, *, staged: bool = False) -> Checkout:
    """The checkout around the project in the folder `root`, or with `staged` what a commit of it would contain."""
    known = _KNOWN.get((os.path.realpath(root), staged))
    return known[0] if known else Checkout(root, _FINDERS, staged=staged)


def places_of(project: Project) -> tuple[Place, ...]:
    """All places of a project, the source first."""
    return find_places(str(project.root)).places


def find_places(root: str, checkout: Checkout | None = None, *, staged: bool = False) -> ProjectVersions:
    """All places that state the version of the project in the folder `root`, or in what a commit would contain.

    Raises SettingsError where a place that the settings name does not exist.
    """
    known = _KNOWN.get((os.path.realpath(root), staged))
    if known is not None and checkout in (None, known[0]):
        return known[1]
    checkout = checkout or open_checkout(root, staged=staged)
    member = Member(checkout, checkout.inside)
    folders = project_folders(checkout)
    siblings = tuple(folder for folder in folders if folder != member.at)
    search = Search(member, tuple(member.files(frozenset(folders))), None, "", ())
    sources = source.find_source(member) or _source_in_package(search)
    stated = sources[0].value if sources else ""
    version = normalize(stated) or None
    search = Search(member, search.files, version, stated, tuple(Member(checkout, folder) for folder in siblings))
    places = [*sources, *(place for finder in _FINDERS for place in finder.find(search))]
    if member.at:
        places += manifests.outside_project(member, tuple(member.around(folders)), version)
    named: list[Place] = []
    if member.table("tool", "omni-release", "version"):
        named = list(configured.configured_places(member))
        for sibling in configured.lockstep(member):
            named += _of_sibling(sibling, frozenset(folders), member)
        places += named
        places = [p for p in places if p.role == SOURCE or not configured.is_ignored(member, p.path)]
    unheaded = tuple(_changelogs_without_heading(member, version))
    by_tools = frozenset((*configured.bump_tool_version.find(search), *metadata.of_other_back_ends(search)))
    unreadable = tuple(checkout.unreadable)
    return ProjectVersions(
        member.name, tuple(_unique(places)), siblings, unreadable, unheaded, frozenset(named), by_tools
    )


def _of_sibling(sibling: Member, folders: frozenset[str], member: Member) -> Iterator[Place]:
    """The places of another project that has the same version, and the pins on it."""
    search = Search(sibling, tuple(sibling.files(folders)), None, "", (member,))
    sources = source.find_source(sibling) or _source_in_package(search)
    stated = sources[0].value if sources else ""
    search = search._replace(version=normalize(stated) or None, stated=stated)
    places = [*sources, *(place for finder in _FINDERS for place in finder.find(search))]
    yield from (place._replace(role=MIRROR) if place.role == SOURCE else place for place in places)


def pins_on_siblings(checkout: Checkout, found: ProjectVersions) -> Iterator[tuple[Place, str]]:
    """The project's pins on other projects of the repository at its own version, which a change leaves; their names."""
    member, version = Member(checkout, checkout.inside), version_of(found.places)
    for folder in found.siblings if version else ():
        sibling = Member(checkout, folder)
        for place in locks.pins.find(Search(sibling, (), version, "", (member,))):
            if place not in found.places and not place.path.startswith("../") and equals(place.value, version or ""):
                yield place, sibling.name


def source_places(member: Member, folders: frozenset[str]) -> list[Place]:
    """The place that the build of a project reads, or its parts; empty where only the build determines the version.

    `folders` are those of all projects of the checkout.
    """
    if found := source.find_source(member):
        return found
    return _source_in_package(Search(member, tuple(member.files(folders)), None, "", ()))


def _source_in_package(search: Search) -> list[Place]:
    """Where no setting says what the build reads: the version in the package itself, unless it comes from a tag."""
    if source.is_versioned_by_tag(search.member):
        return []
    places = [p for finder in finders(metadata, own_files, manifests) for p in finder.find(search) if p.role == MIRROR]
    places.sort(key=lambda place: place.path.endswith("conf.py"))
    return [places[0]._replace(role=SOURCE)] if places else []


def project_folders(checkout: Checkout) -> list[str]:
    """The folders of all projects in a checkout, as `packages/acme/`; the top's is empty.

    A folder with settings of tools alone, or with another module called setup.py, is a part of the project around it.
    """
    return sorted(
        folder
        for folder in candidate_folders(checkout)
        if folder == checkout.inside
        or folder in checkout.declared
        or (not is_pruned(folder) and is_project(checkout, folder))
    )


def may_be_workspace(checkout: Checkout, siblings: Iterable[str]) -> bool:
    """May the project's folder be the root of many packages? Cheap: `workspaces.discovery` finds out."""
    tables = checkout.toml(checkout.inside + "pyproject.toml")
    declared = any("workspace" in table(tables, "tool", name) for name in ("uv", "rye", "omni-release"))
    return declared or any(folder.startswith(checkout.inside) for folder in siblings)


def candidate_folders(checkout: Checkout) -> frozenset[str]:
    """The folders that have a file by which a project is known, also those of tests, examples and other code."""
    files = (file for file in checkout.files if file.endswith(_PROJECT_FILES))
    return frozenset(file[: file.rfind("/") + 1] for file in files if file[file.rfind("/") + 1 :] in _PROJECT_FILES)


def is_project(checkout: Checkout, folder: str) -> bool:
    """Do the files of a folder describe a project, and do they not only configure tools?"""
    for name in _PROJECT_FILES:
        text = checkout.text(folder + name) if folder + name in checkout.known else None
        if text is None:
            continue
        if name == "setup.py":
            if f"{folder}__init__.py" not in checkout.known and runs_setup(text.text):
                return True
        elif re.search(_PROJECT_TABLE if name.endswith(".toml") else _PROJECT_SECTION, text.text):
            return True
    return False


def comes_from_tag(root: str) -> bool:
    """Does the build derive the version of the project in the folder `root` from git's tags?"""
    checkout = open_checkout(root)
    member = Member(checkout, checkout.inside)
    sources = source.find_source(member)
    return sources[0].form.startswith(TAG) if sources else source.is_versioned_by_tag(member)


def drift(places: Iterable[Place]) -> tuple[Place, ...]:
    """The places whose version differs from the source's; another spelling (PEP 440) is not drift.

    Where a tag is the source and HEAD is past it, a place may be ahead of it: the release that is tagged next.
    """
    places = tuple(places)
    known = source_of(places)
    if known is None:
        return ()
    differing = []
    for place in places:
        if place.role in (DERIVED, DOC, HISTORY) or equals(place.value, known.value, place.form):
            continue
        stated, current = parse(place.value), parse(known.value)
        # `"beta", 0` in a tuple (a beta that never was) marks a version that is still being developed.
        in_development = place.form == "tuple" and stated and stated.pre and not stated.pre[1]
        if in_development and stated and current and stated.release == current.release:
            continue
        if known.form == TAG + "+" and not (stated and current and stated.key < current.key):
            continue
        differing.append(place)
    return tuple(differing)


def source_of(places: Iterable[Place]) -> Place | None:
    """The place that the build reads; of a version in parts, the first."""
    return next((place for place in places if place.role == SOURCE), None)


def version_of(places: Iterable[Place]) -> str | None:
    """The source's version, normalised; None where no place states it, or only the build determines it."""
    known = source_of(places)
    return normalize(known.value) if known and not known.form.startswith(TAG) else None


def _unique(places: Iterable[Place]) -> Iterator[Place]:
    """Each place once, in the role in which it was found first."""
    seen: set[tuple[str, int, int]] = set()
    for place in places:
        key = (os.path.normpath(place.path), place.line, place.column)
        if key not in seen:
            seen.add(key)
            yield place


def _changelogs_without_heading(member: Member, version: str | None) -> Iterator[str]:
    parsed = parse(version or "")
    if version is None or parsed is None or parsed.dev is not None:
        return
    for text in prose.changelogs(member):
        has_headings = False
        for match in prose.version_headings(text):  # the newest is first, as a rule: few lines are read
            has_headings = True
            if equals(match[1], version):
                break
        else:
            if has_headings:
                yield text.path
