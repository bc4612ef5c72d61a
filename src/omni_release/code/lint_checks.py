"""Failures that nobody learns of: what ruff knows of them. What it does not know are rules of `code/rules/`."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from omni_release import source_tree
from omni_release.code.sources import LEFT_OUT, sources
from omni_release.core.errors import CannotTell, NotApplicable
from omni_release.core.model import Finding, Release, Severity
from omni_release.core.world import World
from omni_release.environments import tools
from omni_release.project import shown

RULES = ("BLE001", "E722", "S110", "S112", "S113", "TRY203")


def failures_surface(release: Release, world: World) -> Iterator[Finding]:
    """No `except` in Python swallows what it catches, and no request waits for ever.

    These are ruff's own rules, whatever the project has chosen of them: `ruff rule BLE001` explains one. Raise the
    error again, catch the one that is expected, or say why it is meant: `# noqa: BLE001 - reason`, or a waiver.
    """
    project = release.project
    files = [file for file in source_tree.files(project.root, world.processes) if file.suffix in (".py", ".pyi")]
    found = sources(project.root, files, project.settings.audit.ignore)
    yield from (finding for finding in found.findings if finding.rule in LEFT_OUT)
    if not found.files:
        raise NotApplicable("there is no Python file to look at")
    with tempfile.TemporaryDirectory(prefix="omni-release-audit-") as folder:
        place = tools.Place(project.root, release.folder, Path(folder), world.environment)
        for batch in tools.batches(found.files):
            yield from _said(place, world, batch)


def _said(place: tools.Place, world: World, files: tuple[str, ...]) -> Iterator[Finding]:
    """What ruff finds in these files."""
    out = place.folder / "ruff.json"
    out.unlink(missing_ok=True)
    how = ("--isolated", "--no-cache", "--exit-zero", "--output-format=json", f"--output-file={out}")
    argv = (tools.find("ruff"), "check", *how, f"--select={','.join(RULES)}", "--", *files)
    completed, printed = tools.ran(place, world.processes, argv, "ruff")
    try:
        told = json.loads(out.read_bytes())
    except (OSError, ValueError):
        said = f"ruff {completed.ended(tools.DEADLINE)} without a verdict"
        raise CannotTell(f"{said}:\n{printed[-2000:]}") from None
    yield from (_finding(entry, place.root) for entry in told)


def _finding(entry: dict[str, Any], root: Path) -> Finding:
    """ruff tells lines and columns from 1, in characters. What it cannot parse, it has not looked at."""
    code, at = entry["code"] or "invalid-syntax", entry["location"] or {"row": None, "column": None}
    path = shown(root, Path(entry["filename"]))
    if code == "invalid-syntax":
        said = f"not looked at: no Python that can be read: {entry['message']}"
        return Finding(said, "does-not-parse", Severity.WARNING, path, at["row"], at["column"])
    return Finding(entry["message"], code, Severity.ERROR, path, at["row"], at["column"])
