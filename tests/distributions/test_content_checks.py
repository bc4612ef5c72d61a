"""Checks of the files in distributions."""

from __future__ import annotations

import io
import tarfile
import zipfile
from pathlib import Path, PurePosixPath
from typing import cast

import pytest

from omni_release.core.model import Project, Release
from omni_release.core.settings import Settings
from omni_release.core.world import World
from omni_release.distributions import content_checks

NO_WORLD = cast(World, None)


@pytest.fixture
def release(tmp_path: Path) -> Release:
    """A release whose distributions the test makes."""
    (tmp_path / "dist").mkdir()
    project = Project(tmp_path, "acme", (), Settings(), {})
    return Release(project, "1.0", "rehearsal", None, tmp_path, tmp_path / "workshop", PurePosixPath())


def wheel(release: Release, name: str = "dist/acme-1.0-py3-none-any.whl", /, **files: bytes) -> None:
    """A wheel with these files and its metadata."""
    path = release.folder / name
    path.parent.mkdir(exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in {"acme-1.0.dist-info/METADATA": b"Name: acme\n", **files}.items():
            archive.writestr(name, data)


def sdist(release: Release, *names: str, **files: bytes) -> None:
    """An sdist with these files."""
    with tarfile.open(release.dist / "acme-1.0.tar.gz", "w:gz") as archive:
        for name, content in {**dict.fromkeys(names, b"x"), **files}.items():
            info = tarfile.TarInfo(f"acme-1.0/{name}")
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))


def severities(release: Release) -> list[str]:
    """The severities of the findings."""
    return [finding.severity.value for finding in content_checks.no_stray_files(release, NO_WORLD)]


def rules(release: Release) -> list[str]:
    """The rules of the findings."""
    return [finding.rule for finding in content_checks.no_stray_files(release, NO_WORLD)]


SECRET = b"API_TOKEN=a1b2c3d4e5\n"
PRIVATE_KEY = b"-----BEGIN RSA" + b" PRIVATE KEY-----\n" + b"aB3" * 40
TOKEN = ("AI" + "za" + "Sy0" * 11 + "Qx").encode()

STRAY = [
    # name, content, in a wheel, in an sdist
    (".env", SECRET, "error", "error"),
    (".env.production", SECRET, "error", "error"),
    (".env", b"PYTHONPATH=src\n", "warning", "warning"),
    (".env", b"API_TOKEN=<your token>\n", "warning", "warning"),
    ("tests/test_apps/.env", SECRET, "error", "warning"),
    (".env.example", SECRET, "", ""),
    ("deploy/prod.env", SECRET, "error", "error"),
    (".mcp.json", b'{"headers": {"Authorization": "Bearer a1b2c3d4e5f6g7h8i9"}}', "error", "error"),
    (".mcp.json", b'{"headers": {"Authorization": "Bearer ${TOKEN_OF_THE_SERVER}"}}', "", ""),
    (".mcp.json", b'{"env": {"ACME_API_KEY": "a1b2c3d4e5"}}', "error", "error"),
    (".gemini/settings.json", b'{"mcpServers": {"x": {"env": {"GH_TOKEN": "a1b2c3d4e5"}}}}', "error", "error"),
    (".gemini/styleguide.md", b"Write tests.", "", ""),
    (".streamlit/secrets.toml", b'db_password = "a1b2c3d4e5"\n', "error", "error"),
    ("infra/terraform.tfvars", b'admin_password = "a1b2c3d4e5"\n', "error", "error"),
    ("gcp/service-account.json", b'{"private_key_id": "a1b2c3d4e5", "type": "service_account"}', "error", "error"),
    ("acme/client_secrets.json", b'{"web": {"client_secret": "YOUR_SECRET_HERE"}}', "", ""),
    (".kube/config", b"users:\n- user:\n    token: a1b2c3d4e5f6\n", "error", "error"),
    ("deploy/settings.yarnrc.yml", b"", "", ""),
    (".ssh/config", b"", "error", "error"),
    ("a/.pypirc", b"", "error", "error"),
    ("tests/fixtures/.netrc", b"", "error", "warning"),
    ("deploy/id_rsa", b"", "error", "error"),
    ("acme/__pycache__/x.pyc", b"", "error", "warning"),
    (".idea/x.xml", b"", "error", "warning"),
    (".vscode/settings.json", b"", "error", "warning"),
    ("x.py~", b"", "error", "warning"),
    (".DS_Store", b"", "error", "warning"),
    ("acme/words.orig", b"", "error", "warning"),
    ("acme/cacert.pem", b"-----BEGIN CERTIFICATE-----\n" + b"aB3" * 40, "", ""),
    ("acme/server.key", PRIVATE_KEY, "error", "error"),
    ("tests/certs/server.key", PRIVATE_KEY, "warning", "warning"),
    ("acme/ssl.py", b"BEGIN = '-----BEGIN RSA" + b" PRIVATE KEY-----'\n", "", ""),
    ("acme/settings.py", TOKEN, "error", "error"),
    ("docs/index.md", TOKEN, "error", "warning"),
    ("tests/cassettes/live.yaml", TOKEN, "error", "error"),
    ("pyproject.toml.orig", b"", "", ""),
    ("acme/environment.py", b"KEY = None\n", "", ""),
]


@pytest.mark.parametrize(("name", "content", "in_wheel", "in_sdist"), STRAY)
def test_stray(name: str, content: bytes, in_wheel: str, in_sdist: str, release: Release) -> None:
    """What does not belong in a wheel may be harmless in an sdist, and is so more often among tests and docs."""
    sdist(release, "acme/__init__.py", **{name: content})
    assert severities(release) == [in_sdist] * bool(in_sdist)
    next(release.dist.iterdir()).unlink()
    wheel(release, **{name: content})
    assert severities(release) == [in_wheel] * bool(in_wheel)


def test_many_stray_files(release: Release) -> None:
    """A few of many files of one kind are named."""
    wheel(release, **{f"acme/{number}.pyc": b"" for number in range(1000)})
    messages = [finding.message for finding in content_checks.no_stray_files(release, NO_WORLD)]
    assert len(messages) == 21
    assert messages[-1].endswith("contains 980 more files like these: compiled Python")


def test_wheel_of_this_machine(release: Release) -> None:
    """The wheel that is not uploaded is looked at, too: every user builds the same one."""
    sdist(release, "acme/__init__.py")
    wheel(release, "local-wheel/acme-1.0-cp311-cp311-linux_x86_64.whl", **{"acme/settings.py": TOKEN})
    assert severities(release) == ["error"]


def test_nothing_stray(release: Release) -> None:
    """An ordinary package has no findings."""
    sdist(release, "acme/__init__.py", ".env.example", "acme/environment.py", ".gitignore")
    wheel(release, **{"acme/__init__.py": b"KEY = None\n"})
    assert rules(release) == []


def test_key(release: Release) -> None:
    """A finding on a key has its place and kind, and not the key."""
    key = "AI" + "za" + "Sy0" * 11 + "Qx"
    wheel(release, **{"acme/settings.py": f"DEBUG = 1\nKEY = '{key}'\n".encode()})
    (finding,) = content_checks.no_stray_files(release, NO_WORLD)
    assert finding.rule == "key-inside"
    assert "acme/settings.py:2" in finding.message
    assert key not in finding.message


def test_another_version_inside(release: Release) -> None:
    """Metadata of another version in the wheel are a leftover."""
    wheel(release, **{"acme-0.9.dist-info/METADATA": b"Name: acme\n"})
    assert rules(release) == ["stray-version"]
