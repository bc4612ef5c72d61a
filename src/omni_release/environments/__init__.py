"""Virtual environments: their layout, what is installed in them, and the local one that the settings name."""

from __future__ import annotations

import json
import os
import sysconfig
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omni_release import distributions, programs, scripts
from omni_release.core import redaction
from omni_release.core.actions import Run
from omni_release.core.errors import ActionFailed, NotApplicable, UsageError
from omni_release.core.model import Release
from omni_release.core.world import World

if TYPE_CHECKING:
    from importlib import metadata

_TABLE = "[tool.omni-release.local]"


def scripts_folder(environment: Path) -> Path:
    """The folder of a virtual environment that holds its programs."""
    return environment / ("Scripts" if os.name == "nt" else "bin")


def site_packages(environment: Path) -> Path:
    """The folder for packages of a virtual environment: that of our own interpreter, where it has no other."""
    own = Path(sysconfig.get_path("purelib", scheme="venv", vars={"base": str(environment)}))
    return own if own.is_dir() else next(environment.glob("lib/*/site-packages"), own)


def python(environment: Path) -> Path:
    """The interpreter of a virtual environment."""
    return scripts_folder(environment) / ("python.exe" if os.name == "nt" else "python")


def venv_env(outer: Mapping[str, str], run: Path, environment: Path, given: Collection[str] = ()) -> dict[str, str]:
    """The variables for the project's own programs in an activated virtual environment; no secrets but the given."""
    inner = programs.test_env(outer, run, given)
    path = f"{scripts_folder(environment)}{os.pathsep}{inner.get('PATH', os.defpath)}"
    return inner | {"VIRTUAL_ENV": str(environment), "PATH": path}


def run_script(
    release: Release,
    world: World,
    environment: str,
    script: str,
    *arguments: str,
    variables: Mapping[str, str],
    deadline: float,
    doing: str,
) -> dict[str, Any]:
    """Run `scripts/SCRIPT.py` in the environment of this name, outside the checkout, and return its JSON result.

    The script gets the path of the file for its result as its first argument. `deadline` is in seconds. Raises
    ActionFailed, which names what it was `doing`, where the script ends without a complete result.
    """
    name = f"{script}-{environment}"
    result = release.work_dir / f"{name}.json"
    result.unlink(missing_ok=True)
    interpreter = str(python(release.environment(environment)))
    command = Run(
        (interpreter, "-I", str(scripts.program(script)), str(result), *arguments),
        cwd=release.work_dir,
        environment=variables,
        log=release.logs / f"{name}.log",
        deadline=deadline,
    )
    completed = world.processes.run(command)
    try:
        content: dict[str, Any] = json.loads(result.read_bytes())
    except (FileNotFoundError, ValueError):  # ValueError: it was stopped while it wrote
        message = f"{doing} {completed.ended(command.deadline)}"
        raise ActionFailed(message, f"Full output: {command.log}", tail=completed.tail) from None
    return content


def has_wheel(site: Path, wheel: Path, *, by: str | None = None) -> bool:
    """Whether the folder for packages `site` holds each file of the wheel with the same bytes.

    With `by`, that installer must have put them there. Scripts and data (`*.data/`) are installed elsewhere and the
    installer rewrites RECORD: these are not compared.
    """
    if not site.is_dir():
        return False
    for entry in distributions.contents(wheel):
        top, _, rest = entry.name.partition("/")
        if rest == "METADATA" and by is not None:
            installer = site / top / "INSTALLER"
            if not installer.is_file() or installer.read_text(encoding="utf-8").strip() != by:
                return False
        if top.endswith(".data") or (top.endswith(".dist-info") and rest == "RECORD"):
            continue
        installed = site / entry.name
        if not installed.is_file() or installed.read_bytes() != entry.read():
            return False
    return True


def has_released_wheel(release: Release, name: str, *, by: str) -> bool:
    """Whether the environment `name` of this run has the release's wheel, put there `by` this installer, last.

    It comes from the index, so it has no direct_url.json (PEP 610), as one that brings the dependencies has. Only a
    wheel that no index takes comes from its file.
    """
    site, wheel = site_packages(release.environment(name)), distributions.installable(release.dist)
    if not has_wheel(site, wheel, by=by):
        return False
    from_file = any((site / folder / "direct_url.json").is_file() for folder in _info_folders(wheel))
    return not from_file or distributions.is_sdist_only(release.dist)


def _info_folders(wheel: Path) -> set[str]:
    tops = {name.partition("/")[0] for name in distributions.names(wheel)}
    return {top for top in tops if top.endswith(".dist-info")}


def distributions_in(*sites: Path) -> Iterator[metadata.Distribution]:
    """The distributions in these folders for packages, without the empty `.dist-info` that a broken removal leaves."""
    from importlib import metadata

    found = metadata.distributions(path=[str(site) for site in sites])
    return (dist for dist in found if "Name" in dist.metadata)


def installed_distributions(environment: Path) -> tuple[str, ...]:
    """The distributions in a virtual environment as `name==version`, sorted."""
    return tuple(sorted(f"{dist.name}=={dist.version}" for dist in distributions_in(site_packages(environment))))


def requirements_met(site: Path, project: str, python_version: str) -> bool:
    """Whether the project and its requirements, direct and transitive, are among the packages in `site`.

    Extras are not followed. `python_version` is the full version of the interpreter that they are for.
    """
    # `uv pip check` judges all of an environment: an unrelated package of the user's with a broken requirement would
    # fail the release. It also takes a process, where this reads a handful of files.
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    installed = {canonicalize_name(dist.name): dist for dist in distributions_in(site)}
    marker_environment = {
        "extra": "",
        "python_full_version": python_version,
        "python_version": ".".join(python_version.split(".")[:2]),
    }
    seen, pending = set(), [Requirement(project)]
    while pending:
        requirement = pending.pop()
        name = canonicalize_name(requirement.name)
        if requirement.marker is not None and not requirement.marker.evaluate(marker_environment):
            continue
        dist = installed.get(name)
        if dist is None or not requirement.specifier.contains(dist.version, prereleases=True):
            return False
        if name not in seen:
            seen.add(name)
            pending.extend(filter(None, map(distributions.parsed_requirement, dist.requires or ())))
    return True


@dataclass(frozen=True)
class LocalEnvironment:
    """The environment that [tool.omni-release.local] names.

    `interpreter` runs it, `folder` is its root, `site` holds its packages. `version` is the installed version of the
    project, None where it is not installed; `editable` is the checkout of an editable install. `installer` upgrades it:
    its own pip, or uv where it has none.
    """

    interpreter: Path
    folder: Path
    site: Path
    python_version: str
    installer: str
    version: str | None
    editable: str | None


def inspect_local_environment(release: Release, world: World) -> LocalEnvironment:
    """Ask the local environment what it is and has.

    Raises NotApplicable where the settings name none, UsageError where it does not exist, and ActionFailed where its
    interpreter does not work.
    """
    interpreter = _local_interpreter(release)
    argv = (str(interpreter), "-I", str(scripts.program("inspect_env")), release.project.name)
    variables = programs.tool_env(world.environment, release.folder)
    answer = world.processes.ask(*argv, cwd=release.project.root, environment=variables)
    if answer is None or answer.code != 0:
        reason = "".join(answer.err.splitlines()[-1:]) if answer else "it cannot be started"
        raise ActionFailed(f"{interpreter} does not work: {reason}", f"Recreate the environment, or fix {_TABLE}.")
    content: dict[str, Any] = json.loads(answer.out)
    return LocalEnvironment(
        interpreter,
        Path(content["prefix"]),
        Path(content["site"]),
        content["python"],
        "pip" if content["pip"] else "uv",
        content["version"],
        _editable_checkout(content, release.project.name),
    )


def _local_interpreter(release: Release) -> Path:
    local, root = release.project.settings.local, release.project.root
    if local.environment and local.python:
        raise UsageError(f"{_TABLE} has both `environment` and `python`", "Remove one of them.")
    if not local.environment and not local.python:
        raise NotApplicable("the settings name no local environment")
    path = root / local.python if local.python else python(root / local.environment)
    if not path.is_file():
        hint = "Create the environment, or remove the setting."
        raise UsageError(f"{_TABLE} names an environment that does not exist: {path}", hint)
    return path


def _editable_checkout(content: dict[str, Any], project: str) -> str | None:
    """The checkout of an editable install, by direct_url.json (PEP 610) or the link of `setup.py develop`."""
    from packaging.utils import canonicalize_name

    direct_url = content["direct_url"]
    if direct_url and direct_url.get("dir_info", {}).get("editable"):
        return redaction.strip_userinfo(str(direct_url.get("url", "")))
    for link in Path(content["site"]).glob("*.egg-link"):
        if canonicalize_name(link.stem) == canonicalize_name(project):
            return link.read_text(encoding="utf-8").partition("\n")[0]
    return None
