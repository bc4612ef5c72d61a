"""Packages that their makers have given up: imported, declared, or said so by the index."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from omni_release import source_tree
from omni_release.code import imports
from omni_release.code.sources import sources
from omni_release.core.errors import CannotTell, NotApplicable
from omni_release.core.model import Finding, Release
from omni_release.core.world import World
from omni_release.environments import tools, venv
from omni_release.project import importable, table


def packages_are_alive(release: Release, world: World) -> Iterator[Finding]:
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
    for file in sources(project.root, files, project.settings.audit.ignore).files:
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


def nothing_deprecated_is_used(release: Release, world: World) -> Iterator[Finding]:
    """Nothing that its makers have marked as deprecated (PEP 702) is used, as far as mypy can see.

    For projects that use mypy. Each finding has the makers' own words.
    """
    project = release.project
    if not _uses_mypy(release):
        raise NotApplicable("the project does not use mypy")
    if not (packages := [package.as_posix() for package in project.packages]):
        raise NotApplicable("the project has no import package")
    candidate = venv.python(release.environment("candidate"))
    options = ("--config-file=", "--ignore-missing-imports", "--check-untyped-defs", "--enable-error-code=deprecated")
    where = (f"--python-executable={candidate}", f"--cache-dir={release.workshop / 'mypy'}")
    argv = (sys.executable, "-m", "mypy", *options, *where, "--output=json", "--no-error-summary", *packages)
    with tempfile.TemporaryDirectory(prefix="omni-release-audit-") as folder:
        place = tools.Place(project.root, release.folder, Path(folder), world.environment)
        completed, said = tools.ran(place, world.processes, argv, "mypy")
    told = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
    if completed.code != 0 and not (completed.code == 1 and told):  # 1 is also how Python ends without such a module
        missing = "No module named mypy" in said
        why = "mypy is not here" if missing else f"mypy came to no verdict:\n{said[-1000:]}"
        raise CannotTell(why, "Install mypy beside omni-release." if missing else "")
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
