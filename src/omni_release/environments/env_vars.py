"""The environments of child processes, built explicitly: nothing gets in that could change what a run proves."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from omni_release.environments.venv import scripts

GUARD = "OMNI_RELEASE_RUN"
"""Set in every child to the folder of the run that it belongs to: no rehearsal starts inside another one."""

_PYTHON = (
    "VIRTUAL_ENV",
    "CONDA_PREFIX",
    "PYTHONPATH",
    "PYTHONHOME",
    "PYTHONSTARTUP",
    "PYTHONWARNINGS",
    "PYTHONDONTWRITEBYTECODE",
    "PYTHONOPTIMIZE",
    "PYTHONUSERBASE",
    "PYTHONSAFEPATH",
    "PYTEST_ADDOPTS",
    "PYTEST_PLUGINS",
    "__PYVENV_LAUNCHER__",
)
# What ties git to one repository, as a hook has it (`git rev-parse --local-env-vars`).
_GIT = (
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_PREFIX",
    "GIT_COMMON_DIR",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_CONFIG",
    "GIT_CONFIG_PARAMETERS",
    "GIT_CONFIG_COUNT",
    "GIT_SHALLOW_FILE",
    "GIT_GRAFT_FILE",
)
OF_OTHER_PUBLISHERS = (
    "FLIT_PASSWORD",
    "FLIT_USERNAME",
    "HATCH_INDEX_",
    "PDM_PUBLISH_",
    "POETRY_HTTP_BASIC_",
    "POETRY_PYPI_TOKEN_",
    "UV_PUBLISH_",
)
"""How the variables begin with which other programs than twine publish."""
_OF_SERVICES = ("ACTIONS_ID_TOKEN_", "GH_TOKEN", "GITHUB_TOKEN", "PYPI_", "TESTPYPI_")
_CREDENTIALS = ("TWINE_", *OF_OTHER_PUBLISHERS, *_OF_SERVICES)
_INSTALLERS = ("PIP_", "UV_")
_KEPT = ("UV_CACHE_DIR", "UV_LINK_MODE", "UV_HTTP_TIMEOUT", "UV_NATIVE_TLS", "UV_SYSTEM_CERTS", "PIP_CERT", "PIP_PROXY")


def home(environment: Mapping[str, str]) -> Path:
    """The folder of the user whose environment this is."""
    return Path(environment.get("HOME") or environment.get("USERPROFILE") or Path.home())


def for_tools(outer: Mapping[str, str], run: Path) -> dict[str, str]:
    """For what may not be led astray: the outer one without Python's and the installers' settings, and credentials.

    How to reach an index (certificates, proxies, time limits) and where the cache lies stays.
    """
    inner = for_tests(outer, run)
    return {key: value for key, value in inner.items() if key in _KEPT or not key.startswith(_INSTALLERS)}


def for_dependencies(outer: Mapping[str, str], run: Path) -> dict[str, str]:
    """For whatever installs things that are not ours: this machine's own settings say where they come from.

    Where only one of pip and uv is told of another default index, the other is told of it too.
    """
    from omni_release.environments.installer_config import told_to_one

    return told_to_one(outer) | for_tests(outer, run)


def for_tests(outer: Mapping[str, str], run: Path) -> dict[str, str]:
    """For the project's own programs: the outer one without what would have Python, pytest or git look elsewhere.

    Credentials to publish are left out, too.
    """
    inner = {key: value for key, value in for_git(outer).items() if key not in _PYTHON}
    inner = {key: value for key, value in inner.items() if not key.startswith(_CREDENTIALS)}
    return inner | {"PYTHONUTF8": "1", "PYTHONIOENCODING": "utf-8", "NO_COLOR": "1", GUARD: str(run)}


def for_git(outer: Mapping[str, str]) -> dict[str, str]:
    """For git: the outer one without what ties it to another repository than the one that it stands in."""
    return {key: value for key, value in outer.items() if key not in _GIT}


def activated(outer: Mapping[str, str], run: Path, environment: Path) -> dict[str, str]:
    """For the project's own programs in a virtual environment: its programs come first."""
    inner = for_tests(outer, run)
    path = f"{scripts(environment)}{os.pathsep}{inner.get('PATH', os.defpath)}"
    return inner | {"VIRTUAL_ENV": str(environment), "PATH": path}
