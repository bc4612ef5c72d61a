"""Checks of the dependencies: declared as imported, maintained, with correct lower bounds, without vulnerabilities."""

from __future__ import annotations

import json
import re
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name

from omni_release import distributions, environments, programs
from omni_release.code import imports
from omni_release.core.errors import Inconclusive, NotApplicable, install_hint
from omni_release.core.model import Finding, Project, Release, Severity, display_path, importable
from omni_release.core.tasks import Rule, RuleClass, reports
from omni_release.core.toml import table
from omni_release.core.world import Completed, World
from omni_release.environments import installers

# By deptry's code: severity, rule, fix (https://deptry.com/rules-violations/).
_DEPTRY = {
    "DEP001": (Severity.ERROR, "undeclared", "Declare it in `dependencies`, or in the extra that needs it."),
    "DEP002": (Severity.WARNING, "unused", "Remove it, or list it in [tool.deptry]."),
    "DEP003": (
        Severity.ERROR,
        "undeclared",
        "Declare it: another package requires it today, and may not tomorrow.",
    ),
    "DEP004": (Severity.ERROR, "undeclared", "Declare it in `dependencies`: only a development extra has it."),
    "DEP005": (Severity.WARNING, "standard-library", "Remove it: the module is part of Python."),
}
_ASSUMED = re.compile(r"Assuming the corresponding module name of package '([^']+)'")
_DEV_EXTRAS = {"test", "tests", "testing", "dev", "develop", "development", "docs", "doc", "lint", "typing", "types"}
_DEV_EXTRAS |= {"all"}


@reports(
    Rule("undeclared", RuleClass.QUALITY, "Imported package is not declared"),
    Rule("unused", RuleClass.QUALITY, "Declared package is not imported"),
    Rule("standard-library", RuleClass.QUALITY, "Declared package is part of Python"),
    Rule(r"dep\d{3}", RuleClass.QUALITY, "Violation of another deptry rule"),
)
def imports_declared(release: Release, world: World) -> Iterator[Finding]:
    """Imports and declared dependencies match

    Every package that the project imports is declared, and every declared package is imported, by deptry and what is
    installed in the candidate environment.

    Fix: declare or remove the dependency; list what deptry cannot see (a plug-in, an optional import) in [tool.deptry].
    """
    project = release.project
    dynamic = table(project.metadata, "project").get("dynamic")
    if isinstance(dynamic, list) and "dependencies" in dynamic:
        raise NotApplicable("the build determines `dependencies`: pyproject.toml does not state them")
    # deptry takes folders: a single module is in one with everything else.
    folders = {package.path if not package.path.suffix else package.path.parent for package in project.packages}
    if not folders:
        raise NotApplicable("the project has no import package")
    with tempfile.TemporaryDirectory(prefix="omni-release-audit-") as scratch:
        roots = sorted(folder.as_posix() for folder in folders)
        entries, output = _run_deptry(release, world, Path(scratch), roots)
    not_installed = set(_ASSUMED.findall(output))
    for entry in entries:
        yield from _deptry_finding(entry, not_installed, project)


def _run_deptry(release: Release, world: World, folder: Path, roots: list[str]) -> tuple[list[dict[str, Any]], str]:
    """deptry's JSON and its output. It maps packages to modules by what is installed where it runs."""
    project, out = release.project, folder / "deptry.json"
    own = ",".join(sorted({name.split(".")[0] for name in importable(project)}))
    extras = [name for name in table(project.metadata, "project", "optional-dependencies") if name in _DEV_EXTRAS]
    settings = table(project.metadata, "tool", "deptry")
    options = ("--no-ansi", f"--json-output={out}", f"--known-first-party={own}")
    argv = [*programs.module(sys.executable, "deptry", *roots), *options]
    if extras and not {"optional_dependencies_dev_groups", "pep621_dev_dependency_groups"} & set(settings):
        argv.append(f"--optional-dependencies-dev-groups={','.join(extras)}")
    candidate = environments.site_packages(release.environment("candidate"))
    variables = {"PYTHONPATH": str(candidate)} if candidate.is_dir() else {}
    context = programs.ToolContext(project.root, release.folder, folder, world.environment)
    completed, output = programs.run_tool(context, world.processes, argv, "deptry", variables)
    try:
        return json.loads(out.read_bytes()), output
    except (OSError, ValueError):
        if "No module named deptry" in output:
            raise Inconclusive("deptry is not installed", install_hint("audit")) from None
        message = f"deptry {completed.ended(programs.DEADLINE)} without a result:\n{output[-2000:]}"
        raise Inconclusive(message) from None


def _deptry_finding(entry: dict[str, Any], not_installed: set[str], project: Project) -> Iterator[Finding]:
    """A violation as a finding; no error where a package that is not installed may provide the module."""
    code, module, at = entry["error"]["code"], entry["module"], entry["location"]
    severity, rule, fix = _DEPTRY.get(code, (Severity.WARNING, code.lower(), "See https://deptry.com."))
    message = f"{entry['error']['message']} ({code})\n→ {fix}"
    if code == "DEP002" and (module in not_installed or canonicalize_name(module) == canonicalize_name(project.name)):
        return
    if code == "DEP001" and not_installed:
        severity = Severity.WARNING
        message += f"\nInconclusive: it may be a module of {', '.join(sorted(not_installed))}, not installed here."
    path = display_path(project.root, Path(at["file"]))
    yield Finding(message, rule, severity, path, at["line"] or None, at["column"] or None)


@reports(Rule("unmaintained", RuleClass.RELEASE, "Dependency is deprecated, archived, quarantined or inactive"))
def dependencies_maintained(release: Release, world: World) -> Iterator[Finding]:
    """All dependencies are maintained

    With the setting `maintained`, the index reports no dependency as deprecated, archived or quarantined (PEP 792), and
    no newest release has the classifier `Inactive`.

    Fix: replace the dependency with a maintained one.
    """
    if not release.project.settings.dependencies.maintained:
        raise NotApplicable("`maintained` in [tool.omni-release.dependencies] is not set")
    unanswered = []
    declared = imports.declared_requirements(release.project.root, release.project.metadata)
    for entry in {entry.name: entry for entry in declared}.values():
        try:
            status = world.default_index.status(entry.name)
        except Inconclusive as error:
            unanswered.append(f"{entry.name}: {error.message}")
            continue
        if status:
            message = f"requires {entry.requirement}: {status}"
            yield Finding(message, "unmaintained", path="pyproject.toml", line=entry.line)
    if unanswered:
        raise Inconclusive("\n".join(("no status available for:", *unanswered)), "Check the network connection.")


@reports(Rule("lower-bound", RuleClass.RELEASE, "Release does not install or import at its lower bounds"))
def lower_bounds(release: Release, world: World) -> Iterator[Finding]:
    """Lower bounds are correct

    With the setting `lower-bounds`, the release installs and imports with each direct dependency at its lower bound.

    Fix: raise the bound that is too low; uv's output is in the run's `logs/lowest.log`.
    """
    from packaging.requirements import Requirement

    if not release.project.settings.dependencies.lower_bounds:
        raise NotApplicable("`lower-bounds` in [tool.omni-release.dependencies] is not set")
    target, wheel = release.environment("lowest"), distributions.installable(release.dist)
    python = str(environments.python(target))
    # For uv only its own arguments are direct requirements, not those of a wheel: so they are arguments too.
    direct = []
    for stated in distributions.metadata(wheel).get_all("Requires-Dist", []):
        requirement = Requirement(stated)
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            requirement.marker = None
            direct.append(str(requirement))
    arguments = ("--resolution", "lowest-direct", "--python", python, str(wheel), *direct)
    install = installers.uv("pip", "install", "--project", str(release.project.root), *arguments)
    for argv in (installers.venv(target), install):
        completed = _run_configured(release, world, argv, "lowest")
        if completed.code != 0:
            yield Finding("\n".join(("the release does not install:", *completed.tail[-12:])), "lower-bound")
            return
    for name in importable(release.project):
        completed = _run_configured(release, world, (python, "-I", "-c", f"import {name}"), "lowest")
        if completed.code != 0:
            yield Finding("\n".join((f"`import {name}` fails:", *completed.tail[-6:])), "lower-bound")


@reports(Rule("vulnerability", RuleClass.RELEASE, "Installed dependency has a known vulnerability"))
def vulnerabilities(release: Release, world: World) -> Iterator[Finding]:
    """No known vulnerabilities

    With the setting `vulnerabilities`, pip-audit finds no published vulnerability in what is installed with the
    release.

    Fix: require a release of the dependency that fixes the vulnerability.
    """
    if not release.project.settings.dependencies.vulnerabilities:
        raise NotApplicable("`vulnerabilities` in [tool.omni-release.dependencies] is not set")
    out = release.folder / "pip-audit.json"
    out.unlink(missing_ok=True)
    site = environments.site_packages(release.environment("released-uv"))
    options = ("--path", str(site), "--format", "json", "--output", str(out), "--progress-spinner", "off")
    argv = programs.module(sys.executable, "pip_audit", *options, "--desc", "off")
    completed = _run_configured(release, world, argv, "pip-audit")
    try:
        dependencies = json.loads(out.read_bytes())["dependencies"]
    except (OSError, ValueError, KeyError):
        if any("No module named pip_audit" in line for line in completed.tail):
            hint = "Install pip-audit in omni-release's environment."
            raise Inconclusive("pip-audit is not installed", hint) from None
        message = "\n".join(("pip-audit ended without a result:", *completed.tail[-5:]))
        raise Inconclusive(message, "Check the network connection.") from None
    own, skipped = canonicalize_name(release.project.name), []
    for entry in dependencies:
        if (reason := entry.get("skip_reason")) and canonicalize_name(entry["name"]) != own:
            skipped.append(f"{entry['name']}: {reason}")
        for vulnerability in entry.get("vulns", ()):
            fixed = ", ".join(vulnerability["fix_versions"]) or "no version yet"
            message = f"{entry['name']} {entry['version']}: {vulnerability['id']}, fixed in {fixed}"
            yield Finding(message, "vulnerability")
    if skipped:
        hint = "Check packages of private indexes by other means, and require the others from a public index."
        raise Inconclusive("\n".join(("pip-audit could not check:", *skipped)), hint)


def _run_configured(release: Release, world: World, argv: tuple[str, ...], name: str) -> Completed:
    """Run a program with this machine's settings. Raises Inconclusive on a timeout or a network failure."""
    command = replace(installers.configured(release, world, name, argv), background=True)
    completed = world.processes.run(command)
    if completed.timed_out:
        raise Inconclusive(f"{Path(argv[0]).name} {completed.ended(command.deadline)}", f"See {command.log}.")
    if completed.code != 0 and completed.network:
        raise Inconclusive("\n".join(("probably a network failure:", *completed.tail[-5:])), f"See {command.log}.")
    return completed
