"""Do all places that state the version agree?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from omni_release import versions
from omni_release.core.errors import Inconclusive, NotApplicable
from omni_release.core.model import Finding, Release, Severity
from omni_release.core.tasks import Rule, RuleClass, reports
from omni_release.versions.own_files import BARE_NAME
from omni_release.versions.place import LOCK, Place

TYPE_CHECKING = False  # as the type checker knows it; importing typing slows the start down
if TYPE_CHECKING:
    from omni_release.core.world import World
    from omni_release.versions import ProjectVersions

DRIFT = Rule("version-drift", RuleClass.RELEASE, "Places disagree on the version")
UNREADABLE = Rule("version-unreadable", RuleClass.RELEASE, "File that may state the version is malformed")
STALE = Rule("stale-version", RuleClass.QUALITY, "File that does not ship states another version")
NO_HEADING = Rule("changelog-heading", RuleClass.QUALITY, "Changelog has no heading for the version")


@reports(DRIFT, STALE, UNREADABLE, NO_HEADING)
def versions_agree(release: Release, world: World) -> Iterator[Finding]:
    """Versions agree

    Every place that states the version states the same one, and the changelog has a heading for it.

    Fix: run `omni-release version sync`, which writes the source's version into all places (`--dry-run` shows the
    change). Write the changelog's heading by hand.
    """
    return findings(versions.find_places(str(release.project.root)), _package_paths(release))


@reports(DRIFT, STALE, UNREADABLE, NO_HEADING)
def staged_versions_agree(release: Release, world: World) -> Iterator[Finding]:
    """Versions agree in the staged files

    In what a commit would contain, every place that states the version states the same one.

    Fix: run `omni-release version sync`, which writes the source's version into all places, and stage the changes.
    """
    return findings(versions.find_places(str(release.project.root), staged=True), _package_paths(release))


def _package_paths(release: Release) -> tuple[str, ...]:
    return tuple(package.path.as_posix() for package in release.project.packages)


def findings(project: ProjectVersions, packages: tuple[str, ...] = ()) -> Iterator[Finding]:
    """The findings about a project's places; `packages` are the paths of its import packages.

    Raises Inconclusive where no file that can be read states the version, NotApplicable where only the build can
    determine it.
    """
    for path, reason in project.unreadable:
        yield Finding(f"cannot be read, so versions in it are unknown: {reason}", UNREADABLE.id, Severity.WARNING, path)
    source = project.source
    if source is None and project.unreadable:
        reasons = "; ".join(f"{path}: {reason}" for path, reason in project.unreadable)
        raise Inconclusive(f"no file that can be read states the version ({reasons})", "Fix the malformed files.")
    if source is None:
        raise NotApplicable("no place states the version: the build determines it")
    for place in versions.drift(project.places):
        message = f"version {place.value}, but {source.path}:{source.line} says {source.value}"
        named = place in project.by_settings
        rule = DRIFT if named or _ships(project, place, packages) else STALE
        where = place.path, place.line, place.column
        yield Finding(message, rule.id, Severity.ERROR, *where, configured=named, subjects=(place.value,))
    for path in project.unheaded:
        message = f"has headings for other versions, but none for {source.value}"
        yield Finding(message, NO_HEADING.id, Severity.WARNING, path)


_BUILD_FILES = frozenset(("pyproject.toml", "setup.cfg", "setup.py", "Cargo.toml", "meson.build", "settings.ini"))


def _ships(project: ProjectVersions, place: Place, packages: Iterable[str]) -> bool:
    """Does a place ship, or does the build read it? So the import packages, the metadata, and files of a version alone.

    Documentation, lock files, and the files of other tools and services do neither.
    """
    path = place.path
    if place in project.by_tools:
        return False
    if any(path == package or path.startswith(f"{package}/") for package in packages):
        return True
    name = path.rpartition("/")[2]
    if place.role == LOCK or path.startswith("../"):
        return False
    if not packages and name.endswith(".py") and name != "conf.py":
        return True
    return name in _BUILD_FILES or (bool(BARE_NAME.fullmatch(name)) and "/" not in path)
