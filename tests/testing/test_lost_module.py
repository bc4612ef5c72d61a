"""A program that does not find the project's own package: the wheel and the module that explain it."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from omni_release.core.model import Package, Release
from omni_release.testing.checks import lost_module

WHEEL = "acme-1.0-py3-none-any.whl"


@pytest.mark.parametrize(
    ("text", "module"),
    [
        ("E   ModuleNotFoundError: No module named 'acme'", "acme/__init__.py"),
        ("acme.answers:Part cannot be imported: ModuleNotFoundError: No module named 'acme'", "acme/__init__.py"),
        ("No module named 'acme_one'", "acme_one.py"),
        ("No module named 'space.tools'", "space/tools/__init__.py"),
        ("E   No module named 'acme.inside'\nIt printed: No module named 'acme'", "acme/inside.py"),
        ("E   ImportError: cannot import name 'part' from 'acme' (/site/acme/__init__.py)", "acme/part/__init__.py"),
        ("No module named 'acme.nowhere'", ""),
        ("cannot import name 'Thing' from 'acme'", ""),
        ("No module named 'requests'", ""),
        ("AssertionError", ""),
    ],
)
def test_lost_module(text: str, module: str, release: Release, tmp_path: Path) -> None:
    """Only an import package of the project, or a module that the checkout has, can be missing from the wheel."""
    for name in ("inside.py", "part/__init__.py"):
        (tmp_path / "src" / "acme" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "src" / "acme" / name).touch()
    release.dist.mkdir(parents=True)
    (release.dist / WHEEL).touch()
    paths = {"acme": "src/acme", "acme_one": "acme_one.py", "space.tools": "src/space/tools"}
    packages = tuple(Package(tmp_path / path, name) for name, path in paths.items())
    about = dataclasses.replace(release, project=dataclasses.replace(release.project, packages=packages))
    assert lost_module(about, text) == ((WHEEL, (module,)) if module else ("", ()))
