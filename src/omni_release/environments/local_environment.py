"""The environment on this machine that is to have the release: what it is, and what it has of the project by now."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omni_release import scripts
from omni_release.core import redaction
from omni_release.core.errors import ActionFailed, NotApplicable, UsageError
from omni_release.core.model import Release
from omni_release.core.world import World
from omni_release.environments import env_vars, venv

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


def find(release: Release, world: World) -> LocalEnvironment:
    """What stands there now. Raises NotApplicable where the settings name none, UsageError where there is none."""
    interpreter = _interpreter(release)
    script = str(scripts.program("inspect_env"))
    inner = env_vars.for_tools(world.environment, release.folder)
    argv = (str(interpreter), "-I", script, release.project.name)
    answer = world.processes.ask(*argv, cwd=release.project.root, environment=inner)
    if answer is None or answer.code != 0:
        said = answer.said.splitlines()[-1:] if answer else ["it cannot be started"]
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
    path = root / local.python if local.python else venv.python(root / local.environment)
    if not path.is_file():
        raise UsageError(f"{_TABLE} names an environment that is not there: {path}", "Make it, or take the line out.")
    return path


def _editable(told: dict[str, Any], project: str) -> str | None:
    """The checkout that an editable install leads to: as PEP 610 has it, or `setup.py develop` before that."""
    from packaging.utils import canonicalize_name

    stated = told["direct_url"]
    if stated and stated.get("dir_info", {}).get("editable"):
        return redaction.left_out(str(stated.get("url", "")))
    for link in Path(told["site"]).glob("*.egg-link"):
        if canonicalize_name(link.stem) == canonicalize_name(project):
            return link.read_text(encoding="utf-8").partition("\n")[0]
    return None
