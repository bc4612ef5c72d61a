"""Which requirement provides a module, and with which extra."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from omni_release.environments.requirements import Declaration, WheelRequirements
from tests.environments import support

REQUIRES = (
    "anyio>=4",
    "Humanize; extra == 'viz'",
    "humanize; extra == 'test'",
    "pyyaml; python_version < '3.0'",
    "python-dotenv; extra == 'standard'",
    "google-cloud-storage; extra == 'gcs'",
    "Pillow; sys_platform == 'win32' and extra == 'images'",
    "weird-name; extra == 'odd'",
)


@pytest.mark.parametrize(
    ("module", "expected"),
    [
        ("anyio", Declaration("anyio", always=True)),
        ("humanize", Declaration("Humanize", ("viz", "test"))),
        ("yaml", Declaration("pyyaml", always=True, marker='python_version < "3.0"')),
        ("dotenv", Declaration("python-dotenv", ("standard",))),
        ("google.cloud.storage", Declaration("google-cloud-storage", ("gcs",))),
        ("google.cloud", Declaration()),
        ("PIL", Declaration("Pillow", ("images",))),
        ("strange_module", Declaration("weird-name", ("odd",))),
        ("strange", Declaration()),
        ("nowhere", Declaration()),
    ],
)
def test_declaration(module: str, expected: Declaration, tmp_path: Path) -> None:
    """A module is matched by its name, by known pairs, and by what is installed anywhere."""
    odd = support.wheel(tmp_path, {"strange_module/__init__.py": ""}, name="weird-name")
    site = tmp_path / "site"
    with zipfile.ZipFile(odd) as archive:
        archive.extractall(site)
    wheel = support.wheel(tmp_path, {"acme/__init__.py": ""}, requires=REQUIRES)
    assert WheelRequirements.of(wheel, site, tmp_path / "gone").declaration(module) == expected


@pytest.mark.parametrize(
    ("extras", "expected"),
    [(("viz", "test"), ("viz",)), (("test", "dev-extra", "docs", "Lint"), ()), (("testing-tools", "fast"), ("fast",))],
)
def test_extras_of_users(extras: tuple[str, ...], expected: tuple[str, ...]) -> None:
    """Extras for development are no answer for a user."""
    assert Declaration("humanize", extras).extras_of_users == expected
