"""Where the files of a project have a former name of a check, a rule or a key: it stays valid."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from omni_release.core import baseline, renamed
from omni_release.core.model import Finding, Severity
from omni_release.core.project_files import read_whole
from omni_release.core.settings import TABLE
from omni_release.core.settings_reader import Keys, nearest_line
from omni_release.core.tasks import FORMER_NAME
from omni_release.core.toml import table

_IN_CHECKLIST = re.compile(r"""^\s*(?:check|item)\s*=\s*["']([\w/-]+)["']""")


def find(root: Path, pyproject: Mapping[str, object], text: str) -> Iterator[Finding]:
    """A warning for each former name in the settings, the baseline, the checklists and their sign-offs."""
    for keys, former, today in _in_settings(table(pyproject, "tool", "omni-release"), (TABLE,)):
        yield _finding(former, today, "pyproject.toml", nearest_line(text, keys))
    path = root / baseline.FILE
    entries = _entries(path.read_text(encoding="utf-8", errors="replace")) if path.is_file() else ()
    for former in dict.fromkeys(entries):
        if (today := renamed.current(former)) != former:
            yield _finding(former, today, baseline.FILE, None, ": `omni-release baseline --update` writes that")
    for path in sorted((root / "checklists").rglob("*.toml")):
        try:
            lines = read_whole(path).decode("utf-8", "replace").split("\n")
        except OSError:  # `checklists-valid` reports it
            continue
        for number, line in enumerate(lines, 1):
            if (named := _IN_CHECKLIST.match(line)) and (today := renamed.current(named[1])) != named[1]:
                yield _finding(named[1], today, path.relative_to(root).as_posix(), number)


def _finding(former: str, today: str, path: str, line: int | None, how: str = "") -> Finding:
    return Finding(f"{renamed.notice(former, today)}{how}", FORMER_NAME.id, Severity.WARNING, path, line)


def _in_settings(settings: Mapping[str, object], keys: Keys) -> Iterator[tuple[Keys, str, str]]:
    """The former names in a table, with their place and today's."""
    for key, value in settings.items():
        at = (*keys, key)
        today = renamed.current(key) if keys == (TABLE, "severity") else renamed.setting(keys, key)
        if today != key:
            yield at, key, today
        if isinstance(value, dict):
            yield from _in_settings(value, at)
        elif isinstance(value, list):
            for number, item in enumerate(value):
                if isinstance(item, dict):
                    yield from _in_settings(item, (*at, number))
        elif isinstance(value, str) and keys[:2] == (TABLE, "waiver") and key == "check":
            if (today := renamed.current(value)) != value:
                yield at, value, today


def _entries(text: str) -> Iterator[str]:
    """The rules of a baseline; none where it is not valid: to read it says so."""
    try:
        found = json.loads(text).get("findings", ())
    except (ValueError, AttributeError, RecursionError):
        return
    for entry in found if isinstance(found, list) else ():
        if isinstance(entry, dict) and isinstance(entry.get("rule"), str):
            yield entry["rule"]
