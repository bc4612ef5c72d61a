"""Small projects: sound ones pass the rehearsal, and each broken one fails the right check."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.test_main import validated
from tests.conftest import git, omni

pytestmark = pytest.mark.rehearsal

SOUND = {
    "setuptools-flat": "acme-flat",
    "flit-module": "acme-module",
    "poetry-typed": "acme-typed",
    "pdm-namespace": "acme-space-tools",
    "uv-build": "acme-uv",
    "hatch-vcs": "acme-vcs",
}

# For each broken project: the lane, and the expected findings: task, rule, part of the message, and place if any.
Expected = tuple[str, str, str, tuple[str, int] | None]
BROKEN: dict[str, tuple[str, tuple[Expected, ...]]] = {
    "hollow-prefix": (
        "inspect",
        (
            ("distributions-match", "hollow-wheel", "contains no 'acme_hollow'", None),
            ("wheel-matches-checkout", "lost-in-sdist", "acme_hollow/__init__.py", None),
        ),
    ),
    "hollow-tests-package": ("tests", (("tests-pass", "test-failed", "No module named 'acme_hollow'", None),)),
    "hollow-pythonpath": ("tests", (("tests-pass", "test-failed", "No module named 'acme_hollow'", None),)),
    "hollow-python-m-pytest": ("tests", (("tests-pass", "tests-ended", "No module named 'acme_hollow'", None),)),
    "data-not-in-sdist": ("inspect", (("wheel-matches-checkout", "lost-in-sdist", "acme_data/words.txt", None),)),
    "env-in-sdist": (
        "inspect",
        (
            ("no-stray-files", "stray-file", ".env: settings with secrets", None),
            ("sdist-tracked-files", "untracked-in-sdist", ".env, which git does not track", None),
        ),
    ),
    "deprecated-import": (
        "tests",
        (("tests-pass", "deprecation", "acme_legacy is deprecated", ("src/acme_old/__init__.py", 3)),),
    ),
    "deprecation-swallowed": (
        "tests",
        (("tests-pass", "deprecation", "getdefaultlocale", ("src/acme_swallow/__init__.py", 11)),),
    ),
    "deprecation-in-child": (
        "tests",
        (("tests-pass", "deprecation", "getdefaultlocale", ("src/acme_child/__init__.py", 10)),),
    ),
    "description-does-not-render": ("inspect", (("twine-check", "twine-check", "no-such-directive", None),)),
    "unknown-classifier": ("inspect", (("project-valid", "pyproject", "classifiers", ("pyproject.toml", 11)),)),
    "local-version": ("inspect", (("upload-rules", "index-local-version", "local versions", None),)),
    "entry-point-to-nowhere": ("verify", (("works-with-uv", "entry-point", "acme_entry.cli", None),)),
    "import-from-checkout": ("verify", (("works-with-uv", "import-fails", "settings_of_acme", None),)),
    "tests-in-wheel": ("inspect", (("wheel-contents", "W005", "toplevel name", None),)),
}


# CI runs those that differ most: a flat layout and a version from a tag; one project of each defect.
LONG = {
    "uv-build",
    "hollow-python-m-pytest",
    "deprecation-swallowed",
    "import-from-checkout",
    "local-version",
    "tests-in-wheel",
    "unknown-classifier",
    "flit-module",
    "pdm-namespace",
    "poetry-typed",
    "hollow-pythonpath",
    "hollow-tests-package",
    "deprecation-in-child",
}


def cases(names: Iterable[str]) -> list[Any]:
    """The parameters of a test: these projects."""
    return [pytest.param(name, marks=pytest.mark.long) if name in LONG else name for name in names]


@pytest.mark.parametrize("name", cases(SOUND))
def test_sound(name: str, case: Callable[[str], Path]) -> None:
    """A sound project of each back end and layout passes the lane with pip and uv, and reports its version."""
    root = case(name)
    git("tag", "v2.0.1", cwd=root)
    ran = omni("rehearse", "--format", "json", cwd=root)
    document = validated(ran)
    errors = [(o["id"], f["message"]) for o in document["outcomes"] for f in o["findings"] if f["severity"] == "error"]
    assert (errors, ran.code) == ([], 0)
    assert (document["project"], document["version"]) == (SOUND[name], "2.0.1")
    for task in ("tests-pass", "works-with-uv", "works-with-pip", "wheel-matches-checkout"):
        assert ran.outcome(task)["status"] == "passed", task
    assert git("status", "--porcelain", cwd=root) == ""


@pytest.mark.parametrize("name", cases(BROKEN))
def test_broken(name: str, case: Callable[[str], Path]) -> None:
    """A broken project fails the check for its defect, with the expected rule, message and place."""
    part, expected = BROKEN[name]
    root = case(f"broken/{name}")
    if name == "env-in-sdist":
        (root / ".env").write_text("TOKEN=0\n", encoding="utf-8")
    ran = omni(part, "--format", "json", cwd=root)
    validated(ran)
    assert ran.code == 1
    for task, rule, message, place in expected:
        named = task if rule == task else f"{task}/{rule}"
        errors = [f for f in ran.outcome(task)["findings"] if f["rule"] == named and f["severity"] == "error"]
        assert any(message in f["message"] and place in (None, (f["path"], f["line"])) for f in errors), ran.outcome(
            task
        )
