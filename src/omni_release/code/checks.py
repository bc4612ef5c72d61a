"""Checks of the source code: bug patterns, silent failures, abandoned packages, deprecated APIs."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from omni_release import environments, programs, source_tree
from omni_release.code import SKIPPED_RULES, SOURCE_RULES, imports, scan, select_sources
from omni_release.core.errors import Inconclusive, NotApplicable
from omni_release.core.model import Finding, Release, Severity, display_path, importable
from omni_release.core.tasks import Rule, RuleClass, reports
from omni_release.core.toml import table
from omni_release.core.world import World

_MYPY_FILES = ("mypy.ini", ".mypy.ini")
_SHARED_NAMESPACES = {"google", "vertexai"}  # a project with a part of one does not own what others have in it


@reports(
    *SOURCE_RULES,
    Rule("no-rules", RuleClass.QUALITY, "Folder of rules is missing or empty"),
    Rule("rule-does-not-parse", RuleClass.QUALITY, "Rule file cannot be used"),
)
def bug_patterns(release: Release, world: World) -> Iterator[Finding]:
    """No known bug patterns

    No file matches a rule for ast-grep, neither one that omni-release ships nor one of the project's own.

    Fix: correct every occurrence, which `omni-release audit --rule FILE` lists; where one is intended, add the comment
    `omni-release: allow RULE until DAY because REASON` to its line.
    """
    project, settings = release.project, release.project.settings.audit
    options = scan.ScanOptions(
        root=project.root,
        files=source_tree.files(project.root, world.processes),
        rules=(*scan.shipped_rules(), *scan.project_rules(project.root, settings.rules)),
        ignored=settings.ignore,
        run=release.folder,
        environment=world.environment,
    )
    yield from scan.missing_rules(project.root, settings.rules)
    yield from scan.find_matches(options, world.processes)


_RUFF_RULES = (
    Rule("BLE001", RuleClass.QUALITY, "Blind except"),
    Rule("E722", RuleClass.QUALITY, "Bare except"),
    Rule("S110", RuleClass.QUALITY, "try-except-pass"),
    Rule("S112", RuleClass.QUALITY, "try-except-continue"),
    Rule("S113", RuleClass.QUALITY, "Request without timeout"),
    Rule("TRY203", RuleClass.QUALITY, "Useless try-except"),
)


@reports(*_RUFF_RULES, *SKIPPED_RULES, Rule("does-not-parse", RuleClass.QUALITY, "File is not valid Python"))
def silent_failures(release: Release, world: World) -> Iterator[Finding]:
    """No silent failures

    No `except` in Python swallows an exception and no request lacks a timeout, by ruff's rules BLE001, E722, S110,
    S112, S113 and TRY203, whichever of them the project has selected.

    Fix: raise the error again, catch only the expected one, or give the reason in a `# noqa: BLE001 - REASON` or a
    waiver; `ruff rule BLE001` explains a rule.
    """
    project = release.project
    files = [file for file in source_tree.files(project.root, world.processes) if file.suffix in (".py", ".pyi")]
    sources = select_sources(project.root, files, project.settings.audit.ignore)
    skipped = {rule.id for rule in SKIPPED_RULES}
    yield from (finding for finding in sources.findings if finding.rule in skipped)
    if not sources.files:
        raise NotApplicable("the project has no Python files")
    with tempfile.TemporaryDirectory(prefix="omni-release-audit-") as folder:
        context = programs.ToolContext(project.root, release.folder, Path(folder), world.environment)
        for batch in programs.batches(sources.files):
            yield from (_ruff_finding(entry, project.root) for entry in _run_ruff(context, world, batch))


def _run_ruff(context: programs.ToolContext, world: World, files: tuple[str, ...]) -> list[dict[str, Any]]:
    """ruff's JSON for these files. Raises Inconclusive where it ends without any."""
    out = context.folder / "ruff.json"
    out.unlink(missing_ok=True)
    options = ("--isolated", "--no-cache", "--exit-zero", "--output-format=json", f"--output-file={out}")
    select = f"--select={','.join(rule.id for rule in _RUFF_RULES)}"
    argv = (programs.find_program("ruff"), "check", *options, select, "--", *files)
    completed, output = programs.run_tool(context, world.processes, argv, "ruff")
    try:
        entries: list[dict[str, Any]] = json.loads(out.read_bytes())
    except (OSError, ValueError):
        message = f"ruff {completed.ended(programs.DEADLINE)} without a result:\n{output[-2000:]}"
        raise Inconclusive(message) from None
    return entries


def _ruff_finding(entry: dict[str, Any], root: Path) -> Finding:
    """ruff counts lines and columns from 1, in characters. A file that it cannot parse was not analysed."""
    code, at = entry["code"] or "invalid-syntax", entry["location"] or {"row": None, "column": None}
    path = display_path(root, Path(entry["filename"]))
    if code == "invalid-syntax":
        message = f"skipped: not valid Python: {entry['message']}"
        return Finding(message, "does-not-parse", Severity.WARNING, path, at["row"], at["column"])
    return Finding(entry["message"], code, Severity.ERROR, path, at["row"], at["column"])


@reports(
    Rule("deprecated-import", RuleClass.RELEASE, "Abandoned package is imported"),
    Rule("deprecated-dependency", RuleClass.RELEASE, "Abandoned package is declared as a dependency"),
)
def abandoned_packages(release: Release, world: World) -> Iterator[Finding]:
    """No abandoned packages

    No file imports and pyproject.toml does not declare a package or module that its authors have abandoned.

    Fix: move to the successor that the finding names.
    """
    # Not ruff's TID251 (banned-api): it does not see `import_module("…")`, and any noqa comment silences it.
    project, abandoned = release.project, imports.load_abandoned()
    files = [file for file in source_tree.files(project.root, world.processes) if file.suffix in (".py", ".pyi")]
    own = {name.split(".")[0] for name in importable(project)} - _SHARED_NAMESPACES
    mentions = imports.mentions(abandoned)
    reported = set()
    for file in select_sources(project.root, files, project.settings.audit.ignore).files:
        for found in imports.read_imports(project.root, file, mentions):
            package = None if found.module.split(".")[0] in own else imports.abandoned_package(found.module, abandoned)
            if package and (key := (found.path, found.line, package.modules)) not in reported:
                reported.add(key)
                message = f"imports {found.module}: {package.description}"
                yield Finding(message, "deprecated-import", path=found.path, line=found.line, column=found.column)
    by_name = {package.name: package for package in abandoned if package.name}
    for entry in imports.declared_requirements(project.root, project.metadata):
        if package := by_name.get(entry.name):
            message = f"requires {entry.requirement}: {package.description}"
            yield Finding(message, "deprecated-dependency", path="pyproject.toml", line=entry.line)


@reports(Rule("deprecated", RuleClass.RELEASE, "Deprecated API is used"))
def deprecated_apis(release: Release, world: World) -> Iterator[Finding]:
    """No deprecated APIs

    In a project that uses mypy, no code uses an API that is marked as deprecated (PEP 702), as far as mypy sees.

    Fix: use what the deprecation message recommends.
    """
    project = release.project
    if not _uses_mypy(release):
        raise NotApplicable("the project does not use mypy")
    if not (packages := [package.path.as_posix() for package in project.packages]):
        raise NotApplicable("the project has no import package")
    candidate = environments.python(release.environment("candidate"))
    options = ("--config-file=", "--ignore-missing-imports", "--check-untyped-defs", "--enable-error-code=deprecated")
    folders = (f"--python-executable={candidate}", f"--cache-dir={release.work_dir / 'mypy'}")
    output_options = ("--output=json", "--no-error-summary")
    argv = programs.module(sys.executable, "mypy", *options, *folders, *output_options, *packages)
    with tempfile.TemporaryDirectory(prefix="omni-release-audit-") as folder:
        context = programs.ToolContext(project.root, release.folder, Path(folder), world.environment)
        completed, output = programs.run_tool(context, world.processes, argv, "mypy")
    entries = [json.loads(line) for line in output.splitlines() if line.startswith("{")]
    if completed.code != 0 and not (completed.code == 1 and entries):  # 1 is also Python's code for a missing module
        if "No module named mypy" in output:
            raise Inconclusive("mypy is not installed", "Install mypy in omni-release's environment.")
        raise Inconclusive(f"mypy ended without a result:\n{output[-1000:]}")
    for entry in entries:
        if entry["code"] == "deprecated":
            path = entry["file"].replace("\\", "/")
            yield Finding(entry["message"], "deprecated", path=path, line=entry["line"], column=entry["column"] + 1)


def _uses_mypy(release: Release) -> bool:
    """Whether the project configures mypy, or declares it as a requirement of any kind."""
    project = release.project
    if table(project.metadata, "tool", "mypy") or any((project.root / name).is_file() for name in _MYPY_FILES):
        return True
    declared = imports.declared_requirements(project.root, project.metadata)
    return any(entry.name == "mypy" for entry in declared)
