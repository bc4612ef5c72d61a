"""Tests in a package that the wheel leaves out."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import pytest

from omni_release import project
from omni_release.testing.inner_tests import inner_tests

PYPROJECT = '[project]\nname = "acme"\nversion = "1"\n'


@pytest.mark.parametrize(
    ("source", "shipped", "found"),
    [
        ("from .. import core", ("acme/__init__.py",), ["acme/tests"]),
        ("    from ..core import x", ("acme/__init__.py",), ["acme/tests"]),
        ("from .. import core", ("acme/__init__.py", "acme/tests/test_a.py"), []),  # installed with the wheel
        ("from acme.tests.support import x", ("acme/__init__.py",), ["acme/tests"]),
        ("    import acme.tests", ("acme/__init__.py",), ["acme/tests"]),
        ("import acme.testsuite", ("acme/__init__.py",), []),
        ("from . import support", ("acme/__init__.py",), []),
        ("import acme", ("acme/__init__.py",), []),
        ("from .. import core", (), []),  # no wheel was built
    ],
)
@pytest.mark.parametrize("folder", ["", "src/"])
def test_inner_tests(source: str, shipped: tuple[str, ...], found: list[str], folder: str, tmp_path: Path) -> None:
    """They are found where they import from above their folder, and the wheel has none of them."""
    names = [f"{folder}acme/{name}" for name in ("__init__.py", "core.py", "tests/__init__.py", "tests/test_a.py")]
    for name, text in {"pyproject.toml": PYPROJECT, **dict.fromkeys(names, ""), names[-1]: source}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    tests = inner_tests(project.load(tmp_path), map(PurePosixPath, names), frozenset(shipped))
    assert [str(each.installed) for each in tests] == found
    assert [str(each.folder) for each in tests] == [f"{folder}{name}" for name in found]
