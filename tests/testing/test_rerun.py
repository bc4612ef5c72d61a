"""Failing tests, on whole small projects: against the wheel and against the checkout."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from omni_release.core.model import Package
from omni_release.testing.rerun import put_in_place
from tests.conftest import git, omni

TEST = "import acme_sound\n\n\ndef test_more() -> None:\n    {}\n"

ROOT = hasattr(os, "geteuid") and os.geteuid() == 0

KINDS = {
    "only the wheel": (
        {
            "src/acme_sound/inside.py": "",
            "tests/test_more.py": TEST.format("import acme_sound.inside"),
            "pyproject.toml": '[tool.hatch.build]\nexclude = ["inside.py"]\n',
        },
        "failed",
        "No module named 'acme_sound.inside' (only against the wheel: it passes against the checkout)",
    ),
    "source": (
        {"tests/test_more.py": TEST.format("open('src/acme_sound/__init__.py').close()")},
        "passed",
        "passes against the wheel where the tests find the source files",
    ),
    "source of a flat layout": (
        {
            "tests/__init__.py": "",
            "tests/test_more.py": TEST.format("open('acme_sound/__init__.py').close()"),
        },
        "passed",
        "passes against the wheel where the tests find the source files",
    ),
    "files around the package": (
        {
            "tests/test_more.py": TEST.format(
                "from pathlib import Path as P; P(acme_sound.__file__).parents[2].joinpath('README.md').read_bytes()"
            )
        },
        "passed",
        "passes against the wheel where the tests find the source files",
    ),
    "data that the wheel lacks": (
        {
            "src/acme_sound/data.txt": "",
            "tests/test_more.py": TEST.format(
                "from pathlib import Path as P; P(acme_sound.__file__).with_name('data.txt').read_bytes()"
            ),
            "pyproject.toml": 'exclude = ["*.txt"]\n',
        },
        "failed",
        "(only against the wheel: it passes against the checkout)",
    ),
    "both": (
        {"tests/test_more.py": TEST.format("assert acme_sound is None")},
        "failed",
        "(also fails against the checkout)",
    ),
    "unstable": (
        {"tests/test_more.py": TEST.format("import test_calls\n    assert not hasattr(test_calls, 'x')")}
        | {"tests/test_calls.py": TEST.format("globals()['x'] = 1")},
        "passed",
        "passes when it runs again by itself",
    ),
    "deadline": (
        {
            "requirements-dev.txt": "hypothesis\n",
            "tests/test_more.py": "import time\n\nfrom hypothesis import given, settings\nfrom hypothesis.strategies "
            "import none\n\nimport acme_sound\n\n\n@settings(max_examples=1)\n@given(none())\n"
            "def test_more(a: None) -> None:\n    time.sleep(0.3)\n",
        },
        "passed",
        "passes where Hypothesis has no deadline",
    ),
    "locked": (
        {
            "tests/test_more.py": TEST.format(
                "from importlib.metadata import version\n    assert version('iniconfig') == '2.0.0'"
            ),
            "uv.lock": '[[package]]\nname = "iniconfig"\nversion = "2.0.0"\n',
        },
        "passed",
        "passes with the versions of the lock file",
    ),
    "machine": (
        {"tests/test_more.py": TEST.format("import urllib.request as r; r.urlopen('http://127.0.0.1:1/')")},
        "inconclusive",
        "fails against the wheel and against the checkout: the network is blocked",
    ),
    "root": (
        {
            "tests/test_more.py": TEST.format(
                "import os, tempfile\n    file = tempfile.mkstemp()[1]\n    os.chmod(file, 0)\n"
                "    assert os.geteuid() and not os.access(file, os.R_OK)"
            )
        },
        "passed",
        "passes for another user than root" if ROOT else "passed in",
    ),
    "network of a program": (
        {
            "tests/test_more.py": TEST.format(
                "import subprocess, sys\n    code = \"import urllib.request as r; r.urlopen('http://127.0.0.1:1/')\"\n"
                "    assert subprocess.run([sys.executable, '-c', code]).returncode == 0"
            )
        },
        "inconclusive",
        "fails against the wheel and against the checkout: the network is blocked",
    ),
    "network": (
        {
            "tests/test_more.py": TEST.format(
                "import socket\n    try:\n        socket.create_connection(('192.0.2.1', 9), 0.1)\n"
                "    except OSError:\n        pass\n    assert 0"
            )
        },
        "inconclusive",
        "another machine (192.0.2.1)",
    ),
    "module": (
        {"tests/test_more.py": "import not_declared\n" + TEST.format("pass")},
        "inconclusive",
        "the tests could not run: not installed: not_declared (in 1 of 2 tests)",
    ),
    "module and failure": (
        {"tests/test_more.py": "import not_declared\n"} | {"tests/test_fail.py": TEST.format("assert 0")},
        "failed",
        "assert 0 (also fails against the checkout)",
    ),
    "option": ({"pytest.ini": "[pytest]\naddopts = --unheard-of\n"}, "inconclusive", "unrecognized arguments"),
    "requirement": (
        {"tox.ini": "[testenv]\ndeps =\n  pytest\n  acme-sound-does-not-exist==1\n"},
        "inconclusive",
        "acme-sound-does-not-exist",
    ),
}


LONG = (
    "both",
    "source",
    "network",
    "module",
    "unstable",
    "data that the wheel lacks",
    "source of a flat layout",
    "network of a program",
    "module and failure",
    "deadline",
    "files around the package",
    "root",
)
MEMBERS = [pytest.param(*KINDS[kind], id=kind, marks=[pytest.mark.long] if kind in LONG else []) for kind in KINDS]


@pytest.mark.parametrize(
    ("package", "found"),
    [
        (Package(Path("src/acme"), "acme"), {"src/acme/new.py", "other.py"}),
        (Package(Path("other.py"), "other"), {"src/acme/old.py", "other.py"}),
        (Package(Path("src/acme"), "lacking"), {"other.py"}),
        (Package(Path("other.py"), "lacking"), {"src/acme/old.py"}),
    ],
)
def test_in_place(package: Package, found: set[str], tmp_path: Path) -> None:
    """In the place of each package of the checkout comes what is installed of it: nothing, if the wheel lacks it."""
    for name in ("site/acme/new.py", "site/acme/__pycache__/new.pyc", "site/other.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("new", encoding="utf-8")
    for name in ("tree/src/acme/old.py", "tree/other.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("old", encoding="utf-8")
    put_in_place(package, tmp_path / "site", tmp_path / "tree")
    files = {path.relative_to(tmp_path / "tree").as_posix() for path in tmp_path.glob("tree/**/*.py")}
    assert files == found


@pytest.mark.rehearsal
@pytest.mark.parametrize(("files", "status", "message"), MEMBERS)
def test_kinds(files: dict[str, str], status: str, message: str, case: Callable[[str], Path], tmp_path: Path) -> None:
    """Each kind of failure has its status and its message; the checkout stays as it is."""
    root = case("sound")
    if "tests/__init__.py" in files:  # a flat layout, in which pytest puts the project's folder on the path
        (root / "src" / "acme_sound").rename(root / "acme_sound")
        pyproject = root / "pyproject.toml"
        pyproject.write_text(pyproject.read_text(encoding="utf-8").replace("src/", ""), encoding="utf-8")
    for name, text in files.items():
        with (root / name).open("a", encoding="utf-8") as file:
            file.write(text)
    git("add", "--all", cwd=root)
    git("commit", "--quiet", "--message=more", cwd=root)
    ran = omni("tests", "--format", "json", cwd=root)
    task = "install-candidate" if "tox.ini" in files else "tests-pass"
    outcome = ran.outcome(task)
    assert outcome["status"] == status, outcome
    assert any(message in finding["message"] for finding in outcome["findings"]), outcome["findings"]
    assert git("status", "--porcelain", cwd=root) == ""
