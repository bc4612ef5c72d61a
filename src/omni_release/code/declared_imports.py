"""One run of deptry, and how much each of its violations matters: an import may be optional, or its host's."""

from __future__ import annotations

import json
import re
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from packaging.utils import canonicalize_name

from omni_release import distributions, environments, file_roles, programs
from omni_release.code import imports, requirements
from omni_release.code.requirements import Requirements
from omni_release.core.errors import NotApplicable
from omni_release.core.model import Finding, Project, Release, Severity, display_path, importable
from omni_release.core.text import listed
from omni_release.core.toml import table
from omni_release.core.world import World

# By deptry's code: severity, rule, fix (https://deptry.com/rules-violations/).
_DEPTRY = {
    "DEP001": (
        Severity.ERROR,
        "undeclared",
        "is imported, but no dependency declares it",
        "Declare it in `dependencies`, or in the extra that needs it.",
    ),
    "DEP002": (
        Severity.WARNING,
        "unused",
        "is declared, but no module imports it",
        "Remove it from the dependencies, or list it in [tool.deptry].",
    ),
    "DEP003": (
        Severity.ERROR,
        "undeclared",
        "is imported, but is only a transitive dependency",
        "Declare it: another package requires it today, and may not tomorrow.",
    ),
    "DEP004": (
        Severity.ERROR,
        "undeclared",
        "is imported, but declared for development only",
        "Declare it in `dependencies`: only a development extra has it.",
    ),
    "DEP005": (
        Severity.WARNING,
        "standard-library",
        "is declared, but it is part of Python",
        "Remove it from the dependencies.",
    ),
}
"""The severity, the rule, the message and the fix for each code of deptry."""
_ASSUMED = re.compile(r"Assuming the corresponding module name of package '([^']+)'")
_NAMESPACES = {"google", "azure"}  # of many distributions: the part below says which one is meant
_DEV_EXTRAS = {"test", "tests", "testing", "dev", "develop", "development", "docs", "doc", "lint", "typing", "types"}
_HOSTS = {"pytest11": {"pytest", "_pytest", "pluggy"}, "distutils.commands": {"setuptools", "distutils"}}
_PYPROJECT = "pyproject.toml"


def find(release: Release, world: World) -> Iterator[Finding]:
    """deptry's violations as findings. Raises NotApplicable where there is nothing to compare."""
    project = release.project
    # deptry takes folders: a single module is in one with everything else.
    folders = {package.path if not package.path.suffix else package.path.parent for package in project.packages}
    if not folders:
        raise NotApplicable("the project has no import package")
    stated = None
    if not requirements.in_pyproject(project.metadata) and (stated := requirements.find(release)) is None:
        message = "no file states the dependencies, only the build: `omni-release rehearse` reads them from the wheel"
        raise NotApplicable(message)
    with tempfile.TemporaryDirectory(prefix="omni-release-audit-") as scratch:
        roots = sorted(folder.as_posix() for folder in folders)
        entries, output = _run_deptry(release, world, Path(scratch), roots, stated)
    yield from _Violations(project, frozenset(_ASSUMED.findall(output)), stated).findings(entries)


def _run_deptry(
    release: Release, world: World, folder: Path, roots: list[str], stated: Requirements | None
) -> tuple[list[dict[str, Any]], str]:
    """deptry's JSON and its output. It maps packages to modules by what is installed where it runs."""
    project, out = release.project, folder / "deptry.json"
    settings = table(project.metadata, "tool", "deptry")
    extras = stated.extras if stated else table(project.metadata, "project", "optional-dependencies")
    dev = [name for name in extras if name in _DEV_EXTRAS]
    argv = [*programs.module(sys.executable, "deptry", *roots), "--no-ansi", f"--json-output={out}"]
    listed = settings.get("known_first_party")  # an option on the command line replaces it
    own = {name.split(".")[0] for name in importable(project)} | set(listed if isinstance(listed, list) else ())
    # A back end can write modules that the checkout does not have, such as one with the version.
    built = (PurePosixPath(name) for wheel in distributions.wheels(release.dist) for name in distributions.names(wheel))
    own |= {path.parts[0].removesuffix(".py") for path in built if path.suffix == ".py"}
    argv += [f"--known-first-party={name}" for name in sorted(own)]
    if stated:
        argv.append(f"--config={_write_config(folder, project, stated)}")
    if dev and not {"optional_dependencies_dev_groups", "pep621_dev_dependency_groups"} & set(settings):
        argv.append(f"--optional-dependencies-dev-groups={','.join(dev)}")
    candidate = environments.site_packages(release.environment("candidate"))
    variables = {"PYTHONPATH": str(candidate)} if candidate.is_dir() else {}
    context = programs.ToolContext(project.root, release.folder, folder, world.environment)
    completed, output = programs.run_tool(context, world.processes, argv, "deptry", variables)
    try:
        return json.loads(out.read_bytes()), output
    except (OSError, ValueError):
        raise programs.unavailable("deptry", completed.ended(programs.DEADLINE), output) from None


def _write_config(folder: Path, project: Project, stated: Requirements) -> Path:
    """A pyproject.toml for deptry with the requirements that the project's own does not have."""
    import tomlkit

    content = {
        "project": {
            "name": project.name,
            "dependencies": list(stated.runtime),
            "optional-dependencies": {name: list(listed) for name, listed in stated.extras.items()},
        },
        "dependency-groups": table(project.metadata, "dependency-groups"),
        "tool": {"deptry": table(project.metadata, "tool", "deptry")},
    }
    path = folder / _PYPROJECT
    path.write_text(tomlkit.dumps(content), encoding="utf-8")
    return path


@dataclass
class _Violations:
    """deptry's violations of a project; `not_installed` are the packages whose modules it had to guess."""

    project: Project
    not_installed: frozenset[str]
    stated: Requirements | None
    _imports: dict[str, dict[int, list[imports.Import]]] = field(default_factory=dict)

    def findings(self, entries: list[dict[str, Any]]) -> Iterator[Finding]:
        """The violations as findings. None is about a file that tests, shows, or is of a third party."""
        roles, plugins = file_roles.of_project(self.project), _plugins(self.project)
        hosts = set().union(*(_HOSTS.get(group, set()) for group in plugins))
        entries = [
            entry | {"path": display_path(self.project.root, Path(entry["location"]["file"]))} for entry in entries
        ]
        hosts |= {entry["module"] for entry in entries if _is_plugin(entry["path"], self.project, plugins)}
        for entry in entries:
            if not entry["location"]["line"]:
                yield from self._of_requirement(entry)
            elif roles.role(entry["path"]) is file_roles.Role.SHIPPED:
                yield self._of_import(entry, hosts)

    def _of_requirement(self, entry: dict[str, Any]) -> Iterator[Finding]:
        """A violation about a declared package, whose modules must be known."""
        severity, rule, message = _described(entry)
        name = canonicalize_name(entry["module"])
        if entry["module"] in self.not_installed or name == canonicalize_name(self.project.name):
            return
        markers = [
            ";" in stated.requirement
            for stated in imports.declared_requirements(self.project.root, self.project.metadata)
            if stated.name == name
        ]
        severity = Severity.NOTICE if any(markers) else severity  # a backport, for some Pythons
        path = self.stated.source if self.stated else entry["path"]
        yield Finding(message, rule, severity, path if (self.project.root / path).is_file() else None)

    def _of_import(self, entry: dict[str, Any], hosts: set[str]) -> Finding:
        """A violation about an import: a notice where the module does without it, or its host brings it."""
        severity, rule, message = _described(entry)
        path, at, module, problem = entry["path"], entry["location"], entry["module"], message.partition("\n")[0]
        sites = [site for site in self._sites(path).get(at["line"], ()) if site.module.split(".")[0] == module]
        if module in _NAMESPACES and sites:
            part = ".".join(max((site.module for site in sites), key=len).split(".")[:2])
            message, problem = (text.replace(f"{module} ", f"{part} ", 1) for text in (message, problem))
        if any(site.guarded for site in sites):
            severity, message = Severity.NOTICE, f"{problem}\n→ Optional: the module does without it."
        elif module in hosts:
            severity, message = (
                Severity.NOTICE,
                f"{problem}\n→ A plug-in of the project imports it: its host brings it.",
            )
        elif sites and all(site.in_function for site in sites) and entry["error"]["code"] == "DEP004":
            severity, message = Severity.NOTICE, f"{problem}\n→ Optional: only a function imports it."
        elif entry["error"]["code"] == "DEP001" and self.not_installed:
            severity, names = Severity.WARNING, listed(sorted(self.not_installed), 3)
            message = (
                f"{module} is imported: whether as a module of {names}, only a rehearsal knows, which installs them"
            )
        return Finding(message, rule, severity, path, at["line"], at["column"])

    def _sites(self, path: str) -> Mapping[int, list[imports.Import]]:
        if path not in self._imports:
            by_line: dict[int, list[imports.Import]] = {}
            for site in imports.read_imports(self.project.root, PurePosixPath(path)):
                by_line.setdefault(site.line, []).append(site)
            self._imports[path] = by_line
        return self._imports[path]


def _described(entry: dict[str, Any]) -> tuple[Severity, str, str]:
    """The severity, the rule and the message of a violation."""
    code = entry["error"]["code"]
    unknown = (Severity.WARNING, code.lower(), entry["error"]["message"], "See https://deptry.com.")
    severity, rule, problem, fix = _DEPTRY.get(code, unknown)
    return severity, rule, f"{entry['module']} {problem} ({code})\n→ {fix}"


def _plugins(project: Project) -> dict[str, set[str]]:
    """The modules that the project registers for other programs, by the group of their entry points."""
    groups = {
        **table(project.metadata, "project", "entry-points"),
        **table(project.metadata, "tool", "poetry", "plugins"),
    }
    found: dict[str, set[str]] = {}
    for group, entries in groups.items():
        if isinstance(entries, dict) and group not in ("console_scripts", "gui_scripts"):
            found[group] = {str(target).partition(":")[0].strip() for target in entries.values()}
    return found


def _is_plugin(path: str, project: Project, plugins: Mapping[str, set[str]]) -> bool:
    """Whether a file is a module that an entry point names."""
    names = {name for modules in plugins.values() for name in modules}
    file = Path(path).with_suffix("")
    for package in project.packages:
        top = package.path.with_suffix("") if package.path.suffix == ".py" else package.path
        if file.is_relative_to(top):
            parts = file.relative_to(top).parts
            return ".".join((package.name, *(parts[:-1] if parts[-1:] == ("__init__",) else parts))) in names
    return False
