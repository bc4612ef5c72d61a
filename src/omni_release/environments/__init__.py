"""How a virtual environment is laid out, on this system."""

from __future__ import annotations

import json
import os
import sysconfig
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omni_release import distributions as distributions_module
from omni_release import programs, scripts
from omni_release.core import redaction
from omni_release.core.actions import Run
from omni_release.core.errors import ActionFailed, NotApplicable, UsageError
from omni_release.core.model import Release, importable
from omni_release.core.world import Completed, World


def scripts_folder(environment: Path) -> Path:
    """The folder of a virtual environment that holds its programs."""
    return environment / ("Scripts" if os.name == "nt" else "bin")


def site_packages(environment: Path) -> Path:
    """The folder for packages of a virtual environment that was made with our own interpreter."""
    return Path(sysconfig.get_path("purelib", scheme="venv", vars={"base": str(environment)}))


def python(environment: Path) -> Path:
    """The interpreter of a virtual environment."""
    return scripts_folder(environment) / ("python.exe" if os.name == "nt" else "python")


def run_script(
    release: Release,
    world: World,
    environment: str,
    program: str,
    *arguments: str,
    variables: Mapping[str, str],
    deadline: float,
    doing: str,
) -> dict[str, Any]:
    """What `children.PROGRAM` writes into the file that is its first argument, run outside of the checkout.

    Raises ActionFailed, which says what it was `doing`, where it ends before it has written it.
    """
    name = f"{program}-{environment}"
    result = release.work_dir / f"{name}.json"
    result.unlink(missing_ok=True)
    interpreter = str(python(release.environment(environment)))
    command = Run(
        (interpreter, "-I", str(scripts.program(program)), str(result), *arguments),
        cwd=release.work_dir,
        environment=variables,
        log=release.logs / f"{name}.log",
        deadline=deadline,
    )
    completed = world.processes.run(command)
    if not result.is_file():
        raise _no_answer(command, completed, doing)
    try:
        found: dict[str, Any] = json.loads(result.read_bytes())
    except ValueError:  # it was stopped while it wrote
        raise _no_answer(command, completed, doing) from None
    return found


def _no_answer(command: Run, completed: Completed, doing: str) -> ActionFailed:
    said = f"{doing} {completed.ended(command.deadline)}"
    return ActionFailed(said, f"All of its output: {command.log}", tail=completed.tail)


_DEADLINE = 120.0


def inspect_installed(release: Release, world: World, name: str) -> dict[str, Any]:
    """What `children.probe` finds in the environment `name`, seen from outside the checkout.

    Raises ActionFailed where the program ends before it has written its answer.
    """
    return run_script(
        release,
        world,
        name,
        "inspect_install",
        release.project.name,
        *importable(release.project),
        variables=programs.test_env(world.environment, release.folder),
        deadline=_DEADLINE,
        doing="the import",
    )


def has_wheel(environment: Path, wheel: Path, *, by: str | None = None) -> bool:
    """Whether each file of the wheel stands in the environment with the very same bytes, put there `by` that installer.

    Scripts and data (`*.data/`) go elsewhere, RECORD is rewritten by the installer: these are passed over.
    """
    return has_wheel_at(site_packages(environment), wheel, by=by)


def has_wheel_at(base: Path, wheel: Path, *, by: str | None = None) -> bool:
    """The same, of an environment whose packages are in `base`."""
    if not base.is_dir():
        return False
    for entry in distributions_module.contents(wheel):
        top, _, rest = entry.name.partition("/")
        if rest == "METADATA" and by is not None and not _says(base / top / "INSTALLER", by):
            return False
        if top.endswith(".data") or (top.endswith(".dist-info") and rest == "RECORD"):
            continue
        installed = base / entry.name
        if not installed.is_file() or installed.read_bytes() != entry.read():
            return False
    return True


def installed_distributions(environment: Path) -> tuple[str, ...]:
    """What is installed there, as `name==version`, sorted."""
    from importlib.metadata import distributions as found

    return tuple(sorted(f"{dist.name}=={dist.version}" for dist in found(path=[str(site_packages(environment))])))


def is_complete(environment: Path) -> bool:
    """Whether each distribution in the environment finds all that it requires there (extras apart)."""
    from importlib.metadata import distributions

    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    found = {canonicalize_name(dist.name): dist for dist in distributions(path=[str(site_packages(environment))])}
    for dist in found.values():
        for requirement in map(Requirement, dist.requires or ()):
            if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
                continue
            other = found.get(canonicalize_name(requirement.name))
            if other is None or not requirement.specifier.contains(other.version, prereleases=True):
                return False
    return bool(found)


def is_satisfied_at(base: Path, project: str, python: str) -> bool:
    """Whether the project, and all that it requires, and what that requires, is among the packages in `base`.

    Extras apart. `python` is the version of the interpreter that they are for.
    """
    from importlib.metadata import distributions

    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    found = {canonicalize_name(dist.name): dist for dist in distributions(path=[str(base)])}
    about = {"extra": "", "python_full_version": python, "python_version": ".".join(python.split(".")[:2])}
    seen, wanted = set(), [Requirement(project)]
    while wanted:
        requirement = wanted.pop()
        name = canonicalize_name(requirement.name)
        if requirement.marker is not None and not requirement.marker.evaluate(about):
            continue
        dist = found.get(name)
        if dist is None or not requirement.specifier.contains(dist.version, prereleases=True):
            return False
        if name not in seen:
            seen.add(name)
            wanted.extend(map(Requirement, dist.requires or ()))
    return True


def _says(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text(encoding="utf-8").strip() == text


_TABLE = "[tool.omni-release.local]"


@dataclass(frozen=True)
class LocalEnvironment:
    """`interpreter` is how it is run, `folder` where it stands, `site` where its packages are.

    `version` is what it has of the project, None for nothing; `editable` names the checkout of an editable install.
    `installer` is what it is upgraded with: its own pip, or uv where it has none.
    """

    interpreter: Path
    folder: Path
    site: Path
    python: str
    installer: str
    version: str | None
    editable: str | None


def local_environment(release: Release, world: World) -> LocalEnvironment:
    """What stands there now. Raises NotApplicable where the settings name none, UsageError where there is none."""
    interpreter = _interpreter(release)
    script = str(scripts.program("inspect_env"))
    inner = programs.tool_env(world.environment, release.folder)
    argv = (str(interpreter), "-I", script, release.project.name)
    answer = world.processes.ask(*argv, cwd=release.project.root, environment=inner)
    if answer is None or answer.code != 0:
        said = answer.err.splitlines()[-1:] if answer else ["it cannot be started"]
        raise ActionFailed(f"{interpreter} does not work: {''.join(said)}", f"Make it anew, or mend {_TABLE}.")
    told: dict[str, Any] = json.loads(answer.out)
    return LocalEnvironment(
        interpreter,
        Path(told["prefix"]),
        Path(told["site"]),
        told["python"],
        "pip" if told["pip"] else "uv",
        told["version"],
        _editable(told, release.project.name),
    )


def _interpreter(release: Release) -> Path:
    local = release.project.settings.local
    if local.environment and local.python:
        raise UsageError(f"{_TABLE} has both `environment` and `python`", "One of them names it: leave one out.")
    if not local.environment and not local.python:
        raise NotApplicable("the settings name no local environment")
    root = release.project.root
    path = root / local.python if local.python else python(root / local.environment)
    if not path.is_file():
        raise UsageError(f"{_TABLE} names an environment that is not there: {path}", "Make it, or take the line out.")
    return path


def _editable(told: dict[str, Any], project: str) -> str | None:
    """The checkout that an editable install leads to: as PEP 610 has it, or `setup.py develop` before that."""
    from packaging.utils import canonicalize_name

    stated = told["direct_url"]
    if stated and stated.get("dir_info", {}).get("editable"):
        return redaction.strip_userinfo(str(stated.get("url", "")))
    for link in Path(told["site"]).glob("*.egg-link"):
        if canonicalize_name(link.stem) == canonicalize_name(project):
            return link.read_text(encoding="utf-8").partition("\n")[0]
    return None


def venv_env(outer: Mapping[str, str], run: Path, environment: Path) -> dict[str, str]:
    """For the project's own programs in a virtual environment: its programs come first."""
    inner = programs.test_env(outer, run)
    path = f"{scripts_folder(environment)}{os.pathsep}{inner.get('PATH', os.defpath)}"
    return inner | {"VIRTUAL_ENV": str(environment), "PATH": path}
