"""Where a version stands, without being told, and whether all places agree.

One discovery: `version check`, `show`, `sync`, `set` and `bump` all begin with `look`. It reads only files that can
hold a version, and imports only what it needs: `place` is the noun, `checkout` what is read, `member` one project,
`source` what the build reads; `mirrors`, `locks`, `pins`, `tools`, `prose` and `named` are the families.
"""

from __future__ import annotations

import os
from collections import namedtuple
from collections.abc import Iterable, Iterator

from omni_release.versions import configured, discovery, locks, prose, source
from omni_release.versions.checkout import Checkout, is_pruned
from omni_release.versions.member import Member
from omni_release.versions.pep440 import equals, normalize, parse
from omni_release.versions.place import DERIVED, DOC, HISTORY, MIRROR, SOURCE, TAG, Place

TYPE_CHECKING = False  # as the type checker knows it; importing it costs a start and a half
if TYPE_CHECKING:
    from omni_release.core.model import Project

__all__ = ["Place", "ProjectVersions", "drift", "find_places", "places_of", "project_folders", "version_of"]

_MARKS = ("pyproject.toml", "setup.py", "setup.cfg")


class ProjectVersions(namedtuple("ProjectVersions", "name places siblings unreadable unheaded")):
    """What was found for one project: its places, the source first.

    `siblings` are the folders of the repository's other projects, `unreadable` the files that could not be read, with
    why, and `unheaded` are the changelogs that have headings, but none for the version.
    """

    __slots__ = ()

    name: str
    places: tuple[Place, ...]
    siblings: tuple[str, ...]
    unreadable: tuple[tuple[str, str], ...]
    unheaded: tuple[str, ...]

    @property
    def source(self) -> Place | None:
        """What the build reads."""
        return source_of(self.places)


def places_of(project: Project) -> tuple[Place, ...]:
    """All places, the source first."""
    return find_places(str(project.root)).places


def find_places(root: str, checkout: Checkout | None = None, *, staged: bool = False) -> ProjectVersions:
    """All that states the version of the project in the folder `root`; with `staged`, in what a commit would have."""
    checkout = checkout or Checkout(root, staged=staged)
    member = Member(checkout, checkout.inside)
    folders = project_folders(checkout)
    files = tuple(member.files(frozenset(folders)))
    settings = member.table("tool", "omni-release", "version")
    known = source.find_source(member) or _fallback(member, files)
    version = normalize(known[0].value) if known else None
    siblings = [Member(checkout, folder) for folder in folders if folder != member.at]
    places = [*known, *_others(member, files, known[0].value if known else "", siblings)]
    if member.at:
        places += discovery.around(member, tuple(member.around(folders)), version)
    if settings:
        from omni_release.versions import configured

        places += configured.configured_places(member)
        places = [place for place in places if place.role == SOURCE or not configured.is_ignored(member, place.path)]
    return ProjectVersions(
        member.name,
        tuple(_once(places)),
        tuple(folder for folder in folders if folder != member.at),
        tuple(checkout.unreadable),
        tuple(_unheaded(member, version)),
    )


def _others(member: Member, files: tuple[str, ...], stated: str, siblings: list[Member]) -> Iterator[Place]:
    version = normalize(stated) or None
    yield from discovery.of(member, files, version)
    yield from configured.bump_tool_version(member)
    yield from configured.bump_tool_places(member, version)
    yield from locks.lock_entries(member)
    for holder in (member, *siblings):
        yield from locks.pins_of(member, holder, version)
    yield from prose.docs(member, version, stated)
    yield from prose.history(member, version)


def _fallback(member: Member, files: tuple[str, ...]) -> list[Place]:
    """Where no setting says what the build reads: what the package itself says, unless a tag does."""
    if source.is_versioned_by_tag(member):
        return []
    found = [place for place in discovery.of(member, files, None) if place.role == MIRROR]
    found.sort(key=lambda place: place.path.endswith("conf.py"))
    return [Place(*found[0][:4], SOURCE, *found[0][5:])] if found else []


def project_folders(checkout: Checkout) -> list[str]:
    """The folders of all projects in a checkout, as `packages/acme/`; the top's is empty."""
    found = {file[: len(file) - len(mark)] for file in checkout.files for mark in _MARKS if file.endswith(mark)}
    return sorted(
        folder
        for folder in found
        if (not folder or folder.endswith("/")) and (folder == checkout.inside or not is_pruned(folder))
    )


def drift(places: Iterable[Place]) -> tuple[Place, ...]:
    """The places whose version is another than the source's; another spelling (PEP 440) is not drift.

    Where a tag is the source and HEAD is past it, a place may be ahead of it: the release that is about to be tagged.
    """
    places = tuple(places)
    known = source_of(places)
    if known is None:
        return ()
    agreed = (DERIVED, DOC, HISTORY)
    odd = (
        place
        for place in places
        if place.role not in agreed and not equals(place.value, known.value, place.form) and not _marked(place, known)
    )
    return tuple(place for place in odd if known.form != TAG + "+" or _older(place, known))


def _marked(place: Place, known: Place) -> bool:
    """Is this a tuple whose `"beta", 0` (the beta that never was) marks a version that is still being made?"""
    one, two = parse(place.value), parse(known.value)
    return bool(place.form == "tuple" and one and two and one.pre and not one.pre[1] and one.release == two.release)


def _older(place: Place, known: Place) -> bool:
    one, two = parse(place.value), parse(known.value)
    return one is not None and two is not None and one.key < two.key


def source_of(places: Iterable[Place]) -> Place | None:
    """The place that the build reads; of a version in parts, the first."""
    return next((place for place in places if place.role == SOURCE), None)


def version_of(places: Iterable[Place]) -> str | None:
    """The source's version, normalised; None where no place states it, or only the build can tell it."""
    known = source_of(places)
    return normalize(known.value) if known and not known.form.startswith(TAG) else None


def _once(places: Iterable[Place]) -> Iterator[Place]:
    """Each place once, in the role that it was found in first; the source's file is the source's alone."""
    seen: set[tuple[str, int, int]] = set()
    for place in places:
        key = (os.path.normpath(place.path), place.line, place.column)
        if key not in seen:
            seen.add(key)
            yield place


def _unheaded(member: Member, version: str | None) -> Iterator[str]:
    parsed = parse(version or "")
    if version is None or parsed is None or parsed.dev is not None:
        return
    for text in prose.changelogs(member):
        headed = False
        for match in prose.version_headings(
            text
        ):  # the newest comes first, as a rule: seldom is more than a few lines read
            headed = True
            if equals(match[1], version):
                break
        else:
            yield from [text.path] if headed else []
