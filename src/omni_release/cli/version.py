"""The `version` verbs. `clean` is the door: a look that finds nothing to tell ends there, with the fewest imports."""

from __future__ import annotations

import os
import sys
from collections import namedtuple
from collections.abc import Iterable, Sequence

from omni_release import versions
from omni_release.core import errors
from omni_release.core.errors import Conflict, UsageError
from omni_release.versions.checkout import Checkout
from omni_release.versions.pep440 import normalize, parse
from omni_release.versions.place import DERIVED, DOC, SOURCE, TAG

TYPE_CHECKING = False  # as the type checker knows it; importing it costs a start and a half
if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from omni_release.core.world import FileTransactions
    from omni_release.versions import Place, ProjectVersions
    from omni_release.versions.guards import Index

LOOKS = ("check", "show")
CHANGES = ("sync", "set", "bump")


def clean(arguments: Sequence[str]) -> bool:
    """Was this `version [check] [--project DIR]`, and do all places agree? Then it has been said, and that was all.

    Otherwise nothing was said: the command line does it all again, with waivers, formats and messages.
    """
    match list(arguments):
        case ["version"] | ["version", "check"] | ["version", "check", "--staged"]:
            root = "."
        case ["version", "--project", root] | ["version", "check", "--project", root]:
            pass
        case _:
            return False
    if os.path.exists(os.path.join(root, ".omni-release", "swap.json")):
        return False
    checkout = versions.open_checkout(root, staged=arguments[-1] == "--staged")
    if "omni-release" in (checkout.toml(checkout.inside + "pyproject.toml").get("tool") or {}):
        from pathlib import Path

        from omni_release import project

        project.read(Path(root).absolute())  # its settings may be wrong: the command line tells how
    found = versions.find_places(root, checkout)
    if not found.name or found.source is None or found.unreadable or found.unheaded or versions.drift(found.places):
        return False
    stated = sum(place.role not in (DERIVED, DOC) for place in found.places)
    agree = "1 place states it" if stated == 1 else f"{stated} places agree"
    sys.stdout.write(f"{found.name} {normalize(found.source.value)}: {agree}\n")
    return True


def arguments(parser: argparse.ArgumentParser) -> None:
    """What `version` takes beside what every lane takes."""
    parser.add_argument("verb", nargs="?", choices=(*LOOKS, *CHANGES), default="check")
    parser.add_argument("value", nargs="?", default="", metavar="X", help="of set: the version; of bump: what to raise")
    parser.add_argument(
        "--staged",
        action="store_const",
        const="staged",
        default="",
        dest="mode",
        help="look at what a commit would have",
    )
    parser.add_argument("--docs", action="store_true", help="change the version in prose too")
    parser.add_argument("--index", default="", metavar="URL", help="an index's simple API, asked whether X is taken")


def looked_at(root: Path, *, staged: bool = False) -> tuple[Checkout, ProjectVersions]:
    """The project's places. Raises UsageError where there is no project, with those that there are."""
    checkout = versions.open_checkout(str(root), staged=staged)
    found = versions.find_places(str(root), checkout)
    marked = checkout.inside in versions.project_folders(checkout)
    if not marked or (not found.name and not any(place.role == SOURCE for place in found.places)):
        if found.siblings:
            there = ", ".join(checkout.relative_path(folder.rstrip("/")) for folder in found.siblings)
            raise UsageError(f"there is no project in {root}", f"Name one with --project DIR: {there}.")
        if why := dict(checkout.unreadable).get(f"{checkout.inside}pyproject.toml"):
            raise UsageError(f"{root / 'pyproject.toml'} cannot be read: {why}")
        raise UsageError(f"there is no pyproject.toml in {root}", "Name a project's folder with --project DIR.")
    return checkout, found


def held_to_one_project(root: Path) -> None:
    """Raises UsageError where a repository's top is no project itself: it names those that there are."""
    checkout = versions.open_checkout(str(root))
    tables = checkout.toml(checkout.inside + "pyproject.toml")
    if not checkout.unreadable and "project" not in tables and "poetry" not in (tables.get("tool") or {}):
        looked_at(root)


def check(root: Path, *, json: bool, staged: bool) -> int:
    """`version check` of a project of an older kind, without a pyproject.toml: no lane is for it."""
    from omni_release.core.model import Outcome, Severity, Status
    from omni_release.core.tasks import check
    from omni_release.report import text
    from omni_release.versions.checks import findings, staged_versions_agree, versions_agree

    _, found = looked_at(root, staged=staged)
    try:
        seen = tuple(findings(found))
    except errors.NotApplicable:
        if not json:
            raise
        seen = ()  # the document says it: no version
    status = Status.FAILED if any(one.severity is Severity.ERROR for one in seen) else Status.PASSED
    if json:
        sys.stdout.write(document(found, versions.drift(found.places)))
        return status.exit_code
    task = check(staged_versions_agree if staged else versions_agree)
    done = Outcome(task.id, task.title, task.kind, status, seen, task.remedy)
    sys.stdout.writelines(f"{line}\n" for line in text.outcome_lines(done))
    return status.exit_code


def show(root: Path, *, json: bool) -> int:
    """`version show`: all places with their roles, and which differ."""
    _, found = looked_at(root)
    odd = versions.drift(found.places)
    if json:
        sys.stdout.write(document(found, odd))
    else:
        for place in found.places:
            said = "  ← differs" if place in odd else ""
            sys.stdout.write(f"{place.value:<12} {place.role:<8} {place.where}{said}\n")
    return errors.EXIT_FAILED if odd else errors.EXIT_PASSED


def document(found: ProjectVersions, odd: Iterable[Place]) -> str:
    """See docs/version.schema.json."""
    from omni_release.core.documents import to_json

    source = found.source
    content = {
        "version": normalize(source.value) if source else None,
        "source": f"{source.path}:{source.line}" if source else None,
        "places": [_fields(place) for place in found.places],
        "drift": [_fields(place) for place in odd],
    }
    return to_json(content)


def _fields(place: Place) -> dict[str, str | int]:
    return {name: getattr(place, name) for name in ("path", "line", "column", "value", "role")}


_COMPUTED = "Where the build takes it from a tag, tag the commit; else write it down, in [project] of pyproject.toml."


class Asked(namedtuple("Asked", "verb value dry json docs", defaults=("", False, False, False))):
    """What `sync`, `set` or `bump` was asked for: `dry` prints a diff."""

    __slots__ = ()

    verb: str
    value: str
    dry: bool
    json: bool
    docs: bool


def change(root: Path, asked: Asked, swaps: FileTransactions, index: Index | None = None) -> int:
    """`version sync`, `set X` and `bump PART`: all places at once, or none. `index` is asked whether X is taken."""
    root = root.resolve()
    if asked.dry:
        if swaps.pending(root):
            raise UsageError(f"a change was interrupted in {root}", "The next one without --dry-run undoes it first.")
        return _changed(root, asked, swaps, index)
    with swaps.alone(root):
        if restored := swaps.recover(root):
            sys.stderr.write(f"a change that was interrupted is undone: {', '.join(restored)}\n")
        return _changed(root, asked, swaps, index)


def _changed(root: Path, asked: Asked, swaps: FileTransactions, index: Index | None) -> int:
    from omni_release.versions import change as versions_change

    checkout, found = looked_at(root)
    version = _wanted(root, found, asked, index)
    places = versions.drift(found.places) if asked.verb == "sync" else found.places
    changes = versions_change.plan(checkout, places, version, docs=asked.docs)
    if not changes and found.source is None:
        raise UsageError(f"no place states the version, so {normalize(version)} is written nowhere", _COMPUTED)
    if not asked.dry:
        from pathlib import Path

        swaps.swap(root, {Path(checkout.top, change.path): (change.old, change.new) for change in changes})
    said = list(_unwritten(found, docs=asked.docs))
    paths = [checkout.relative_path(change.path) for change in changes]
    if asked.json:
        from omni_release.core.documents import to_json

        content = {"version": normalize(version), "changed": paths, "dry_run": asked.dry, "said": said}
        sys.stdout.write(to_json(content))
        return errors.EXIT_PASSED
    sys.stdout.writelines(f"{line}\n" for line in (versions_change.diff(changes) if asked.dry else paths))
    sys.stderr.writelines(f"{line}\n" for line in said)
    sys.stderr.write(f"{found.name} {normalize(version)}: {_counted(len(changes), dry=asked.dry)}\n")
    return errors.EXIT_PASSED


def _wanted(root: Path, found: ProjectVersions, asked: Asked, index: Index | None) -> str:
    """The version to write, past all guards. Raises UsageError or Conflict."""
    source, value = found.source, asked.value.strip()
    _held_to_grammar(asked.verb, value)
    if asked.verb != "set" and source is None:
        raise UsageError("no place states the version: only the build can tell it", _COMPUTED)
    if asked.verb == "sync":
        assert source is not None
        return source.value
    if asked.verb == "bump":
        from omni_release.versions.change import bump

        assert source is not None
        value = bump(source.value, value)
    if value[:1] in ("v", "V") and parse(value[1:]):
        value = value[1:]
    from omni_release.versions import guards

    trouble = list(guards.local_problems(root, found.name, value))
    if index is not None and not trouble:
        said, untold = guards.index_problems(root, found.name, value, index)
        trouble += said
        sys.stderr.writelines(f"could not tell whether the index has {value}: {why}\n" for why in untold)
    if trouble:
        kind = Conflict if parse(value) else UsageError
        raise kind("\n".join(trouble), "Nothing was changed.")
    return value


def _held_to_grammar(verb: str, value: str) -> None:
    from omni_release.versions.change import PARTS

    if verb == "set" and not value:
        raise UsageError("set to which version?", "Say omni-release version set X.")
    if verb == "bump" and value not in PARTS:
        raise UsageError(f"bump what? {value!r} is none of them", f"Say one of {', '.join(PARTS)}.")
    if verb == "sync" and value:
        raise UsageError(f"sync takes no version, and was given {value!r}", "Say omni-release version set X.")


def _unwritten(found: ProjectVersions, *, docs: bool) -> Iterable[str]:
    """What a change leaves alone, and why."""
    for place in found.places:
        if place.role == DERIVED:
            yield f"{place.where}: computed, nothing to write: {place.value}"
        elif place.role == DOC and not docs:
            yield f"{place.where}: prose, left as it is (--docs changes it): {place.value}"
        elif place.form.startswith(TAG):
            yield f"the version comes from the tag {place.path.removeprefix('refs/tags/')}: tag the commit to change it"


def _counted(count: int, *, dry: bool) -> str:
    files = "1 file" if count == 1 else f"{count} files"
    return f"{files} would change" if dry else f"{files} changed"
