"""Versions in prose: in a README (reported, changed with --docs), and in the heading of a changelog (never changed)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from omni_release.versions.member import Member
from omni_release.versions.pep440 import equals, parse
from omni_release.versions.place import DOC, HISTORY, Place, Search, Text, reads

TYPE_CHECKING = False  # typing costs more to import than a whole run of `version`
if TYPE_CHECKING:
    from pathlib import Path

_README = re.compile(
    r"^(?:README|docs?/(?:index|install|installation|quickstart|getting[-_]started))\.(?:md|rst|txt)$", re.I
)

_CHANGELOG = re.compile(
    r"^(?:docs?/)?(?:changelog|changes|(?:version[-_]?)?history|news|release[-_]?notes)(?:\.(?:md|rst|txt))?$", re.I
)

_TOKEN = re.compile(r"(?<![\w.])v?(\d+(?:\.\d+)+(?:[-_.]?(?:a|b|c|rc|alpha|beta|dev|post)[-_.]?\d*)*)(?![\w]|\.\d)")

_PAST = re.compile(r"versionadded|versionchanged|deprecated|since|before", re.IGNORECASE)

_HEADING = re.compile(r"^\s*(?:#+|=+(?= )|\*\*|<h\d>|\[|\(|v(?=\d)|version\b|release\b|\d)", re.IGNORECASE)

_RULE = re.compile(r"^\s*([=\-~^\"'#*+])\1{2,}\s*$")

_BADGE = r"/badge/(?:latest[-_])?(?:version|release|pypi|v)[-_]"

_ROW = r"^[ \t]*(?:\|[ \t]*)?[*_`]*(?:version|release)[*_`]*[ \t]*[|:]"

_LONGEST = 120  # characters of a line that is a heading


@reads(pattern=r"(?:readme|index|install|installation|quickstart|getting[-_]started)\.(?:md|rst|txt)")
def readme_versions(search: Search) -> Iterator[Place]:
    """This version in the README and the first pages of the documentation, on lines about this project."""
    if not search.version or not search.member.name:
        return
    name = "[-_.]".join(map(re.escape, re.split("[-_.]+", search.member.name)))
    about = re.compile(rf"{name}|\brev:|:version:|current version|{_BADGE}|{_ROW}", re.IGNORECASE)
    for file in _prose_files(search.member, _README):
        text = search.member.checkout.text(file)
        for match in _TOKEN.finditer(text.text) if text else ():
            assert text is not None
            begin = text.text.rfind("\n", 0, match.start()) + 1
            end = text.text.find("\n", match.end())
            line = text.text[begin : end if end >= 0 else len(text.text)]
            if match[1] in (search.version, search.stated) and about.search(line) and not _PAST.search(line):
                yield text.place(*match.span(1), DOC)


@reads(pattern=r"(?:changelog|changes|(?:version[-_]?)?history|news|release[-_]?notes)(?:\.(?:md|rst|txt))?")
def changelog_heading(search: Search) -> Iterator[Place]:
    """The changelog's heading for this version."""
    version = search.version
    for text in changelogs(search.member) if version else ():
        heading = next((match for match in version_headings(text) if equals(match[1], version or "")), None)
        if heading:
            yield text.place(*heading.span(1), HISTORY)


def changelogs(member: Member) -> Iterator[Text]:
    """The project's changelogs."""
    for file in _prose_files(member, _CHANGELOG):
        if text := member.checkout.text(file):
            yield text


def _prose_files(member: Member, pattern: re.Pattern[str]) -> list[str]:
    files = (file for file in member.checkout.files if file.startswith(member.at))
    return sorted(file for file in files if pattern.match(file[len(member.at) :]))


def version_headings(text: Text) -> Iterator[re.Match[str]]:
    """The versions that a changelog has headings for, in its order."""
    for match in _TOKEN.finditer(text.text):
        begin = text.text.rfind("\n", 0, match.start()) + 1
        end = text.text.find("\n", match.end())
        end = end if end >= 0 else len(text.text)
        if end - begin > _LONGEST or not parse(match[1]):
            continue
        below = text.text[end + 1 : end + _LONGEST].partition("\n")[0]
        if _HEADING.match(text.text[begin:end]) or _RULE.match(below):
            yield match


_FENCE = re.compile(r"\s*(?:```|~~~)")


def release_notes(root: Path, places: Iterable[Place]) -> str:
    """The section of the changelog about the project's version, as it is written; empty where there is none."""
    heading = next((place for place in places if place.role == HISTORY), None)
    if heading is None:
        return ""
    text = (root / heading.path).read_text(encoding="utf-8", errors="replace")
    return section_below(text, heading.line)


def section_below(text: str, line: int) -> str:
    """The text below the heading on `line` (from 1), up to the next heading of its level, stripped."""
    lines = text.splitlines()
    heading, below = lines[line - 1], lines[line : line + 1]
    if hashes := re.match(r"\s*(#+)", heading):
        end = _before(lines, line, re.compile(rf"#{{1,{len(hashes[1])}}}(?!#)"))
        return "\n".join(lines[line:end]).strip()
    if below and (rule := _RULE.fullmatch(below[0])):
        after = _before(lines, line + 1, re.compile(rf"{re.escape(rule[1])}{{3,}}\s*$"))
        # The line above a rule is the next heading, unless the text ends here.
        return "\n".join(lines[line + 1 : after - 1 if after < len(lines) else after]).strip()
    return ""


def _before(lines: list[str], start: int, ends: re.Pattern[str]) -> int:
    """The number of the first line from `start` that ends the section, outside of code blocks."""
    fenced = False
    for number in range(start, len(lines)):
        if _FENCE.match(lines[number]):
            fenced = not fenced
        elif not fenced and ends.match(lines[number]):
            return number
    return len(lines)
