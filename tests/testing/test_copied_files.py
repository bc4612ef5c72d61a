"""Which files of a project its tests run with."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import pytest

from omni_release import project as project_room
from omni_release.core.model import Package, Project
from omni_release.core.settings import Settings
from omni_release.testing import has_tests, named_tests
from omni_release.testing.copied_files import inner_tests, without_modules

PYPROJECT = '[project]\nname = "acme"\nversion = "1"\n'
FILES = (
    "conftest.py",
    "src/acme/__init__.py",
    "src/acme/data.json",
    "src/acme/native.so",
    "src/acme/tests/test_a.py",
    "src/acme/tests/helper.py",
    "tests/test_b.py",
)


@pytest.mark.parametrize(
    ("shipped", "copied"),
    [
        (("acme/__init__.py", "acme/tests/test_a.py", "acme/tests/helper.py"), set()),
        (("acme/__init__.py",), {"src/acme/tests/test_a.py", "src/acme/tests/helper.py"}),
        ((), set()),
    ],
)
def test_modules_stay_behind(shipped: tuple[str, ...], copied: set[str], tmp_path: Path) -> None:
    """Modules of the packages stay behind, but tests that the wheel leaves out come along."""
    project = Project(tmp_path, "acme", (Package(Path("src/acme"), "acme"),), Settings(), {})
    found = without_modules(project, map(PurePosixPath, FILES), frozenset(shipped))
    assert {str(file) for file in found} == {"conftest.py", "src/acme/data.json", "tests/test_b.py"} | copied


@pytest.mark.parametrize(
    ("settings", "file", "expected"),
    [
        ("", "tests/test_a.py", True),
        ("", "tests/a_test.py", True),
        ("", "tests/checks.py", False),
        ("", "tests/test_data.json", False),
        ("[pytest]\npython_files = checks.py *_spec.py\n", "tests/checks.py", True),
        ("[pytest]\npython_files = checks.py *_spec.py\n", "tests/test_a.py", False),
        ("[pytest]\npython_files = tests/*.py\n", "tests/a.py", True),
        ("", "test.py", True),
        ("", "tests.py", True),
        ("", "acme/tests.py", False),
    ],
)
def test_has_tests(settings: str, file: str, expected: bool, tmp_path: Path) -> None:
    """pytest's `python_files` says which files have tests."""
    (tmp_path / "pytest.ini").write_text(settings or "[pytest]\n", encoding="utf-8")
    project = Project(tmp_path, "acme", (), Settings(), {})
    assert has_tests(project, [PurePosixPath(file)]) is expected


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (["tests/test_a.py", "test.py"], ()),
        (["test.py", "setup.py"], ("test.py",)),
        (["setup.py"], ("--pyargs", "acme")),
    ],
)
def test_named(files: list[str], expected: tuple[str, ...], tmp_path: Path) -> None:
    """What pytest does not collect by itself is named, where it would collect nothing else."""
    project = Project(tmp_path, "acme", (Package(Path("acme"), "acme"),), Settings(), {})
    assert named_tests(project, map(PurePosixPath, files)) == expected


@pytest.mark.parametrize(
    ("testpaths", "file", "expected"),
    [
        ("acme", "bench/test_speed.py", False),
        ("acme", "acme/tests/test_a.py", True),
        ("./acme/", "acme/tests/test_a.py", True),
        ("acme/*", "acme/tests/test_a.py", True),
        ("acme bench", "bench/test_speed.py", True),
        ("docs", "bench/test_speed.py", True),  # without tests there, pytest looks everywhere
        ("nowhere", "bench/test_speed.py", True),
        (".", "bench/test_speed.py", True),
    ],
)
def test_testpaths(testpaths: str, file: str, expected: bool, tmp_path: Path) -> None:
    """Files outside of `testpaths`, such as those of benchmarks, are no tests."""
    for name in ("acme/tests/test_a.py", "bench/test_speed.py", "docs/conf.py", "pytest.ini"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(f"[pytest]\ntestpaths = {testpaths}\n" if name.endswith("ini") else "")
    project = Project(tmp_path, "acme", (), Settings(), {})
    assert has_tests(project, [PurePosixPath(file)]) is expected


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
    tests = inner_tests(project_room.load(tmp_path), map(PurePosixPath, names), frozenset(shipped))
    assert [str(each.installed) for each in tests] == found
    assert [str(each.folder) for each in tests] == [f"{folder}{name}" for name in found]
