"""Bring a changelog along: the heading Unreleased becomes that of the new version, in the style of the one before.

Known are Keep a Changelog (a heading Unreleased above the versions), and the heading of the version itself that says
that it is not released yet, as in the changelogs of Flask or zest.releaser. Every other byte stays.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Sequence

from omni_release.core.errors import UsageError
from omni_release.versions.pep440 import Version, equals, parse

_MONTH = "(?P<month>jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)(?P<long>[a-z]*)"
_DATE = re.compile(
    r"\d{4}([-/.])\d{2}\1\d{2}|\d{1,2}\.\d{1,2}\.\d{4}"
    rf"|(?P<first>\d{{1,2}}(?P<th>st|nd|rd|th)?\s+)?{_MONTH}(?P<second>\s+\d{{1,2}}(?P<th2>st|nd|rd|th)?)?(?P<comma>,?)\s+\d{{4}}",
    re.IGNORECASE,
)
_UNRELEASED = re.compile(
    r"\[?\bunreleased\b\]?"
    r"|(?<=[#*] )\[?(?:latest changes|upcoming(?: release)?|next(?: release| version)?|dev|development)\]?(?=\s*$)"
    r"|^(?:dev|next|upcoming)(?=\s*$)",
    re.IGNORECASE,
)
_RANGE = re.compile(r"(?P<before>[^/\s()]+?)(?P<dots>\.\.\.?)(?P<after>[^/\s()]+)")
_VERSION = re.compile(r"(?:(?<=\bv)|(?<![\w.]))(\d+(?:\.\d+)+(?:(?:a|b|rc|\.post|\.dev)\d+)?)(?![\w.]*\d)")
_RULE = re.compile(r"([=\-~^\"'#*+])\1{2,}\s*$")
_LINK = re.compile(
    r"^(?P<start>\[unreleased\]:\s*\S*/)(?P<range>[^/\s]*?\.\.\.?)(?P<head>HEAD|main|master)\s*$", re.IGNORECASE
)


def has_unreleased(text: str) -> bool:
    """Whether the text has a heading Unreleased."""
    lines = text.splitlines()
    return any(_UNRELEASED.search(line) and _is_heading(lines, number) for number, line in enumerate(lines))


def is_unreleased(line: str) -> bool:
    """Whether the line, taken for itself, says that what follows is not released yet."""
    said = _UNRELEASED.search(line) or _OPEN_HEADING.search(line)
    return bool(said) and len(re.findall(r"\w+", line)) <= _WORDS_OF_A_HEADING


_WORDS_OF_A_HEADING = 8


def has_entry(text: str, last: Version) -> bool:
    """Whether something is written below the heading Unreleased, or below that of a version later than the `last`."""
    lines = text.splitlines()
    headings = [number for number, line in enumerate(lines) if _is_heading(lines, number)]
    for number in headings:
        named = [version for found in _VERSION.findall(lines[number]) if (version := parse(found))]
        later = any(version.key > last.key for version in named)
        if (later or _UNRELEASED.search(lines[number])) and _has_entry(lines, number, headings):
            return True
    return False


def has_version(text: str, version: str) -> bool:
    """Whether the text has a heading for the version, released or not."""
    lines = text.splitlines()
    return any(_names(line, version) and _is_heading(lines, number) for number, line in enumerate(lines))


def _names(heading: str, version: str) -> bool:
    return any(equals(found, version) for found in _VERSION.findall(heading))


def released(
    text: str,
    version: str,
    today: datetime.date,
    name: str = "the changelog",
    *,
    keeps_unreleased: bool = True,
    entries: Sequence[str] = (),
) -> str:
    """The text with a heading for the version, of today. The same text where it has one that is released.

    The heading is below Unreleased, or replaces it where the project does not keep that one. Where the text has
    headings of versions alone, the new one is the first of them, with the `entries` below it.

    Raises UsageError where the text has no such heading, and where there is nothing to write below it.
    """
    end = "\r\n" if "\r\n" in text else "\n"
    lines = text.split(end)
    headings = [number for number, line in enumerate(lines) if _is_heading(lines, number)]
    own = next((number for number in headings if _names(lines[number], version)), None)
    if own is not None:
        return end.join(_dated(lines, own, headings, today))
    unreleased = next((number for number in headings if _UNRELEASED.search(lines[number])), None)
    if unreleased is None:
        first = next((number for number in headings if _VERSION.search(lines[number])), None)
        if first is not None and entries:
            return end.join(_with_section(lines, first, headings, version, today, entries))
        raise UsageError(
            f"{name} has no heading Unreleased and none for {version}",
            f"Write what has changed below a heading {version}, commit it, or run the command with --no-changelog.",
        )
    _require_entry(lines, unreleased, headings, name)
    previous = next((number for number in headings if number > unreleased and _VERSION.search(lines[number])), None)
    heading = _heading(lines, unreleased, previous, version, today)
    after = unreleased + (2 if _RULE.fullmatch(_below(lines, unreleased)) else 1)
    stop = next((number for number in headings if number > unreleased), len(lines))
    for number in range(after, min(after + 3, stop)):
        if _DAY_OPEN.fullmatch(lines[number].strip(_AROUND)):  # the day has a line of its own
            lines[number] = lines[number].replace(lines[number].strip(_AROUND), today.isoformat())
    if keeps_unreleased:
        lines[after:after] = ["", *heading]
    else:
        lines[unreleased:after] = heading
    return end.join(_linked(lines, version))


def with_entry(text: str, version: str, entry: str) -> str:
    """The text with an item below the heading Unreleased, or below that of the version; the same without either."""
    end = "\r\n" if "\r\n" in text else "\n"
    lines = text.split(end)
    headings = [number for number, line in enumerate(lines) if _is_heading(lines, number)]
    own = next((n for n in headings if _UNRELEASED.search(lines[n]) or _names(lines[n], version)), None)
    if own is None:
        return text
    after = own + (2 if _RULE.fullmatch(_below(lines, own)) else 1)
    stop = next((number for number in headings if number > own), len(lines))
    at = after
    while at < stop and (not lines[at].strip() or _DAY_OPEN.fullmatch(lines[at].strip(_AROUND))):
        at += 1
    item = next((match[0] for line in lines[at:] if (match := _ITEM.match(line))), "- ")
    follows = at < len(lines) and _ITEM.match(lines[at]) is not None
    blank = [] if at > after and not lines[at - 1].strip() else [""]
    return end.join((*lines[:at], *blank, f"{item}{entry}", *([] if follows else [""]), *lines[at:]))


_AROUND = "(*_). "  # around a day that has a line of its own
_DAY_OPEN = re.compile(r"unreleased|not (?:yet )?released|tbd|tba|in development|[xy?]{4}-[xm?]{2}(?:-[xd?]{2})?", re.I)
_LABEL = re.compile(r"\.\. _(?P<rst>[^:]+):\s*$|<a (?:id|name)=\"(?P<html>[^\"]+)\">\s*</a>\s*$")
_ITEM = re.compile(r"\s{0,4}[-*+]\s+")


def _with_section(
    lines: list[str], first: int, headings: list[int], version: str, today: datetime.date, entries: Sequence[str]
) -> list[str]:
    """The lines with a section for the version above the first one of a version, in the form of that one."""
    stop = next((number for number in headings if number > first and _VERSION.search(lines[number])), len(lines))
    below = first + (2 if _RULE.fullmatch(_below(lines, first)) else 1)
    label = first - 1
    while label >= 0 and not lines[label].strip():
        label -= 1
    labelled = label >= 0 and _LABEL.match(lines[label]) is not None and bool(_VERSION.search(lines[first]))
    day = next((n for n in range(below, min(below + 3, stop)) if _DATE.fullmatch(lines[n].strip(_AROUND))), None)
    item = next((match[0] for line in lines[below:stop] if (match := _ITEM.match(line))), "- ")
    section = _heading(lines, first, first, version, today)
    if labelled:
        old = (_VERSION.search(lines[first]) or [""])[0]
        lines_between = lines[label + 1 : first]
        section = [_relabelled(lines[label], old, version), *lines_between, *section]
    if day is not None:
        section += [*lines[below:day], _DATE.sub(lambda match: _like(match, today), lines[day])]
    start = label if labelled else first
    blank = 1 if day is not None or not lines[below:stop] or not lines[below].strip() else 0
    gap = 1
    if stop < len(lines):
        while stop - gap > below and not lines[stop - gap - 1].strip():
            gap += 1
    return [
        *lines[:start],
        *section,
        *[""] * blank,
        *(f"{item}{entry}" for entry in entries),
        *[""] * gap,
        *lines[start:],
    ]


def _relabelled(label: str, old: str, version: str) -> str:
    """The label of a section for another version: `.. _v1_2:` or an anchor."""
    for separator in (".", "_", "-", ""):
        if (written := old.replace(".", separator)) in label:
            return label.replace(written, version.replace(".", separator))
    return label


def _is_heading(lines: list[str], number: int) -> bool:
    """Whether a line is a heading of Markdown or reStructuredText, outside of code blocks."""
    line = lines[number]
    if len(line) > 120 or sum(one.startswith("```") for one in lines[:number]) % 2:
        return False
    marked = re.match(r"#{1,4}\s", line) or re.fullmatch(r"\*\*[^*]+\*\*(?:\s*\([^()]+\))?", line)
    return bool(marked) or bool(line.strip() and _RULE.fullmatch(_below(lines, number)))


def _below(lines: list[str], number: int) -> str:
    return lines[number + 1] if number + 1 < len(lines) else ""


def _require_entry(lines: list[str], unreleased: int, headings: list[int], name: str) -> None:
    """Raises UsageError where nothing is written below the heading Unreleased, before the one of a version."""
    if not _has_entry(lines, unreleased, headings):
        raise UsageError(f"{name} has no entry below Unreleased", "Write what has changed, and commit it.")


def _has_entry(lines: list[str], heading: int, headings: list[int]) -> bool:
    """Whether something is written below a heading: not only other headings, links, and that it is not released."""
    stop = next((n for n in headings if n > heading and _VERSION.search(lines[n])), len(lines))
    others = set(headings)
    return any(
        line.strip()
        and number not in others
        and not re.match(r"\[|\.\. _", line)
        and not _RULE.fullmatch(line)
        and not _DAY_OPEN.fullmatch(line.strip(_AROUND))
        for number, line in enumerate(lines[heading + 1 : stop], heading + 1)
    )


def _heading(lines: list[str], unreleased: int, previous: int | None, version: str, today: datetime.date) -> list[str]:
    """The heading of the version: in the form of the one before, else in that of Unreleased."""
    if previous is None:
        line = _UNRELEASED.sub(f"[{version}]" if "[" in lines[unreleased] else version, lines[unreleased])
        line = f"{line.rstrip()} - {today.isoformat()}"
        ruled = unreleased
    else:
        line = _RANGE.sub(lambda match: f"{match['after']}{match['dots']}NEXT", lines[previous], count=1)
        line = _VERSION.sub(version, line, count=1)
        line = line.replace("NEXT", _VERSION.sub(version, _after(lines[previous]), count=1))
        line = _DATE.sub(lambda match: _like(match, today), line)
        ruled = previous
    rule = _RULE.fullmatch(_below(lines, ruled))
    return [line, rule[1] * len(line)] if rule else [line]


def _after(heading: str) -> str:
    """The end of the range of commits that a heading links to."""
    found = _RANGE.search(heading)
    return found["after"] if found else ""


def _like(date: re.Match[str], today: datetime.date) -> str:
    """Today, written as this date: as numbers, or with the month in English."""
    if separator := date[1]:
        return today.strftime(f"%Y{separator}%m{separator}%d")
    if not date["month"]:
        return today.strftime("%d.%m.%Y")
    month = _MONTHS[today.month - 1][: None if len(date["long"]) > 1 or date["month"].lower() == "may" else 3]
    day = f"{today.day}{_ending(today.day) if date['th'] or date['th2'] else ''}"
    words = f"{day} {month}" if date["first"] else f"{month} {day}" if date["second"] else month
    return f"{words}{date['comma']} {today.year}"


_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)


def _ending(day: int) -> str:
    return {1: "st", 2: "nd", 3: "rd"}.get(day % 10 if day not in (11, 12, 13) else 0, "th")


def _dated(lines: list[str], own: int, headings: list[int], today: datetime.date) -> list[str]:
    """The lines with the day of the release in place of `unreleased`, at the heading of the version or right below.

    Where both say so, the heading loses its word, and the line below gets the day.
    """
    says_released = any(re.match(r"Released \S", line) for line in lines)
    stop = next((number for number in headings if number > own), len(lines))
    below = own + (2 if _RULE.fullmatch(_below(lines, own)) else 1)
    day = next((n for n in range(below, min(own + 5, stop)) if _DAY_OPEN.fullmatch(lines[n].strip(_AROUND))), None)
    changed = list(lines)
    if day is not None:
        word = lines[day].strip(_AROUND)
        changed[day] = lines[day].replace(word, f"{'Released ' if says_released else ''}{today.isoformat()}")
    if word_in_heading := _OPEN_HEADING.search(lines[own]):
        by = "" if day is not None else word_in_heading[0].replace(word_in_heading[1], today.isoformat())
        changed[own] = lines[own].replace(word_in_heading[0], by).rstrip()
        if rule := _RULE.fullmatch(_below(lines, own)):
            changed[own + 1] = rule[1] * len(changed[own])
    return changed


_OPEN_HEADING = re.compile(
    r"\s*[-\u2013\u2014(\[/]*\s*\b(unreleased|not (?:yet )?released|tbd|in development)\b[)\]]*", re.IGNORECASE
)


def _linked(lines: list[str], version: str) -> list[str]:
    """The lines with the links of Keep a Changelog: that of Unreleased begins at the new version, which gets one."""
    for number, line in enumerate(lines):
        if link := _LINK.match(line):
            before = link["range"].rstrip(".")
            old = _VERSION.search(before)
            if old is None:
                return lines
            new = before.replace(old[1], version)
            start = re.sub(r"(?i)^\[unreleased\]", f"[{version}]", link["start"])
            dots = link["range"][len(before) :]
            own = f"{start}{link['range']}{new}"
            last = next((line for line in lines if re.match(rf"\[v?{re.escape(old[1])}\]:", line)), "")
            if last and "..." not in last:  # as the one before: a page of the tag, for example
                own = last.replace(old[1], version)
            return [*lines[:number], f"{link['start']}{new}{dots}{link['head']}", own, *lines[number + 1 :]]
    return lines
