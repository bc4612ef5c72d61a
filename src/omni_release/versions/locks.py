"""Lock files: the entry of the project itself, among those of hundreds of others with who knows which numbers."""

from __future__ import annotations

import re
from collections.abc import Iterator

from omni_release.versions import jsons, toml
from omni_release.versions.checkout import Checkout, table
from omni_release.versions.member import Member, canonical
from omni_release.versions.pep440 import parse
from omni_release.versions.place import LOCK, PIN, Malformed, Place, Stated, Text

_LOCKS = ("uv.lock", "poetry.lock", "pdm.lock", "pylock.toml")
_NPM = ("package-lock.json", "npm-shrinkwrap.json")


def of(member: Member) -> Iterator[Place]:
    """The project's own entries in the lock files of its checkout."""
    for file in member.checkout.files:
        folder, _, name = file.rpartition("/")
        if name in _LOCKS and member.at.startswith(f"{folder}/" if folder else ""):
            yield from _python(member, file)


def _python(member: Member, file: str) -> Iterator[Place]:
    text = member.checkout.text(file)
    for entry, start in _entries(text, member.name, member.canonical) if text else ():
        if canonical(str(entry.get("name", ""))) == member.canonical and _is_local(entry):
            yield from _placed(text, entry, start)
    said = re.escape(member.canonical)
    for match in re.finditer(rf'\{{ name = "{said}",[^\n}}]* specifier = "==([\w.!+-]+)"', text.text) if text else ():
        if text and parse(match[1]):  # what uv wrote down of a pin in pyproject.toml
            yield text.place(*match.span(1), PIN)


def cargo(checkout: Checkout, file: str, crates: dict[str, str]) -> Iterator[Place]:
    """The entries of these crates (by name, with their version) in a Cargo.lock."""
    text = checkout.text(file)
    for crate in sorted(crates):
        for entry, start in _entries(text, crate, crate) if text else ():
            if entry.get("name") == crate and "source" not in entry:
                yield from _placed(text, entry, start, "semver")


def npm(checkout: Checkout, folder: str) -> Iterator[Place]:
    """The entry of the package in `folder`, in the lock file beside it."""
    for name in _NPM:
        text = checkout.text(folder + name)
        if text is None:
            continue
        try:
            for keys, value in jsons.leaves(text.text):
                if (
                    keys in (("version",), ("packages", "", "version"))
                    and isinstance(value, Stated)
                    and value.start >= 0
                ):
                    yield text.place(value.start, value.end, LOCK, form="semver")
                if keys[0] == "dependencies" or (keys[0] == "packages" and keys[1]):
                    break  # the rest is other people's
        except (Malformed, IndexError) as error:
            checkout.unreadable.append((folder + name, str(error)))


def _entries(text: Text | None, *names: str) -> Iterator[tuple[dict[str, object], int]]:
    """The blocks of a lock file that have one of these names, each with where it begins."""
    assert text is not None
    said = "|".join(re.escape(name) for name in {*names})
    for match in re.finditer(rf"^name[ \t]*=[ \t]*[\"'](?:{said})[\"'][ \t]*\r?$", text.text, re.M | re.I):
        start = text.text.rfind("[[", 0, match.start())
        end = re.compile(r"^\[\[package", re.M).search(text.text, match.end())
        block = text.text[start : end.start() if end else len(text.text)] if start >= 0 else ""
        try:
            tables = toml.read(block)
        except Malformed:
            continue
        packages = tables.get("package") or tables.get("packages")
        if isinstance(packages, list) and isinstance(packages[0], dict):
            yield packages[0], start


def _is_local(entry: dict[str, object]) -> bool:
    source = table(entry, "source")
    if source:
        return bool({"editable", "virtual", "directory"} & {*source}) or source.get("type") == "directory"
    return "path" in entry or "directory" in entry or entry.get("editable") == "true"


def _placed(text: Text | None, entry: dict[str, object], start: int, form: str = "") -> Iterator[Place]:
    stated = entry.get("version")
    if text is not None and isinstance(stated, Stated) and stated.start >= 0:
        yield text.place(start + stated.start, start + stated.end, LOCK, form=form)
