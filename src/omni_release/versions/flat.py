"""Files whose lines say it all: INI (setup.cfg), the few keys of YAML that matter, bare version files."""

from __future__ import annotations

import re
from collections.abc import Iterator

from omni_release.versions.pep440 import parse
from omni_release.versions.place import Stated

_SECTION = re.compile(
    r"^\ufeff?\[(?P<section>[^\]\r\n]+)\][^\r\n]*|^(?P<key>[A-Za-z][\w. -]*?)[ \t]*[=:][ \t]*(?P<value>[^\r\n]*)", re.M
)
_COMMENT = re.compile(r"\s+[#;].*|\s+$")


def ini(text: str) -> dict[str, dict[str, Stated]]:
    """The values that stand on one line with their key, by section; comments at the end of a line are left out."""
    found: dict[str, dict[str, Stated]] = {}
    section = ""
    for match in _SECTION.finditer(text):
        if match["section"]:
            section = match["section"].strip()
            found.setdefault(section, {})
            continue
        value = _COMMENT.sub("", match["value"])
        keys, start = found.setdefault(section, {}), match.start("value")
        if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'":
            value, start = value[1:-1], start + 1
        keys.setdefault(match["key"].strip(), Stated.at(value, start, start + len(value)))
    return found


def yaml(text: str, key: str) -> Iterator[Stated]:
    """The values of a key at the top level of a YAML document, without their quotes."""
    pattern = rf"^(?:\ufeff)?{re.escape(key)}[ \t]*:[ \t]+(?:\"([^\"\r\n]*)\"|'([^'\r\n]*)'|([^\s#\"'][^\s#]*))"
    for match in re.finditer(pattern, text, re.M):
        which = match.lastindex or 0
        yield Stated.at(match[which], match.start(which), match.end(which))


def bare(text: str) -> Stated | None:
    """The version that is all that a file holds, but for white space, comments and `version =`."""
    match = re.fullmatch(r"\ufeff?\s*(?:#[^\n]*\n\s*)*(?:version\s*[:=]\s*)?(\S+)\s*", text, re.IGNORECASE)
    if not match or not parse(match[1]) or "." not in match[1]:
        return None
    return Stated.at(match[1], match.start(1), match.end(1))
