"""Checks of the dependencies: declared as imported, maintained, with correct lower bounds, without vulnerabilities."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from omni_release import distributions, environments, file_roles, programs, source_tree
from omni_release.code import declared_imports, imports, select_sources, uses
from omni_release.core.actions import Write
from omni_release.core.cache import Inputs
from omni_release.core.errors import ActionFailed, Inconclusive, NotApplicable, ToolUnavailable
from omni_release.core.model import Finding, Release, importable
from omni_release.core.tasks import Rule, RuleClass, reports
from omni_release.core.world import Completed, World
from omni_release.environments import installer_config, installers
from omni_release.environments.inputs import of_artifacts


@reports(
    Rule("undeclared", RuleClass.QUALITY, "Imported package is not declared"),
    Rule("unused", RuleClass.QUALITY, "Declared package is not imported"),
    Rule("standard-library", RuleClass.QUALITY, "Declared package is part of Python"),
    Rule(r"dep\d{3}", RuleClass.QUALITY, "Violation of another deptry rule"),
)
def imports_declared(release: Release, world: World) -> Iterator[Finding]:
    """Imports and declared dependencies match

    Every package that a module that ships imports is declared, and every declared package is imported, by deptry and
    what is installed in the candidate environment. An import that the module does without is a notice.

    Fix: declare or remove the dependency; list what deptry cannot see (a plug-in, an optional import) in [tool.deptry].
    """
    yield from declared_imports.find(release, world)


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
        raise Inconclusive(
            "\n".join(("no status available for:", *unanswered)), f"Check the network connection. {_off('maintained')}"
        )


NEWER = Rule("newer-than-lower-bound", RuleClass.RELEASE, "Code uses what a dependency lacks at its lower bound")


@reports(Rule("lower-bound", RuleClass.RELEASE, "Release does not install or import at its lower bounds"), NEWER)
def lower_bounds(release: Release, world: World) -> Iterator[Finding]:
    """Lower bounds are correct

    With the setting `lower-bounds`, the release installs and imports with each direct dependency at its lower bound. No
    module that ships uses a name, or a keyword of a call, that a dependency has in its newest version and not there.

    Fix: raise the bound that is too low; uv's output is in the run's `logs/lowest.log`.
    """
    if not release.project.settings.dependencies.lower_bounds:
        raise NotApplicable("`lower-bounds` in [tool.omni-release.dependencies] is not set")
    target, wheel = release.environment("lowest"), distributions.installable(release.dist)
    python = str(environments.python(target))
    # For uv only its own arguments are direct requirements, not those of a wheel: so they are arguments too.
    arguments = (*installers.LOWEST, "--python", python, str(wheel), *installers.direct_requirements(wheel))
    install = installers.uv("pip", "install", "--project", str(release.project.root), *arguments)
    for argv in (installers.venv(target), install):
        completed = _run_configured(release, world, argv, "lowest", "lower-bounds")
        text = "\n".join(completed.tail[-12:])
        if completed.code != 0 and any("Failed to build" in line for line in completed.tail):
            hint = (
                f"State a lower bound that has a wheel, or install what the build needs. See {release.logs}/lowest.log."
            )
            raise Inconclusive(f"a dependency cannot be built at its lower bound on this machine:\n{text}", hint)
        if completed.code != 0:
            yield Finding(f"the release does not install:\n{text}", "lower-bound")
            return
    fails = False
    for name in importable(release.project):
        completed = _run_configured(release, world, (python, "-I", "-c", f"import {name}"), "lowest", "lower-bounds")
        if completed.code != 0:
            fails = True
            yield Finding("\n".join((f"`import {name}` fails:", *completed.tail[-6:])), "lower-bound")
    if not fails:
        yield from _newer_names(release, world)


_NEWEST = "newest"
_ANSWERING = 180.0  # seconds: it imports what the project uses


def _newer_names(release: Release, world: World) -> Iterator[Finding]:
    """What the code uses that the environment `lowest` lacks, and the newest versions of the same packages have."""
    project = release.project
    roles, own = file_roles.of_project(project), {name.partition(".")[0] for name in importable(project)}
    files = source_tree.files_at_start(project.root, world.processes)
    shipped = [file for file in files if file.suffix == ".py" and roles.role(file) is file_roles.Role.SHIPPED]
    sources = select_sources(project.root, shipped, project.settings.audit.ignore).files
    found: dict[object, uses.Use] = {}
    for use in uses.in_files(project.root, sources):
        if use.top not in own and use.top not in sys.stdlib_module_names:
            found.setdefault((use.key, use.path), use)
    wheel = distributions.installable(release.dist)
    names = [Requirement(line).name for line in installers.direct_requirements(wheel)]
    if not found or not names:
        return
    lowest = _answers(release, world, "lowest", list(found.values()), names)
    lacking = {use: answer for use, answer in zip(found.values(), lowest, strict=True) if answer["there"] is False}
    if not lacking:
        return
    create = installers.create_environment(release, world, _NEWEST)
    install = installers.install_dependencies(release, world, _NEWEST, str(wheel))
    if not (installers.succeeds(world, create) and installers.succeeds(world, install)):
        raise Inconclusive("the newest versions are not installed", f"See {release.logs / _NEWEST}.log.")
    newest = _answers(release, world, _NEWEST, list(lacking), names)
    there = environments.installed_distributions(release.environment("lowest"))
    versions = {canonicalize_name(entry.partition("==")[0]): entry.replace("==", " ") for entry in there}
    for (use, answer), now in zip(lacking.items(), newest, strict=True):
        if now["there"] and (version := versions.get(canonicalize_name(now["distribution"]))):
            message = f"`{answer['lacks']}` is not in {version}, the lowest version that the release allows"
            yield Finding(message, NEWER.id, path=use.path, line=use.line, column=use.column)


def _answers(
    release: Release, world: World, name: str, wanted: Sequence[uses.Use], names: Sequence[str]
) -> list[dict[str, Any]]:
    """What the environment has of each use: see `scripts/find_uses.py`. Raises Inconclusive where it does not say."""
    asked = release.work_dir / f"uses-{name}.json"
    document = {"uses": [use.key for use in wanted], "distributions": names}
    world.files.write(Write(asked, json.dumps(document).encode()))
    variables = programs.test_env(world.environment, release.folder)
    doing = "the search for what the code uses"
    try:
        found = environments.run_script(
            release, world, name, "find_uses", str(asked), variables=variables, deadline=_ANSWERING, doing=doing
        )
    except ActionFailed as error:
        raise Inconclusive(error.message, error.hint) from None
    answers: list[dict[str, Any]] = found["answers"]
    return answers


def lower_bounds_inputs(release: Release, world: World) -> Inputs | None:
    """The inputs of the check of the lower bounds: the wheel, and the versions that uv would install for them now."""
    if not release.project.settings.dependencies.lower_bounds:
        return None
    direct = installers.direct_requirements(distributions.installable(release.dist))
    resolved = installers.resolution(release, world, "lowest", direct, *installers.LOWEST)
    variables = installer_config.dependency_env(world.environment, release.folder)
    return None if resolved is None else of_artifacts(release, world, variables, resolved)


VULNERABILITY = Rule("vulnerability", RuleClass.RELEASE, "Installed dependency has a known vulnerability")


@reports(VULNERABILITY)
def vulnerabilities(release: Release, world: World) -> Iterator[Finding]:
    """No known vulnerabilities

    With the setting `vulnerabilities`, pip-audit finds no published vulnerability in what is installed with the
    release.

    Fix: require a release of the dependency that fixes the vulnerability.
    """
    if not release.project.settings.dependencies.vulnerabilities:
        raise NotApplicable("`vulnerabilities` in [tool.omni-release.dependencies] is not set")
    site = environments.site_packages(release.environment("released-uv"))
    yield from audited(release, world, ("--path", str(site)), "vulnerabilities")


def audited(
    release: Release, world: World, what: tuple[str, ...], setting: str = "", log: str = "pip-audit"
) -> Iterator[Finding]:
    """A finding for each published vulnerability that pip-audit finds in `what`, its options for that.

    `setting` is the one that asks for this, if there is one. Raises Inconclusive where it could not check everything.
    """
    out = release.folder / f"{log}.json"
    out.unlink(missing_ok=True)
    options = (*what, "--format", "json", "--output", str(out), "--progress-spinner", "off")
    argv = programs.module(sys.executable, "pip_audit", *options, "--desc", "off")
    completed = _run_configured(release, world, argv, log, setting)
    try:
        dependencies = json.loads(out.read_bytes())["dependencies"]
    except (OSError, ValueError, KeyError):
        how = completed.ended(programs.DEADLINE)
        error = programs.unavailable("pip-audit", how, "\n".join(completed.tail[-5:]))
        raise ToolUnavailable(error.message, error.hint, configured=True) from None
    own, skipped = canonicalize_name(release.project.name), []
    for entry in dependencies:
        if (reason := entry.get("skip_reason")) and canonicalize_name(entry["name"]) != own:
            skipped.append(f"{entry['name']}: {reason}")
        for vulnerability in entry.get("vulns", ()):
            fixed = ", ".join(vulnerability["fix_versions"]) or "no version yet"
            message = f"{entry['name']} {entry['version']}: {vulnerability['id']}, fixed in {fixed}"
            yield Finding(message, VULNERABILITY.id)
    if skipped:
        hint = f"Require them from a public index. {_off(setting)}".rstrip()
        raise Inconclusive("\n".join(("pip-audit could not check:", *skipped)), hint)


def _run_configured(release: Release, world: World, argv: tuple[str, ...], name: str, setting: str) -> Completed:
    """Run a program with this machine's settings. Raises Inconclusive on a timeout or a network failure."""
    command = replace(installers.configured(release, world, name, argv), background=True)
    completed = world.processes.run(command)
    if completed.timed_out:
        raise Inconclusive(
            f"{Path(argv[0]).name} {completed.ended(command.deadline)}", f"See {command.log}. {_off(setting)}".rstrip()
        )
    if completed.code != 0 and completed.network:
        raise Inconclusive(
            "\n".join(("probably a network failure:", *completed.tail[-5:])),
            f"See {command.log}. {_off(setting)}".rstrip(),
        )
    return completed


def _off(setting: str) -> str:
    """How to do without a check that a setting asks for; empty without such a setting."""
    return setting and f"Or leave the check out: remove `{setting}` from [tool.omni-release.dependencies]."
