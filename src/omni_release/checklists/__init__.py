"""Checklists for before and after a release, one TOML file each; a check or a person answers an item."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from omni_release.core import renamed
from omni_release.core.model import Finding, Status
from omni_release.core.project_files import read_whole
from omni_release.core.settings_reader import line_of, nearest_line
from omni_release.core.toml import read_values

FOLDER = "checklists"
"""The folder of a project's checklists."""
RULE = "checklist"
"""The rule of all findings about checklists and sign-offs."""
PHASES = ("before", "after")
"""When a checklist applies: before or after the release."""

_ID = re.compile(r"[a-z][a-z0-9-]*")
_LIST_KEYS = {"title", "when", "item"}
_ITEM_KEYS = {"id", "says", "asks", "check"}


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
    """One file: its items, and findings about its errors. A file that cannot be read has no items, and is `before`."""

    name: str
    title: str
    when: str
    items: tuple[Item, ...] = ()
    problems: tuple[Finding, ...] = ()


def usual() -> dict[str, bytes]:
    """The usual checklists, to be adapted to a project: their content by file name."""
    from importlib import resources

    shipped = sorted(resources.files("omni_release.checklists").iterdir(), key=lambda entry: entry.name)
    return {entry.name: entry.read_bytes() for entry in shipped if entry.name.endswith(".toml")}


def read(root: Path) -> tuple[Checklist, ...]:
    """The project's checklists by name, empty where it has no `checklists/`."""
    return tuple(_read_file(path, root) for path in sorted((root / FOLDER).glob("*.toml")))


def status_by_check(item: Item, check_status: Status | None) -> tuple[Status, str]:
    """The status of an item before a person answers, and the reason where it has not passed.

    `check_status` is the last status of its check in the run, None where it has not run. An item fails or is
    inconclusive with its check, which no sign-off overrides; in all other cases it waits for a person.
    """
    if not item.check:
        return Status.WAITING, ""
    if check_status is Status.PASSED:
        return Status.PASSED, ""
    if check_status is Status.FAILED:
        return Status.FAILED, f"{item.check} failed in this run"
    if check_status is Status.INCONCLUSIVE:
        return Status.INCONCLUSIVE, f"{item.check} was inconclusive in this run"
    if check_status is Status.SKIPPED:
        return Status.WAITING, f"{item.check} was skipped in this run, so it does not answer the item"
    return Status.WAITING, f"{item.check} has not run yet, so it does not answer the item"


def load_toml(path: Path, where: str) -> tuple[Mapping[str, object], str] | Finding:
    """The content and text of a TOML file, or a finding where it cannot be read; `where` is its path in messages."""
    try:
        text = read_whole(path).decode("utf-8-sig")
        return read_values(text), text
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        at = re.search(r"at line (\d+)", str(error))
        return Finding(f"cannot be read: {error}", RULE, path=where, line=int(at[1]) if at else None)


def _read_file(path: Path, root: Path) -> Checklist:
    name, where = path.stem, path.relative_to(root).as_posix()
    if not _ID.fullmatch(name):
        message = f"{name!r} is not a valid name of a checklist: use lowercase letters, digits and hyphens"
        return Checklist("unnamed", name, "before", (), (Finding(message, RULE, path=where),))
    loaded = load_toml(path, where)
    if isinstance(loaded, Finding):
        return Checklist(name, name, "before", (), (loaded,))
    content, text = loaded
    problems: list[Finding] = []

    def report(message: str, *keys: str | int) -> None:
        problems.append(Finding(message, RULE, path=where, line=nearest_line(text, keys) or 1))

    for key in content.keys() - _LIST_KEYS:
        report(f"`{key}` is not a key of a checklist: the keys are title, when and [[item]]", key)
    when = content.get("when", "before")
    if when not in PHASES:
        report(f"`when` is {when!r}, not before or after", "when")
    entries = content.get("item", [])
    if not isinstance(entries, list) or not entries:
        report("has no [[item]]", "item")
        entries = []
    items: dict[str, Item] = {}
    for number, entry in enumerate(entries):
        for message, key in _item_errors(entry, f"{name}/", items):
            report(message, "item", number, key)
        if _has_id_and_text(entry) and (id := f"{name}/{entry['id']}") not in items:
            line = line_of(text, ("item", number, "check" if "check" in entry else "id"))
            says, check = str(entry["says"]), renamed.current(str(entry.get("check", "")))
            items[id] = Item(id, says, str(entry.get("asks", says)), check, where, line)
    phase = str(when) if when in PHASES else "before"
    return Checklist(name, str(content.get("title", name)), phase, tuple(items.values()), tuple(problems))


def _has_id_and_text(entry: object) -> bool:
    """Whether an item, perhaps with other errors, is one that a person or a check can answer."""
    if not isinstance(entry, dict) or not isinstance(entry.get("says"), str):
        return False
    return isinstance(entry.get("id"), str) and bool(_ID.fullmatch(entry["id"]))


def _item_errors(entry: object, prefix: str, earlier: Mapping[str, Item]) -> Iterator[tuple[str, str]]:
    """The errors of an item, each with the key that it is about; `earlier` are the items before it, by their ids."""
    if not isinstance(entry, dict):
        yield "an item must be a table: [[item]]", "id"
        return
    for key in entry.keys() - _ITEM_KEYS:
        yield f"`{key}` is not a key of an item: the keys are {', '.join(sorted(_ITEM_KEYS))}", key
    for key in _ITEM_KEYS & entry.keys():
        if not isinstance(entry[key], str) or not str(entry[key]).strip():
            yield f"`{key}` must be a string that is not empty", key
    id = entry.get("id")
    if not isinstance(id, str) or not _ID.fullmatch(id):
        yield "an item needs an `id` of lowercase letters, digits and hyphens", "id"
    elif prefix + id in earlier:
        yield f"two items have the id {id!r}: the first is on line {earlier[prefix + id].line}", "id"
    if "says" not in entry:
        yield "an item needs `says`, a sentence that must be true", "id"
