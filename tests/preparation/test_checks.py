"""The changelog says what has changed since the last release: asked where the project keeps it between releases."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from omni_release import project
from omni_release.core import engine
from omni_release.core.model import Severity
from omni_release.core.settings import Settings
from omni_release.core.tasks import Lane, check
from omni_release.preparation.checks import changelog_entry
from tests.repositories import TODAY, Checkout, cloned

KEEP = "# C\n\n## Unreleased\n\n## 1.2.0 - 2026-01-02\n- y\n"
DATED = "1.2.0\n-----\n\nReleased 2026-01-02\n\n- y\n"
TOWNCRIER = '[tool.towncrier]\ndirectory = "news"\n'


def pyproject(more: str = "", version: str = "1.2.0") -> str:
    return f'[project]\nname = "acme"\nversion = "{version}"\n{more}'


CASES: dict[str, tuple[dict[str, str], dict[str, str], str]] = {
    # at the release, after it, what the check says
    "nothing changed": ({"CHANGES.md": KEEP}, {}, "passed"),
    "no entry": ({"CHANGES.md": KEEP}, {"acme/a.py": "1"}, "has no entry since v1.2.0 (1 file changed: acme/a.py)"),
    "an entry": ({"CHANGES.md": KEEP}, {"acme/a.py": "1", "CHANGES.md": KEEP.replace("sed\n", "sed\n- x\n")}, "passed"),
    "empty groups": (
        {"CHANGES.md": KEEP},
        {"acme/a.py": "1", "CHANGES.md": KEEP.replace("sed\n", "sed\n\n### Added\n")},
        "no entry",
    ),
    "the next version": (
        {"CHANGES.rst": DATED.replace("Released 2026-01-02", "Unreleased")},
        {"acme/a.py": "1", "CHANGES.rst": f"1.3.0\n-----\n\nUnreleased\n\n- x\n\n{DATED}"},
        "passed",
    ),
    "the next version, empty": (
        {"CHANGES.rst": DATED.replace("Released 2026-01-02", "Unreleased")},
        {"acme/a.py": "1", "CHANGES.rst": f"1.3.0\n-----\n\nUnreleased\n\n{DATED}"},
        "no entry",
    ),
    "kept before": (
        {"CHANGES.rst": DATED.replace("Released 2026-01-02", "Unreleased"), "then": DATED},
        {"acme/a.py": "1"},
        "no entry",
    ),
    "written at the release": ({"CHANGES.rst": DATED}, {"acme/a.py": "1"}, "with each release"),
    "tests and docs": (
        {"CHANGES.md": KEEP},
        {"tests/test_a.py": "1", "docs/x.md": "1", "acme/tests/a.py": ""},
        "passed",
    ),
    "the version alone": (
        {"CHANGES.md": KEEP},
        {"acme/__init__.py": '__version__ = "1.3.0.dev0"\n', "pyproject.toml": pyproject(version="1.3.0.dev0")},
        "passed",
    ),
    "no fragment": (
        {"pyproject.toml": pyproject(TOWNCRIER), "news/.gitignore": "x"},
        {"acme/a.py": "1"},
        "news has no fragment since v1.2.0 (1 file",
    ),
    "a fragment": (
        {"pyproject.toml": pyproject(TOWNCRIER), "news/.gitignore": "x"},
        {"acme/a.py": "1", "news/1.feature.md": "x"},
        "passed",
    ),
    "no changelog": ({}, {"acme/a.py": "1"}, "neither a changelog nor fragments"),
}


@pytest.mark.parametrize(("before", "after", "says"), CASES.values(), ids=CASES.keys())
def test_entry(before: dict[str, str], after: dict[str, str], says: str, tmp_path: Path) -> None:
    """An entry, a fragment or a section of the next version; changes of the version, of tests and docs need none."""
    checkout = cloned(tmp_path)
    start = {"pyproject.toml": pyproject(), "acme/__init__.py": '__version__ = "1.2.0"\n'}
    for name, text in (start | before).items():
        checkout.commit("CHANGES.rst" if name == "then" else name, text)
    checkout.git("tag", "v1.2.0")
    for name, text in after.items():
        checkout.commit(name, text)
    assert says in said(checkout)
    if "file changed: " in says:
        assert said(checkout, strict=True).startswith("failed error")


def said(checkout: Checkout, *, strict: bool = False) -> str:
    """The status, and the severity and message of each finding."""
    with checkout.open() as (release, world):
        loaded = replace(project.load(checkout.root), settings=Settings(strict=strict))
        lane = Lane("one", (check(changelog_entry),))
        (outcome,) = engine.run(lane, replace(release, project=loaded), world, today=TODAY)
    assert all(finding.severity is not Severity.ERROR for finding in outcome.findings) or strict
    return " ".join([outcome.status.value, *(f"{f.severity} {f.message}" for f in outcome.findings)])


def test_without_a_tag(tmp_path: Path) -> None:
    """Before the first release nothing is asked, nor in a clone without tags."""
    checkout = cloned(tmp_path)
    checkout.commit("pyproject.toml", pyproject())
    checkout.commit("CHANGES.md", KEEP)
    assert "no earlier release has a tag" in said(checkout)


def test_a_branch_of_the_same_name(tmp_path: Path) -> None:
    """The tag and the commit are compared: neither a branch with the tag's name, nor files that are not committed."""
    checkout = cloned(tmp_path)
    for name, text in {"pyproject.toml": pyproject(), "acme/__init__.py": "", "CHANGES.md": KEEP}.items():
        checkout.commit(name, text)
    checkout.git("tag", "v1.2.0")
    (checkout.root / "acme" / "__init__.py").write_text("x = 1\n", encoding="utf-8")
    assert said(checkout) == "passed"
    checkout.git("restore", ".")
    checkout.commit("acme/a.py", "1")
    checkout.git("branch", "v1.2.0")
    assert "since v1.2.0 (1 file changed: acme/a.py)" in said(checkout)
