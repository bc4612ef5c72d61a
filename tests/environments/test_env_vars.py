"""The environments of child processes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import uv

from omni_release import environments as environments_module
from omni_release import programs
from omni_release.environments import installer_config

RUN = Path("run")
OUTER = {
    "PATH": "/bin",
    "HOME": "/home/ada",
    "VIRTUAL_ENV": "/x",
    "PYTHONPATH": "/x",
    "PYTHONHOME": "/x",
    "PIP_FIND_LINKS": "/x",
    "PIP_CERT": "/cert",
    "PIP_CONFIG_FILE": "/dev/null",
    "UV_CACHE_DIR": "/cache",
    "UV_FIND_LINKS": "/x",
    "TWINE_PASSWORD": "secret",
    "TESTPYPI_ID_TOKEN": "secret",
    "HATCH_INDEX_AUTH": "secret",
    "POETRY_PYPI_TOKEN_PYPI": "secret",
    "FLIT_PASSWORD": "secret",
    "PDM_PUBLISH_PASSWORD": "secret",
    "GITHUB_TOKEN": "secret",
    "GEMINI_API_KEY": "secret",
    "OPENAI_API_KEY": "secret",
    "FAL_KEY": "secret",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "GOOGLE_APPLICATION_CREDENTIALS": "secret",
    "SMTP_PASS": "secret",
    "pgpassword": "secret",
    "UV_INDEX_COMPANY_PASSWORD": "index secret",
    "PIP_EXTRA_INDEX_URL": "https://ada:pass@index.example.invalid/simple/",
    "SSH_AUTH_SOCK": "/agent",
    "TOKENIZERS_PARALLELISM": "false",
    "DATABASE_URL": "db",
    "GIT_DIR": "/x",
    "PYTEST_ADDOPTS": "-k some",
}


def test_tool_env() -> None:
    """Variables that redirect an installer and credentials are removed; those of certificates and the cache stay."""
    inner = programs.tool_env(OUTER, RUN)
    assert not inner.keys() & {"VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME", "PIP_FIND_LINKS", "UV_FIND_LINKS"}
    assert "secret" not in inner.values()
    assert (inner["PIP_CERT"], inner["UV_CACHE_DIR"], inner["PATH"]) == ("/cert", "/cache", "/bin")


def test_dependency_env() -> None:
    """For dependencies, the installers' own settings stay."""
    inner = installer_config.dependency_env(OUTER | {"UV_DEFAULT_INDEX": "https://index.example.invalid/simple/"}, RUN)
    assert inner["PIP_FIND_LINKS"] == "/x"
    assert "PYTHONPATH" not in inner
    assert "secret" not in inner.values()


@pytest.mark.parametrize("made", [programs.test_env, programs.tool_env])
def test_logins_are_for_installers(made: Callable[[Mapping[str, str], Path], dict[str, str]]) -> None:
    """Only an installer of dependencies logs in to an index."""
    logins = {"UV_INDEX_COMPANY_PASSWORD", "PIP_EXTRA_INDEX_URL"}
    assert not made(OUTER, RUN).keys() & logins
    assert installer_config.dependency_env(OUTER, RUN).keys() >= logins


def test_given_by_name() -> None:
    """A secret that the settings name is passed, and no other."""
    inner = programs.test_env(OUTER, RUN, ("SMTP_PASS",))
    assert [name for name, value in inner.items() if value == "secret"] == ["SMTP_PASS"]


def test_test_env() -> None:
    """Tests get the outer variables, without Python's settings and without credentials to publish."""
    inner = programs.test_env(OUTER, RUN)
    assert (inner["DATABASE_URL"], inner["SSH_AUTH_SOCK"], inner["TOKENIZERS_PARALLELISM"]) == ("db", "/agent", "false")
    assert "secret" not in inner.values()
    assert inner[programs.RUN_VARIABLE] == "run"
    assert not inner.keys() & {"PYTHONPATH", "TWINE_PASSWORD", "GITHUB_TOKEN", "GIT_DIR", "PYTEST_ADDOPTS"}


def test_layout(tmp_path: Path) -> None:
    """The interpreter and the folder for packages are where a real environment has them."""
    target = tmp_path / "environment"
    subprocess.run([uv.find_uv_bin(), "venv", "--quiet", "--python", sys.executable, str(target)], check=True)
    code = "import sysconfig; print(sysconfig.get_path('purelib'))"
    purelib = subprocess.check_output([environments_module.python(target), "-c", code], text=True).strip()
    assert Path(purelib).samefile(environments_module.site_packages(target))
    assert environments_module.scripts_folder(target).is_dir()
