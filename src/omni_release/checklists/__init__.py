"""What has to be looked at around a release, as TOML, one file a list: a check answers an item, or a person."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from omni_release.core.model import Finding, Status
from omni_release.core.settings_reader import line_of, nearest_line

FOLDER = "checklists"
"""Where a project has its own."""
RULE = "checklist"
MOMENTS = ("before", "after")
_ID = re.compile(r"[a-z][a-z0-9-]*")
_KEYS = {"id", "says", "asks", "check"}
_CAME = {
    Status.FAILED: "has failed in this run",
    Status.INCONCLUSIVE: "could not tell in this run",
    Status.SKIPPED: "had nothing to look at in this run, so it answers nothing",
}
_NOT_ASKED = "was not asked in this run, so it answers nothing"


@dataclass(frozen=True)
class Item:
    """One line of a checklist. Its `id` is LIST/ITEM; `check` is the task that answers it, empty for a person."""

    id: str
    says: str
    asks: str
    check: str
    path: str
    line: int | None


@dataclass(frozen=True)
class Checklist:
    """One file: its items, and what is wrong with it. One that cannot be read has no items, and is of `before`."""

    name: str
    title: str
    when: str
    items: tuple[Item, ...] = ()
    problems: tuple[Finding, ...] = ()


def read(root: Path) -> tuple[Checklist, ...]:
    """The project's own checklists, by name; none where it has no such folder."""
    return tuple(_checklist(path, root) for path in sorted((root / FOLDER).glob("*.toml")))


def by_check(item: Item, came: Status | None) -> tuple[Status, str]:
    """How an item stands by what came of its check, before any person has answered; and why, where it has not passed.

    It fails, or cannot be told, as its check; a person's answer goes over neither. In all else it waits for one.
    """
    if not item.check:
        return Status.WAITING, ""
    if came is Status.PASSED:
        return came, ""
    status = came if came in (Status.FAILED, Status.INCONCLUSIVE) else Status.WAITING
    return status, f"{item.check} {_CAME.get(came, _NOT_ASKED) if came else _NOT_ASKED}"


def _checklist(path: Path, root: Path) -> Checklist:
    name, where = path.stem, path.relative_to(root).as_posix()
    if not _ID.fullmatch(name):
        said = f"a checklist cannot be called {name!r}: take small letters, digits and hyphens"
        return Checklist("unnamed", name, "before", (), (Finding(said, RULE, path=where),))
    found = opened(path, where)
    if isinstance(found, Finding):
        return Checklist(name, name, "before", (), (found,))
    content, text = found
    return _read(content, name, where, text)


def opened(path: Path, where: str) -> tuple[Mapping[str, object], str] | Finding:
    """What a TOML file says, and its text; where it cannot be read, the finding that says so. `where` names it."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
        return tomllib.loads(text), text
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        at = re.search(r"at line (\d+)", str(error))
        return Finding(f"cannot be read: {error}", RULE, path=where, line=int(at[1]) if at else None)


def _read(content: Mapping[str, object], name: str, where: str, text: str) -> Checklist:
    problems: list[Finding] = []

    def wrong(said: str, *keys: str | int) -> None:
        problems.append(Finding(said, RULE, path=where, line=nearest_line(text, keys) or 1))

    for key in content.keys() - {"title", "when", "item"}:
        wrong(f"`{key}` is no key of a checklist: it has title, when and [[item]]", key)
    when = content.get("when", "before")
    if when not in MOMENTS:
        wrong(f"`when` is {when!r}; it is before or after", "when")
    entries = content.get("item", [])
    if not isinstance(entries, list) or not entries:
        wrong("has no [[item]]", "item")
        entries = []
    items: dict[str, Item] = {}
    for number, entry in enumerate(entries):
        for said, key in _wrong(entry, f"{name}/", items):
            wrong(said, "item", number, key)
        if isinstance(entry, dict) and _usable(entry) and (id := f"{name}/{entry['id']}") not in items:
            line = line_of(text, ("item", number, "check" if "check" in entry else "id"))
            says, check = str(entry["says"]), str(entry.get("check", ""))
            items[id] = Item(id, says, str(entry.get("asks", says)), check, where, line)
    moment = str(when) if when in MOMENTS else "before"
    return Checklist(name, str(content.get("title", name)), moment, tuple(items.values()), tuple(problems))


def _usable(entry: Mapping[str, object]) -> bool:
    id = entry.get("id")
    return isinstance(id, str) and bool(_ID.fullmatch(id)) and isinstance(entry.get("says"), str)


def _wrong(entry: object, prefix: str, before: Mapping[str, Item]) -> Iterator[tuple[str, str]]:
    """What is wrong with an item, and the key that it is about."""
    if not isinstance(entry, dict):
        yield "an item is a table: [[item]]", "id"
        return
    for key in entry.keys() - _KEYS:
        yield f"`{key}` is no key of an item: it has {', '.join(sorted(_KEYS))}", key
    for key in _KEYS & entry.keys():
        if not isinstance(entry[key], str) or not str(entry[key]).strip():
            yield f"`{key}` must be a string that says something", key
    id = entry.get("id")
    if not isinstance(id, str) or not _ID.fullmatch(id):
        yield "an item needs an `id` of small letters, digits and hyphens", "id"
    elif prefix + id in before:
        yield f"there are two items {id!r}: the first is on line {before[prefix + id].line}", "id"
    if "says" not in entry:
        yield "an item needs `says`: what has to be true, in a sentence", "id"
