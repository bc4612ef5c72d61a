"""Checks of the source code: bug patterns, silent failures, abandoned packages, deprecated APIs."""

from __future__ import annotations

import ast
import json
import re
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

from omni_release import environments, file_roles, programs, source_tree
from omni_release.code import SKIPPED_RULES, SOURCE_RULES, imports, requirements, scan, select_sources
from omni_release.core.cache import Inputs
from omni_release.core.errors import NotApplicable, ToolUnavailable
from omni_release.core.model import Finding, Project, Release, Severity, display_path, importable
from omni_release.core.tasks import Rule, RuleClass, reports
from omni_release.core.toml import table
from omni_release.core.world import World
from omni_release.environments.inputs import of_checkout

_MYPY_FILES = ("mypy.ini", ".mypy.ini")
_OWN_NAME = re.compile(rb"\bomni[-_]release\b")
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
        files=source_tree.files_at_start(project.root, world.processes),
        rules=(*scan.shipped_rules(), *scan.project_rules(project.root, settings.rules)),
        ignored=settings.ignore,
        run=release.folder,
        environment=world.environment,
    )
    yield from scan.missing_rules(project.root, settings.rules)
    roles, adopted = file_roles.of_project(project), _is_adopted(project)
    try:
        for finding in scan.find_matches(options, world.processes):
            if finding.rule == _BY_HAND and not adopted:
                yield replace(finding, severity=Severity.NOTICE)
            else:
                yield finding if finding.configured else _lowered(finding, roles)
    except ToolUnavailable as error:
        raise ToolUnavailable(error.message, error.hint, configured=bool(settings.rules)) from None


def _is_adopted(project: Project) -> bool:
    """Whether a project uses omni-release: one that only tries it publishes in another way, and rightly so."""
    texts = (project.root / name for name in ("pyproject.toml", "noxfile.py", ".pre-commit-config.yaml"))
    return any(_OWN_NAME.search(path.read_bytes()) for path in texts if path.is_file())


_BY_HAND = "publish-by-hand"
_OF_RELEASING = {_BY_HAND, "dist-removed-by-hand"}  # what these find is never in what ships
_OF_USERS = (file_roles.Role.SHIPPED, file_roles.Role.VENDORED, file_roles.Role.OTHER)


def _lowered(finding: Finding, roles: file_roles.FileRoles) -> Finding:
    """A match of a rule that omni-release ships: advice where the file neither ships nor releases."""
    role = roles.role(finding.path or "")
    if finding.severity is not Severity.ERROR or finding.path is None or role in _OF_USERS:
        return finding
    if role is file_roles.Role.DEVELOPMENT and finding.rule in _OF_RELEASING:
        return finding
    return replace(finding, severity=Severity.WARNING)


_RUFF_RULES = (
    Rule("BLE001", RuleClass.QUALITY, "Blind except"),
    Rule("E722", RuleClass.QUALITY, "Bare except"),
    Rule("S110", RuleClass.QUALITY, "try-except-pass"),
    Rule("S112", RuleClass.QUALITY, "try-except-continue"),
    Rule("S113", RuleClass.QUALITY, "Request without timeout"),
    Rule("TRY203", RuleClass.QUALITY, "Useless try-except"),
)

_SELECT = f"--select={','.join(rule.id for rule in _RUFF_RULES)}"


@reports(*_RUFF_RULES, *SKIPPED_RULES, Rule("does-not-parse", RuleClass.QUALITY, "File is not valid Python"))
def silent_failures(release: Release, world: World) -> Iterator[Finding]:
    """No silent failures

    No `except` in Python that ships swallows an exception and no request lacks a timeout, by ruff's rules BLE001, E722,
    S110, S112, S113 and TRY203, whichever of them the project has selected.

    Fix: raise the error again, catch only the expected one, or give the reason in a `# noqa: RULES - REASON` or a
    waiver. RULES are those that are found at this place; `ruff rule BLE001` explains one.
    """
    project, roles = release.project, file_roles.of_project(release.project)
    files = [file for file in _python_files(release, world) if roles.role(file) not in _NOT_SHIPPED]
    sources = select_sources(project.root, files, project.settings.audit.ignore)
    skipped = {rule.id for rule in SKIPPED_RULES}
    yield from (finding for finding in sources.findings if finding.rule in skipped)
    if not sources.files:
        raise NotApplicable("no file that ships is Python")
    with tempfile.TemporaryDirectory(prefix="omni-release-audit-") as folder:
        context = programs.ToolContext(project.root, release.folder, Path(folder), world.environment)
        for batch in programs.batches(sources.files):
            for finding in (_ruff_finding(entry, project.root) for entry in run_ruff(context, world, batch, _SELECT)):
                if finding.rule == "TRY203" and _lets_through(project.root / (finding.path or ""), finding.line):
                    continue
                advice = finding.severity is Severity.ERROR and roles.role(finding.path or "") in _ADVICE
                yield replace(finding, severity=Severity.NOTICE) if advice else finding


_NOT_SHIPPED = (file_roles.Role.TEST, file_roles.Role.DOCS, file_roles.Role.VENDORED)
_ADVICE = (file_roles.Role.EXAMPLE, file_roles.Role.DEVELOPMENT, file_roles.Role.OTHER)


def _python_files(release: Release, world: World) -> list[PurePosixPath]:
    files = source_tree.files_at_start(release.project.root, world.processes)
    return [file for file in files if file.suffix in (".py", ".pyi")]


def _lets_through(path: Path, line: int | None) -> bool:
    """Whether the `except` at this line is one of several, which raises again what a wider one would catch."""
    tree = imports.parse(path)
    clauses = (node.handlers[:-1] for node in ast.walk(tree) if isinstance(node, ast.Try)) if tree else ()
    return any(clause.lineno <= (line or 0) <= (clause.end_lineno or 0) for several in clauses for clause in several)


def run_ruff(
    context: programs.ToolContext, world: World, files: tuple[str, ...], *rules: str, name: str = "ruff"
) -> list[dict[str, Any]]:
    """ruff's JSON for these files, by the options `rules`. Raises ToolUnavailable where it ends without any."""
    out = context.folder / f"{name}.json"
    out.unlink(missing_ok=True)
    options = ("--isolated", "--no-cache", "--exit-zero", "--output-format=json", f"--output-file={out}")
    argv = (programs.find_program("ruff"), "check", *options, *rules, "--", *files)
    completed, output = programs.run_tool(context, world.processes, argv, name)
    try:
        entries: list[dict[str, Any]] = json.loads(out.read_bytes())
    except (OSError, ValueError):
        raise programs.unavailable("ruff", completed.ended(programs.DEADLINE), output) from None
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

    No module that ships imports, and no file declares as a dependency, a package or module that its authors have
    abandoned. An import that the module does without, and one in tests, examples or scripts, is a warning.

    Fix: move to the successor that the finding names.
    """
    # Not ruff's TID251 (banned-api): it does not see `import_module("…")`, and any noqa comment silences it.
    project, abandoned = release.project, imports.load_abandoned()
    roles, files = file_roles.of_project(project), _python_files(release, world)
    own = {name.split(".")[0] for name in importable(project)} - _SHARED_NAMESPACES
    name = imports.name_of(project.name)
    mentions, provided, optional = imports.mentions(abandoned), _provided(release), _optional(release)
    for file in select_sources(project.root, files, project.settings.audit.ignore).files:
        found = tuple(imports.read_imports(project.root, file, mentions))
        here = provided | {imports.name_of(site.module.split(".")[0]) for site in found if not site.guarded}
        reported = set()
        for site in found:
            package = None if site.module.split(".")[0] in own else imports.abandoned_package(site.module, abandoned)
            if package and name in (package.distribution, *package.providers):
                continue  # its own: setuptools brings distutils
            if package and (key := (site.line, package.modules)) not in reported:
                reported.add(key)
                soft = site.guarded or package.still or (site.in_function and package.distribution in optional)
                hard = roles.role(file) is file_roles.Role.SHIPPED and not soft
                severity = Severity.ERROR if hard and here.isdisjoint(package.providers) else Severity.WARNING
                message = f"imports {site.module}: {package.description}"
                yield Finding(message, "deprecated-import", severity, site.path, site.line, site.column)
    by_name = {package.name: package for package in abandoned if package.name}
    for entry in imports.declared_requirements(project.root, project.metadata):
        if package := by_name.get(entry.name):
            message = f"requires {entry.requirement}: {package.description}"
            severity = Severity.ERROR if entry.hard else Severity.WARNING
            yield Finding(message, "deprecated-dependency", severity, "pyproject.toml", entry.line)
    yield from _abandoned_elsewhere(release, by_name)


def _abandoned_elsewhere(release: Release, by_name: Mapping[str, imports.AbandonedPackage]) -> Iterator[Finding]:
    """Findings about the dependencies of a project whose pyproject.toml does not state them."""
    if requirements.in_pyproject(release.project.metadata) or not (stated := requirements.find(release)):
        return
    path = stated.source if (release.project.root / stated.source).is_file() else None
    for requirement in stated.runtime:
        if package := by_name.get(imports.name_of(requirement)):
            severity = Severity.WARNING if ";" in requirement else Severity.ERROR
            yield Finding(f"requires {requirement}: {package.description}", "deprecated-dependency", severity, path)


def _optional(release: Release) -> set[str]:
    """The names of the packages that only extras have: a function that imports one is for their users."""
    project = release.project
    declared = tuple(imports.declared_requirements(project.root, project.metadata))
    names = {entry.name for entry in declared if entry.runtime and not entry.hard}
    return names - {entry.name for entry in declared if entry.hard}


def _provided(release: Release) -> set[str]:
    """The names of what the project requires: one of them may bring a module that Python has removed."""
    project = release.project
    declared = imports.declared_requirements(project.root, project.metadata)
    names = {entry.name for entry in declared if entry.runtime}
    if not requirements.in_pyproject(project.metadata) and (stated := requirements.find(release)):
        names |= {imports.name_of(requirement) for requirement in stated.runtime}
    return names


@reports(Rule("deprecated", RuleClass.QUALITY, "Deprecated API is used"))
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
    environment = release.environment("candidate")
    candidate = environments.python(environment)
    # The project's own mypy, where its tests need one: it has the version and the plug-ins that the code is meant for.
    python = str(candidate) if (environments.site_packages(environment) / "mypy").is_dir() else sys.executable
    options = ("--config-file=", "--ignore-missing-imports", "--check-untyped-defs", "--enable-error-code=deprecated")
    folders = (f"--python-executable={candidate}", f"--cache-dir={release.work_dir / 'mypy'}")
    output_options = ("--output=json", "--no-error-summary")
    argv = programs.module(python, "mypy", *options, *folders, *output_options, *packages)
    with tempfile.TemporaryDirectory(prefix="omni-release-audit-") as folder:
        context = programs.ToolContext(project.root, release.folder, Path(folder), world.environment)
        completed, output = programs.run_tool(context, world.processes, argv, "mypy")
    entries = [json.loads(line) for line in output.splitlines() if line.startswith("{")]
    if completed.code != 0 and not (completed.code == 1 and entries):  # 1 is also Python's code for a missing module
        raise programs.unavailable("mypy", completed.ended(programs.DEADLINE), output)
    for entry in entries:
        if entry["code"] == "deprecated":
            path = entry["file"].replace("\\", "/")
            yield Finding(entry["message"], "deprecated", path=path, line=entry["line"], column=entry["column"] + 1)


def mypy_inputs(release: Release, world: World) -> Inputs | None:
    """The inputs of mypy: the checkout, and what is installed."""
    return of_checkout(release, world) if _uses_mypy(release) else None


def _uses_mypy(release: Release) -> bool:
    """Whether the project configures mypy, or declares it as a requirement of any kind."""
    project = release.project
    if table(project.metadata, "tool", "mypy") or any((project.root / name).is_file() for name in _MYPY_FILES):
        return True
    declared = imports.declared_requirements(project.root, project.metadata)
    return any(entry.name == "mypy" for entry in declared)
