"""Collects the messages that the tests provoke into one page, to be read as a user reads them: `nox -s messages`.

    OMNI_RELEASE_MESSAGES=FILE python -m pytest -p tests.messages
    python -m tests.messages FILE > page.md

As a plugin of pytest it adds a line of JSON to FILE for each finding and each error of the source, also of the command
lines that the tests start. As a program it prints them as one page, by the line of the source that writes them, with a
few examples of each.
"""

from __future__ import annotations

import functools
import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from omni_release.core.errors import OmniReleaseError
from omni_release.core.model import Finding

VARIABLE = "OMNI_RELEASE_MESSAGES"
_SOURCE = f"{os.sep}omni_release{os.sep}"
_EXAMPLES = 2  # of each line of the source
_FIELDS = ("message", "rule", "severity", "path", "line", "hint")
_IN_CHILDREN = f"""import importlib.util, sys
if "omni_release" in sys.orig_argv:
    spec = importlib.util.spec_from_file_location("messages_of_tests", {__file__!r})
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.record()
"""


def pytest_configure() -> None:
    """Record in this process and in each command line that it starts."""
    if VARIABLE in os.environ:
        record()
        folder = Path(tempfile.mkdtemp(prefix="omni-release-messages-"))
        (folder / "sitecustomize.py").write_text(_IN_CHILDREN, encoding="utf-8")
        os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (str(folder), os.environ.get("PYTHONPATH"))))


def record() -> None:
    """Record each finding and each error that is created from now on."""
    path = Path(os.environ[VARIABLE])
    for kind in (Finding, OmniReleaseError):
        kind.__init__ = _recorded(kind.__init__, path)  # type: ignore[method-assign]  # of both classes


def _recorded(create: Callable[..., None], path: Path) -> Callable[..., None]:
    @functools.wraps(create)
    def recording(self: Any, *values: Any, **named: Any) -> None:
        create(self, *values, **named)
        if origin := _origin():
            known = {field: str(value) for field in _FIELDS if (value := getattr(self, field, None))}
            with path.open("a", encoding="utf-8") as file:
                file.write(json.dumps({"origin": origin, "type": type(self).__name__, **known}) + "\n")

    return recording


def _origin() -> str:
    """The line of the source that creates a message; empty where a test does, or where it is a copy."""
    frame = sys._getframe(2)
    while frame.f_back and frame.f_code.co_name in ("__init__", "finding_at", "recording", "replace"):
        frame = frame.f_back
    if _SOURCE not in frame.f_code.co_filename:
        return ""
    return f"{frame.f_code.co_filename.rpartition(_SOURCE)[2]}:{frame.f_lineno}"


def page(lines: Iterable[str]) -> Iterator[str]:
    """The lines of the page: by module, then by line; each message once."""
    by_origin: dict[tuple[str, int], dict[str, dict[str, str]]] = {}
    for line in lines:
        message = json.loads(line)
        module, _, number = message["origin"].partition(":")
        by_origin.setdefault((module, int(number)), {}).setdefault(message.get("message", ""), message)
    shown = ""
    for (module, number), messages in sorted(by_origin.items()):
        if module != shown:
            yield from ("", f"## {module}", "")
            shown = module
        for text, message in list(messages.items())[:_EXAMPLES]:
            label = f"{message.get('rule') or message['type']} {message.get('severity', '')}".strip()
            place = f" {message['path']}:{message.get('line', '')}" if "path" in message else ""
            yield f"- {number} [{label}]{place}: {text}"
            if "hint" in message:
                yield f"    → {message['hint']}"


if __name__ == "__main__":
    print("\n".join(page(Path(sys.argv[1]).read_text(encoding="utf-8").splitlines())))
