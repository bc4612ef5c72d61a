"""What the changelog says of one version: the part below its heading."""

from __future__ import annotations

import re

from omni_release import versions
from omni_release.core.model import Project
from omni_release.versions.place import HISTORY

_RULE = re.compile(r"\s*([=\-~^\"'#*+])\1{2,}\s*")
_FENCE = re.compile(r"\s*(?:```|~~~)")


def of(project: Project) -> str:
    """The part of the changelog that is about the project's version, as it is written; empty where there is none."""
    place = next((place for place in versions.find(project) if place.role == HISTORY), None)
    if place is None:
        return ""
    text = (project.root / place.path).read_text(encoding="utf-8", errors="replace")
    return section(text, place.line)


def section(text: str, line: int) -> str:
    """What stands below the heading on `line` (from 1), up to the next one of its kind, without blank lines around."""
    lines = text.splitlines()
    heading, below = lines[line - 1], lines[line : line + 1]
    if hashes := re.match(r"\s*(#+)", heading):
        end = _before(lines, line, re.compile(rf"#{{1,{len(hashes[1])}}}(?!#)"))
        return "\n".join(lines[line:end]).strip()
    if below and (rule := _RULE.fullmatch(below[0])):
        after = _before(lines, line + 1, re.compile(rf"{re.escape(rule[1])}{{3,}}\s*$"))
        # The line above a rule is the next heading, unless the text has come to its end.
        return "\n".join(lines[line + 1 : after - 1 if after < len(lines) else after]).strip()
    return ""


def _before(lines: list[str], start: int, ends: re.Pattern[str]) -> int:
    """The number of the first line from `start` on that ends the part; what stands in a code block is none."""
    fenced = False
    for number in range(start, len(lines)):
        if _FENCE.match(lines[number]):
            fenced = not fenced
        elif not fenced and ends.match(lines[number]):
            return number
    return len(lines)
