"""A version, written into all its places: planned as bytes first, every other byte as it was."""

from __future__ import annotations

import difflib
from collections import namedtuple
from collections.abc import Iterable, Iterator

from omni_release.core.errors import Conflict
from omni_release.versions.checkout import Checkout
from omni_release.versions.pep440 import CannotSpell, respelled, same
from omni_release.versions.place import DOC, TAG, WRITTEN, Place, Text


class Change(namedtuple("Change", "path old new")):
    """A file's bytes before and after. `path` is relative to the repository's top."""

    __slots__ = ()

    path: str
    old: bytes
    new: bytes


def planned(checkout: Checkout, places: Iterable[Place], version: str, *, docs: bool = False) -> tuple[Change, ...]:
    """The changes that give each place the version, in the place's own spelling; none for one that has it.

    Raises Conflict, which names every place that cannot be written: then nothing is to be changed.
    """
    roles = (*WRITTEN, DOC) if docs else WRITTEN
    edits: dict[str, list[tuple[Place, str]]] = {}
    trouble: list[str] = []
    for place in places:
        if place.role not in roles or place.form.startswith(TAG) or same(place.value, version, place.form):
            continue
        try:
            if place.note:
                raise CannotSpell(place.note)
            edits.setdefault(place.path, []).append((place, _spelled(checkout, place, version)))
        except CannotSpell as error:
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
    return respelled(text.text[place.start : place.end], version, place.form, quote)


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
        return Change(checkout.inner(path), text.data, text.encoded(said + text.text[at:]))
    except UnicodeEncodeError:
        trouble.append(f"{path}: its encoding, {text.codec}, cannot say the version")
        return None


def _text(checkout: Checkout, path: str) -> Text:
    text = checkout.text(checkout.inner(path))
    assert text is not None, path
    return text
