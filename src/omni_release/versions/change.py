"""A version, written into all its places: planned as bytes first, every other byte as it was."""

from __future__ import annotations

import difflib
from collections import namedtuple
from collections.abc import Iterable, Iterator

from omni_release.core.errors import Conflict, UsageError
from omni_release.versions.checkout import Checkout
from omni_release.versions.pep440 import NoSpelling, Version, equals, parse, respell
from omni_release.versions.place import DOC, TAG, WRITTEN, Place, Text


class Change(namedtuple("Change", "path old new")):
    """A file's bytes before and after. `path` is relative to the repository's top."""

    __slots__ = ()

    path: str
    old: bytes
    new: bytes


def plan(checkout: Checkout, places: Iterable[Place], version: str, *, docs: bool = False) -> tuple[Change, ...]:
    """The changes that give each place the version, in the place's own spelling; none for one that has it.

    Raises Conflict, which names every place that cannot be written: then nothing is to be changed.
    """
    roles = (*WRITTEN, DOC) if docs else WRITTEN
    edits: dict[str, list[tuple[Place, str]]] = {}
    trouble: list[str] = []
    for place in places:
        if place.role not in roles or place.form.startswith(TAG) or equals(place.value, version, place.form):
            continue
        try:
            if place.note:
                raise NoSpelling(place.note)
            edits.setdefault(place.path, []).append((place, _spelled(checkout, place, version)))
        except NoSpelling as error:
            trouble.append(f"{place.where}: {place.value} cannot be changed to {version} safely: {error}")
    changes = [_changed(checkout, path, found, trouble) for path, found in edits.items()]
    if trouble:
        raise Conflict("\n".join(trouble), "Nothing was changed. Mend these places by hand, then run this again.")
    return tuple(change for change in changes if change is not None)


def diff(changes: Iterable[Change]) -> Iterator[str]:
    """What would change, as a unified diff."""
    for change in changes:
        old, new = (_lines(data) for data in (change.old, change.new))
        for line in difflib.unified_diff(old, new, f"a/{change.path}", f"b/{change.path}"):
            yield line.removesuffix("\n")
            if not line.endswith("\n"):
                yield "\\ No newline at end of file"


def _lines(data: bytes) -> list[str]:
    """The lines of a file as git counts them, each with its end."""
    *lines, last = data.decode("utf-8", "replace").split("\n")
    return [f"{line}\n" for line in lines] + ([last] if last else [])


def _spelled(checkout: Checkout, place: Place, version: str) -> str:
    text = _text(checkout, place.path)
    quote = "'" if text.text.count("'") > text.text.count('"') else '"'
    return respell(text.text[place.start : place.end], version, place.form, quote)


def _changed(checkout: Checkout, path: str, found: list[tuple[Place, str]], trouble: list[str]) -> Change | None:
    text = _text(checkout, path)
    said, at = "", 0
    for place, spelled in sorted(found, key=lambda pair: pair[0].start):
        if place.start < at:
            trouble.append(f"{place.where}: two places overlap here")
            return None
        said += text.text[at : place.start] + spelled
        at = place.end
    try:
        return Change(checkout.path_from_top(path), text.data, text.encoded(said + text.text[at:]))
    except UnicodeEncodeError:
        trouble.append(f"{path}: its encoding, {text.codec}, cannot say the version")
        return None


def _text(checkout: Checkout, path: str) -> Text:
    text = checkout.text(checkout.path_from_top(path))
    assert text is not None, path
    return text


PARTS = ("major", "minor", "patch", "alpha", "beta", "rc", "post", "dev", "stable")

_STAGES = {"alpha": "a", "beta": "b", "rc": "rc"}

_NUMBERS = {"major": 0, "minor": 1, "patch": 2}


def bump(current: str, part: str) -> str:
    """The version that follows `current`. Raises UsageError where there is none."""
    version = parse(current)
    if version is None:
        raise UsageError(f"{current!r} is no version that could be bumped", "Say omni-release version set X.")
    version = version._replace(local="")
    if part in _NUMBERS:
        return str(_number(version, _NUMBERS[part]))
    if part in _STAGES:
        return str(_stage(version, _STAGES[part], part))
    return str({"post": _post, "dev": _dev, "stable": _stable}[part](version))


def _number(version: Version, which: int) -> Version:
    """The next one at this component; a pre-release that leads to exactly such a version becomes it."""
    release = version.release + (0,) * (which + 1 - len(version.release))
    leads = version.pre is not None or (version.dev is not None and version.post is None)
    if not (leads and not any(release[which + 1 :])):
        release = (*release[:which], release[which] + 1, *(0 for _ in release[which + 1 :]))
    return Version(version.epoch, release, None, None, None, "")


def _stage(version: Version, stage: str, part: str) -> Version:
    final = version._replace(pre=None, post=None, dev=None)
    if version.pre is None:
        before = version.dev is not None and version.post is None
        return (final if before else _next(final))._replace(pre=(stage, 1))
    name, number = version.pre
    if name > stage:
        raise UsageError(
            f"{version} is past its {part} releases", "Bump to a later stage, or begin a new version: set X."
        )
    if name == stage:
        return final._replace(pre=(stage, number if version.dev is not None else number + 1))
    return final._replace(pre=(stage, 1))


def _post(version: Version) -> Version:
    if version.pre or (version.dev is not None and version.post is None):
        raise UsageError(f"{version} is no release that a post-release could follow", "Bump to stable first.")
    if version.dev is not None:
        return version._replace(dev=None)
    return version._replace(post=1 if version.post is None else version.post + 1)


def _dev(version: Version) -> Version:
    if version.dev is not None:
        return version._replace(dev=version.dev + 1)
    if version.post is not None:
        return version._replace(post=version.post + 1, dev=1)
    if version.pre:
        return version._replace(pre=(version.pre[0], version.pre[1] + 1), dev=1)
    return _next(version)._replace(dev=1)


def _stable(version: Version) -> Version:
    if version.dev is not None and version.post is not None:
        return version._replace(dev=None)
    if version.pre is None and version.dev is None:
        raise UsageError(f"{version} is stable already", "Bump major, minor or patch.")
    return version._replace(pre=None, post=None, dev=None)


def _next(version: Version) -> Version:
    """The smallest release after a final one: its last component (of three at least) plus one."""
    return _number(version._replace(pre=None, post=None, dev=None), max(2, len(version.release) - 1))
