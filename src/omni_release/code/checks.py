"""Bug patterns: once mended, none may come back."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from omni_release import environments as environments_module
from omni_release import programs, source_tree
from omni_release.code import LEFT_OUT, imports, scan, select_sources
from omni_release.core.errors import Inconclusive, NotApplicable
from omni_release.core.model import Finding, Release, Severity, importable, shown
from omni_release.core.toml import table
from omni_release.core.world import World


def bug_patterns(release: Release, world: World) -> Iterator[Finding]:
    """No known bug pattern stands anywhere: none of those that come with omni-release, none of the project's own.

    Each finding says why, and what to do. Mend all places at once: `omni-release audit --rule FILE` shows them. Where a
    finding is meant as it is, say so beside its line: `omni-release: allow RULE until DAY because REASON`.
    """
    project, settings = release.project, release.project.settings.audit
    look = scan.Look(
        root=project.root,
        files=source_tree.files(project.root, world.processes),
        rules=(*scan.shipped(), *scan.own(project.root, settings.rules)),
        ignored=settings.ignore,
        run=release.folder,
        environment=world.environment,
    )
    yield from scan.no_rules(project.root, settings.rules)
    yield from scan.scan(look, world.processes)


RULES = ("BLE001", "E722", "S110", "S112", "S113", "TRY203")


def silent_failures(release: Release, world: World) -> Iterator[Finding]:
    """No `except` in Python swallows what it catches, and no request waits for ever.

    These are ruff's own rules, whatever the project has chosen of them: `ruff rule BLE001` explains one. Raise the
    error again, catch the one that is expected, or say why it is meant: `# noqa: BLE001 - reason`, or a waiver.
    """
    project = release.project
    files = [file for file in source_tree.files(project.root, world.processes) if file.suffix in (".py", ".pyi")]
    found = select_sources(project.root, files, project.settings.audit.ignore)
    yield from (finding for finding in found.findings if finding.rule in LEFT_OUT)
    if not found.files:
        raise NotApplicable("there is no Python file to look at")
    with tempfile.TemporaryDirectory(prefix="omni-release-audit-") as folder:
        place = programs.ToolRun(project.root, release.folder, Path(folder), world.environment)
        for batch in programs.batches(found.files):
            yield from _said(place, world, batch)


def _said(place: programs.ToolRun, world: World, files: tuple[str, ...]) -> Iterator[Finding]:
    """What ruff finds in these files."""
    out = place.folder / "ruff.json"
    out.unlink(missing_ok=True)
    how = ("--isolated", "--no-cache", "--exit-zero", "--output-format=json", f"--output-file={out}")
    argv = (programs.find_program("ruff"), "check", *how, f"--select={','.join(RULES)}", "--", *files)
    completed, printed = programs.run_tool(place, world.processes, argv, "ruff")
    try:
        told = json.loads(out.read_bytes())
    except (OSError, ValueError):
        said = f"ruff {completed.ended(programs.DEADLINE)} without a verdict"
        raise Inconclusive(f"{said}:\n{printed[-2000:]}") from None
    yield from (_finding(entry, place.root) for entry in told)


def _finding(entry: dict[str, Any], root: Path) -> Finding:
    """ruff tells lines and columns from 1, in characters. What it cannot parse, it has not looked at."""
    code, at = entry["code"] or "invalid-syntax", entry["location"] or {"row": None, "column": None}
    path = shown(root, Path(entry["filename"]))
    if code == "invalid-syntax":
        said = f"not looked at: no Python that can be read: {entry['message']}"
        return Finding(said, "does-not-parse", Severity.WARNING, path, at["row"], at["column"])
    return Finding(entry["message"], code, Severity.ERROR, path, at["row"], at["column"])


def abandoned_packages(release: Release, world: World) -> Iterator[Finding]:
    """No package is imported or declared that its makers have given up.

    Each finding names the successor, and where its makers say so. Imports count wherever they stand,
    in a function or in a test.
    """
    project, known = release.project, imports.dead()
    files = [file for file in source_tree.files(project.root, world.processes) if file.suffix in (".py", ".pyi")]
    names = {package.name: package for package in known if package.name}
    own = {name.split(".")[0] for name in importable(project)} - {"google", "vertexai"}  # namespaces of others
    mentions = imports.mentions(known)
    seen = set()
    for file in select_sources(project.root, files, project.settings.audit.ignore).files:
        for found in imports.imports(project.root, file, mentions):
            package = None if found.module.split(".")[0] in own else imports.of(found.module, known)
            if package and (key := (found.path, found.line, package.modules)) not in seen:
                seen.add(key)
                said = f"imports {found.module}: {package.said}"
                yield Finding(said, "deprecated-import", path=found.path, line=found.line, column=found.column)
    for entry in imports.declared(project.root, project.metadata):
        if package := names.get(entry.name):
            said = f"requires {entry.requirement}: {package.said}"
            yield Finding(said, "deprecated-dependency", path="pyproject.toml", line=entry.line)


def deprecated_apis(release: Release, world: World) -> Iterator[Finding]:
    """Nothing that its makers have marked as deprecated (PEP 702) is used, as far as mypy can see.

    For projects that use mypy. Each finding has the makers' own words.
    """
    project = release.project
    if not _uses_mypy(release):
        raise NotApplicable("the project does not use mypy")
    if not (packages := [package.as_posix() for package in project.packages]):
        raise NotApplicable("the project has no import package")
    candidate = environments_module.python(release.environment("candidate"))
    options = ("--config-file=", "--ignore-missing-imports", "--check-untyped-defs", "--enable-error-code=deprecated")
    where = (f"--python-executable={candidate}", f"--cache-dir={release.work_dir / 'mypy'}")
    argv = (sys.executable, "-m", "mypy", *options, *where, "--output=json", "--no-error-summary", *packages)
    with tempfile.TemporaryDirectory(prefix="omni-release-audit-") as folder:
        place = programs.ToolRun(project.root, release.folder, Path(folder), world.environment)
        completed, said = programs.run_tool(place, world.processes, argv, "mypy")
    told = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
    if completed.code != 0 and not (completed.code == 1 and told):  # 1 is also how Python ends without such a module
        missing = "No module named mypy" in said
        why = "mypy is not here" if missing else f"mypy came to no verdict:\n{said[-1000:]}"
        raise Inconclusive(why, "Install mypy beside omni-release." if missing else "")
    for entry in told:
        if entry["code"] == "deprecated":
            path = entry["file"].replace("\\", "/")
            yield Finding(entry["message"], "deprecated", path=path, line=entry["line"], column=entry["column"] + 1)


def _uses_mypy(release: Release) -> bool:
    project = release.project
    if table(project.metadata, "tool", "mypy") or any((project.root / name).is_file() for name in _MYPY):
        return True
    return any(entry.name == "mypy" for entry in imports.declared(project.root, project.metadata))


_MYPY = ("mypy.ini", ".mypy.ini")
