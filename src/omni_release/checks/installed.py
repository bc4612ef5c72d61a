"""What people would get, looked at after its installation."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from omni_release import artifacts, children, environment
from omni_release.actions import Run
from omni_release.errors import ActionFailed
from omni_release.model import Finding, Release
from omni_release.project import import_name
from omni_release.seams import World

_DEADLINE = 120.0


def installed_works(release: Release, world: World) -> Iterator[Finding]:
    """What was installed from the index can be imported, and says that it is this version.

    Run the import by hand with the interpreter in the run's `environments/released`.
    """
    found = _probe(release, world)
    wheel = next(path for path in artifacts.in_folder(release.dist) if artifacts.is_wheel(path.name))
    _, version = artifacts.name_and_version(wheel.name)
    if found["version"] != version:
        yield Finding(f"the installed metadata say version {found['version']}, not {version}", "installed-version")
    for name, module in found["modules"].items():
        if module["error"]:
            yield Finding(f"`import {name}` fails:\n{module['error'].strip()}", "import-fails")
        elif not Path(module["file"]).resolve().is_relative_to(release.environment("released").resolve()):
            yield Finding(
                f"`import {name}` came from {module['file']}, not from what was installed", "import-elsewhere"
            )
        elif module["version"] not in (None, version) and not _same(module["version"], version):
            said = f"{name}.__version__ is {module['version']}, the release is {version}"
            yield Finding(said, "installed-version")


def _probe(release: Release, world: World) -> dict[str, Any]:
    result = release.folder / "installed.json"
    result.unlink(missing_ok=True)
    script = str(Path(children.__file__).with_name("probe.py"))
    modules = tuple(import_name(package) for package in release.project.packages)
    command = Run(
        (
            str(environment.python(release.environment("released"))),
            "-I",
            script,
            str(result),
            release.project.name,
            *modules,
        ),
        cwd=release.folder,
        environment=environment.for_tests(world.environment, release.folder),
        log=release.logs / "installed.log",
        deadline=_DEADLINE,
    )
    completed = world.processes.run(command)
    if not result.is_file():
        said = f"the import ended with exit code {completed.code}"
        said = "the import did not end" if completed.timed_out else said
        raise ActionFailed(said, f"All of its output: {command.log}", tail=completed.tail)
    found: dict[str, Any] = json.loads(result.read_bytes())
    return found


def _same(one: str, other: str) -> bool:
    from packaging.version import InvalidVersion, Version

    try:
        return Version(one) == Version(other)
    except InvalidVersion:
        return False
