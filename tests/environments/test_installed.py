"""Whether a wheel is installed byte for byte, with the real uv, and with files that change afterwards."""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import uv

from omni_release import environments
from omni_release.environments import site_packages

FILES = {
    "acme/__init__.py": b'VERSION = "1.0"\r\n',
    "acme/data.bin": bytes(range(256)) * 50,
    "acme-1.0.dist-info/METADATA": b"Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n",
    "acme-1.0.dist-info/WHEEL": b"Wheel-Version: 1.0\nGenerator: hand\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    "acme-1.0.data/scripts/acme-tool": b"#!python\nprint(1)\n",
}


@pytest.fixture
def wheel(tmp_path: Path) -> Path:
    """A small wheel with a script, which is installed elsewhere."""
    path = tmp_path / "acme-1.0-py3-none-any.whl"
    record = []
    with zipfile.ZipFile(path, "w") as archive:
        archive.mkdir("acme")
        for name, data in FILES.items():
            archive.writestr(name, data)
            digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
            record.append(f"{name},sha256={digest},{len(data)}\n")
        archive.writestr("acme-1.0.dist-info/RECORD", "".join(record) + "acme-1.0.dist-info/RECORD,,\n")
    return path


@pytest.fixture
def environment(tmp_path: Path, wheel: Path) -> Path:
    """A virtual environment into which the real uv has installed the wheel."""
    target = tmp_path / "environment"
    outer = {key: value for key, value in os.environ.items() if key != "VIRTUAL_ENV"}
    for arguments in (
        ["venv", "--no-project", "--python", sys.executable, str(target)],
        [
            "pip",
            "install",
            "--no-config",
            "--offline",
            "--no-index",
            "--link-mode",
            "copy",
            "--python",
            str(target),
            str(wheel),
        ],
    ):
        command = [uv.find_uv_bin(), *arguments, "--no-cache"]
        subprocess.run(command, check=True, capture_output=True, cwd=tmp_path, env=outer)
    return target


def test_installed(environment: Path, wheel: Path) -> None:
    """An installed wheel is found, although the installer rewrites RECORD and adds files."""
    base = site_packages(environment)
    record = (base / "acme-1.0.dist-info/RECORD").read_bytes()
    with zipfile.ZipFile(wheel) as archive:
        assert record != archive.read("acme-1.0.dist-info/RECORD")
    assert environments.has_wheel(base, wheel)
    (base / "acme/__pycache__").mkdir()
    (base / "acme/__pycache__/x.pyc").touch()
    assert environments.has_wheel(base, wheel)


@pytest.mark.parametrize("name", [name for name in FILES if not name.startswith("acme-1.0.data")])
@pytest.mark.parametrize("change", ["changed", "shorter", "gone", "folder"])
def test_changed_afterwards(name: str, change: str, wheel: Path, tmp_path: Path) -> None:
    """One different byte in any file is noticed."""
    base = site_packages(tmp_path / "environment")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(base)
    assert environments.has_wheel(base, wheel)
    path = base / name
    data = path.read_bytes()
    path.unlink()
    if change == "changed":
        path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    elif change == "shorter":
        path.write_bytes(data[:-1])
    elif change == "folder":
        path.mkdir()
    assert not environments.has_wheel(base, wheel)


def test_missing_environment(tmp_path: Path, wheel: Path) -> None:
    """Without an environment no wheel is found, and nothing fails."""
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").touch()
    for name in ("gone", "empty", "file"):
        assert not environments.has_wheel(tmp_path / name, wheel)


@pytest.mark.parametrize(
    "left", [{}, {"x.dist-info": ""}, {"~cme-0.9.dist-info": ""}, {"b.dist-info": "Summary: nothing"}]
)
def test_leftovers(left: dict[str, str], tmp_path: Path) -> None:
    """What a broken removal leaves beside the project, and a requirement of an older form, are passed over."""
    needed = "Name: acme\nVersion: 1.0\nRequires-Dist: other>=1.*\nRequires-Dist: helper>=2\n"
    found = {"acme-1.0.dist-info": needed, "helper-2.0.dist-info": "Name: helper\nVersion: 2.0\n", **left}
    for name, content in found.items():
        (tmp_path / name).mkdir()
        if content:
            (tmp_path / name / "METADATA").write_text(f"Metadata-Version: 2.1\n{content}\n")
    assert environments.requirements_met(tmp_path, "acme", "3.12.1")
    shutil.rmtree(tmp_path / "helper-2.0.dist-info")
    assert not environments.requirements_met(tmp_path, "acme", "3.12.1")


def test_layout(tmp_path: Path) -> None:
    """The interpreter and the folder for packages are where a real environment has them."""
    target = tmp_path / "environment"
    subprocess.run([uv.find_uv_bin(), "venv", "--quiet", "--python", sys.executable, str(target)], check=True)
    code = "import sysconfig; print(sysconfig.get_path('purelib'))"
    purelib = subprocess.check_output([environments.python(target), "-c", code], text=True).strip()
    assert Path(purelib).samefile(environments.site_packages(target))
    assert environments.scripts_folder(target).is_dir()
