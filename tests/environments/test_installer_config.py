"""Where this machine's settings of pip and uv get dependencies from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from omni_release import programs
from omni_release.environments.installer_config import default_index, dependency_env
from tests.test_programs import OUTER, RUN


def test_default_index(tmp_path: Path) -> None:
    """Variables override files, pip's override uv's, and the fallback is pip's own default."""
    nowhere = {
        "HOME": str(tmp_path),
        "XDG_CONFIG_HOME": str(tmp_path),
        "XDG_CONFIG_DIRS": str(tmp_path),
        "PIP_CONFIG_FILE": str(tmp_path / "none"),
    }
    assert default_index(nowhere).startswith("https://")
    (tmp_path / "uv").mkdir()
    (tmp_path / "uv" / "uv.toml").write_text('[[index]]\nurl = "https://uv.invalid/simple"\ndefault = true\n')
    assert default_index(nowhere) == "https://uv.invalid/simple"
    (tmp_path / "pip").mkdir()
    (tmp_path / "pip" / "pip.conf").write_text("[global]\nindex-url = https://pip.invalid/simple\n")
    assert default_index(nowhere) == "https://pip.invalid/simple"
    assert default_index(nowhere | {"UV_DEFAULT_INDEX": "mine=https://named.invalid/"}) == "https://named.invalid/"
    assert default_index(nowhere | {"PIP_INDEX_URL": "https://v.invalid/", "UV_INDEX_URL": "x"}) == "https://v.invalid/"


def test_default_index_is_shared(tmp_path: Path) -> None:
    """A default index that is configured for pip or uv alone reaches both, through variables."""
    outer = {"HOME": str(tmp_path), "PIP_CONFIG_FILE": "/dev/null", "XDG_CONFIG_HOME": str(tmp_path)}
    url = "https://ada:pass@index.example.invalid/simple/"
    assert dependency_env(outer | {"UV_DEFAULT_INDEX": url}, RUN)["PIP_INDEX_URL"] == url
    assert dependency_env(outer | {"PIP_INDEX_URL": url}, RUN)["UV_DEFAULT_INDEX"] == url


def test_dependency_env() -> None:
    """For dependencies, the installers' own settings stay."""
    inner = dependency_env(OUTER | {"UV_DEFAULT_INDEX": "https://index.example.invalid/simple/"}, RUN)
    assert inner["PIP_FIND_LINKS"] == "/x"
    assert "PYTHONPATH" not in inner
    assert "secret" not in inner.values()


@pytest.mark.parametrize("made", [programs.test_env, programs.tool_env])
def test_logins_are_for_installers(made: Callable[[Mapping[str, str], Path], dict[str, str]]) -> None:
    """Only an installer of dependencies logs in to an index."""
    logins = {"UV_INDEX_COMPANY_PASSWORD", "PIP_EXTRA_INDEX_URL"}
    assert not made(OUTER, RUN).keys() & logins
    assert dependency_env(OUTER, RUN).keys() >= logins
