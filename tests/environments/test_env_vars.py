"""The environments of child processes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import uv

from omni_release import environments as environments_module
from omni_release import programs
from omni_release.environments import installers

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
    inner = installers.dependency_env(OUTER | {"UV_DEFAULT_INDEX": "https://index.example.invalid/simple/"}, RUN)
    assert inner["PIP_FIND_LINKS"] == "/x"
    assert "PYTHONPATH" not in inner
    assert "secret" not in inner.values()


def test_default_index_is_shared(tmp_path: Path) -> None:
    """A default index that is configured for pip or uv alone reaches both, through variables."""
    outer = {"HOME": str(tmp_path), "PIP_CONFIG_FILE": "/dev/null", "XDG_CONFIG_HOME": str(tmp_path)}
    url = "https://ada:pass@index.example.invalid/simple/"
    assert installers.dependency_env(outer | {"UV_DEFAULT_INDEX": url}, RUN)["PIP_INDEX_URL"] == url
    assert installers.dependency_env(outer | {"PIP_INDEX_URL": url}, RUN)["UV_DEFAULT_INDEX"] == url


def test_test_env() -> None:
    """Tests get the outer variables, without Python's settings and without credentials to publish."""
    inner = programs.test_env(OUTER, RUN)
    assert inner["DATABASE_URL"] == "db"
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
