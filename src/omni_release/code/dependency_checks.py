"""The dependencies: declared as they are imported, alive on the index, right at their lower bounds, without holes."""

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

from omni_release import distributions, programs
from omni_release import environments as environments_module
from omni_release.code import imports
from omni_release.core.errors import Inconclusive, NotApplicable, install_hint
from omni_release.core.model import Finding, Project, Release, Severity, importable, shown
from omni_release.core.toml import table
from omni_release.core.world import Completed, World
from omni_release.environments import installers

_SAID = {
    "DEP001": (Severity.ERROR, "undeclared", "Declare it under `dependencies`, or the extra that it is for."),
    "DEP002": (Severity.WARNING, "unused", "Drop it, or say so in [tool.deptry]."),
    "DEP003": (
        Severity.ERROR,
        "undeclared",
        "It is there because another package needs it, today: declare it yourself.",
    ),
    "DEP004": (Severity.ERROR, "undeclared", "It is declared for development alone: declare it under `dependencies`."),
    "DEP005": (Severity.WARNING, "standard-library", "Drop it: Python brings it along."),
}
_ASSUMED = re.compile(r"Assuming the corresponding module name of package '([^']+)'")
_GROUPS = ("test", "tests", "testing", "dev", "develop", "development", "docs", "doc", "lint", "typing", "types", "all")


def imports_declared(release: Release, world: World) -> Iterator[Finding]:
    """Each package that the project imports is one that it declares, and each that it declares is imported.

    deptry looks, with what is installed in the candidate environment, where there is one. What it cannot know goes into
    [tool.deptry] (a plug-in that nobody imports, an import that is tried).
    """
    project = release.project
    dynamic = table(project.metadata, "project").get("dynamic")
    if isinstance(dynamic, list) and "dependencies" in dynamic:
        raise NotApplicable("`dependencies` are made by the build: pyproject.toml does not state them")
    roots = sorted({_root(package) for package in project.packages})
    if not roots:
        raise NotApplicable("the project has no import package")
    with tempfile.TemporaryDirectory(prefix="omni-release-audit-") as folder:
        told, said = _deptry(release, world, Path(folder), roots)
    unknown = set(_ASSUMED.findall(said))
    for entry in told:
        yield from _finding(entry, unknown, project)


def _root(package: Path) -> str:
    """deptry looks into folders: a module alone stands in one with everything else."""
    return package.as_posix() if not package.suffix else package.parent.as_posix()


def _deptry(release: Release, world: World, folder: Path, roots: list[str]) -> tuple[list[dict[str, Any]], str]:
    """What deptry finds, and what it says. It maps packages to modules by what is installed where it runs."""
    project, out = release.project, folder / "deptry.json"
    own = ",".join(sorted({name.split(".")[0] for name in importable(project)}))
    extras = [name for name in table(project.metadata, "project", "optional-dependencies") if name in _GROUPS]
    settings = table(project.metadata, "tool", "deptry")
    argv = [sys.executable, "-m", "deptry", *roots, "--no-ansi", f"--json-output={out}", f"--known-first-party={own}"]
    if extras and not {"optional_dependencies_dev_groups", "pep621_dev_dependency_groups"} & set(settings):
        argv.append(f"--optional-dependencies-dev-groups={','.join(extras)}")
    candidate = environments_module.site_packages(release.environment("candidate"))
    more = {"PYTHONPATH": str(candidate)} if candidate.is_dir() else {}
    place = programs.ToolRun(project.root, release.folder, folder, world.environment)
    completed, said = programs.run_tool(place, world.processes, argv, "deptry", more)
    try:
        return json.loads(out.read_bytes()), said
    except (OSError, ValueError):
        if "No module named deptry" in said:
            raise Inconclusive("deptry is not here", install_hint("audit")) from None
        ended = f"deptry {completed.ended(programs.DEADLINE)} without a verdict"
        raise Inconclusive(f"{ended}:\n{said[-2000:]}") from None


def _finding(entry: dict[str, Any], unknown: set[str], project: Project) -> Iterator[Finding]:
    """A finding; what may be due to packages that are not installed here could not be told, and is no error."""
    code, module, at = entry["error"]["code"], entry["module"], entry["location"]
    severity, rule, remedy = _SAID.get(code, (Severity.WARNING, code.lower(), "See https://deptry.com."))
    said = f"{entry['error']['message']} ({code})\n→ {remedy}"
    if code == "DEP002" and (module in unknown or canonicalize_name(module) == canonicalize_name(project.name)):
        return
    if code == "DEP001" and unknown:
        severity = Severity.WARNING
        said += f"\nOr is it a module of {', '.join(sorted(unknown))}? Not installed here, so it could not be told."
    yield Finding(said, rule, severity, shown(project.root, Path(at["file"])), at["line"] or None, at["column"] or None)


def dependencies_maintained(release: Release, world: World) -> Iterator[Finding]:
    """The index calls no dependency deprecated, archived or quarantined (PEP 792), and no maintainer calls it inactive.

    By the setting `maintained` of [tool.omni-release.dependencies]: it asks the index once for each dependency.
    """
    if not release.project.settings.dependencies.maintained:
        raise NotApplicable("`maintained` in [tool.omni-release.dependencies] is not set")
    untold = []
    for entry in {e.name: e for e in imports.declared(release.project.root, release.project.metadata)}.values():
        try:
            found = world.default_index.status(entry.name)
        except Inconclusive as error:
            untold.append(f"{entry.name}: {error.message}")
            continue
        if found:
            yield Finding(
                f"requires {entry.requirement}: {found}", "unmaintained", path="pyproject.toml", line=entry.line
            )
    if untold:
        raise Inconclusive("\n".join(("of these the index did not tell:", *untold)), "Is there a network?")


def lower_bounds(release: Release, world: World) -> Iterator[Finding]:
    """With each dependency at its lower bound the release installs, and can be imported.

    By the setting `lower-bounds` of [tool.omni-release.dependencies]. Raise the bound that is too low; all that uv
    says lies in the run's `logs/lowest.log`.
    """
    if not release.project.settings.dependencies.lower_bounds:
        raise NotApplicable("`lower-bounds` in [tool.omni-release.dependencies] is not set")
    target, wheel = release.environment("lowest"), distributions.installable(release.dist)
    python = str(environments_module.python(target))
    # To uv only what it is told of is direct, and not what a wheel requires: so it is told of that, too.
    wanted = ("--resolution", "lowest-direct", "--python", python, str(wheel), *_required(wheel))
    install = installers.uv("pip", "install", "--project", str(release.project.root), *wanted)
    for argv in (installers.fresh(target), install):
        ended = _in_workshop(release, world, argv, "lowest")
        if ended.code != 0:
            yield Finding("\n".join(("it does not install:", *ended.tail[-12:])), "lower-bound")
            return
    for name in importable(release.project):
        ended = _in_workshop(release, world, (python, "-I", "-c", f"import {name}"), "lowest")
        if ended.code != 0:
            yield Finding("\n".join((f"`import {name}` fails:", *ended.tail[-6:])), "lower-bound")


def _required(wheel: Path) -> Iterator[str]:
    """What a wheel requires here, without its extras."""
    from packaging.requirements import Requirement

    for stated in distributions.metadata(wheel).get_all("Requires-Dist", []):
        requirement = Requirement(stated)
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            requirement.marker = None
            yield str(requirement)


def vulnerabilities(release: Release, world: World) -> Iterator[Finding]:
    """What is installed with the release has no vulnerability that is publicly known.

    By the setting `vulnerabilities` of [tool.omni-release.dependencies]; pip-audit asks, and needs a network. Require a
    release in which it is mended.
    """
    if not release.project.settings.dependencies.vulnerabilities:
        raise NotApplicable("`vulnerabilities` in [tool.omni-release.dependencies] is not set")
    out = release.folder / "pip-audit.json"
    out.unlink(missing_ok=True)
    where = ("--path", str(environments_module.site_packages(release.environment("released-uv"))))
    how = ("--format", "json", "--output", str(out), "--progress-spinner", "off", "--desc", "off")
    ended = _in_workshop(release, world, (sys.executable, "-m", "pip_audit", *where, *how), "pip-audit")
    try:
        told = json.loads(out.read_bytes())["dependencies"]
    except (OSError, ValueError, KeyError):
        missing = any("No module named pip_audit" in line for line in ended.tail)
        why = "pip-audit is not here" if missing else "\n".join(("pip-audit could not ask:", *ended.tail[-5:]))
        raise Inconclusive(
            why, "Install pip-audit beside omni-release." if missing else "Is there a network?"
        ) from None
    untold = []
    for entry in told:
        if (why := entry.get("skip_reason")) and canonicalize_name(entry["name"]) != canonicalize_name(
            release.project.name
        ):
            untold.append(f"{entry['name']}: {why}")
        for hole in entry.get("vulns", ()):
            mended = ", ".join(hole["fix_versions"]) or "none yet"
            yield Finding(f"{entry['name']} {entry['version']}: {hole['id']}, mended in: {mended}", "vulnerability")
    if untold:
        hint = "Ask elsewhere for what no public index has, and require the rest from one."
        raise Inconclusive("\n".join(("of these pip-audit could not ask:", *untold)), hint)


def _in_workshop(release: Release, world: World, argv: tuple[str, ...], name: str) -> Completed:
    """How a program of the dependencies' own ended. Raises CannotTell where it was the network that failed."""
    command = replace(installers.with_settings(release, world, name, argv), background=True)
    ended = world.processes.run(command)
    if ended.timed_out:
        raise Inconclusive(f"{Path(argv[0]).name} {ended.ended(command.deadline)}", f"See {command.log}.")
    if ended.code != 0 and ended.network:
        raise Inconclusive("\n".join(("it looks like the network's doing:", *ended.tail[-5:])), f"See {command.log}.")
    return ended
