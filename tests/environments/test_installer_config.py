"""Where this machine's settings of pip and uv get dependencies from."""

from __future__ import annotations

from pathlib import Path

from omni_release.environments.installer_config import default_index, dependency_env


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
    assert dependency_env(outer | {"UV_DEFAULT_INDEX": url}, Path("run"))["PIP_INDEX_URL"] == url
    assert dependency_env(outer | {"PIP_INDEX_URL": url}, Path("run"))["UV_DEFAULT_INDEX"] == url
