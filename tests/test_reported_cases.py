"""Small projects that show a fault that somebody reported, or that are sound: each ends as it must.

They are outside of the repository; `OMNI_RELEASE_CASES` names their folder. One is run in CI.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.conftest import git, omni

CASES = Path(os.environ.get("OMNI_RELEASE_CASES", Path(__file__).parents[2] / "shared/cases"))

SOUND = (
    *("s01-setup-cfg", "s02-setuptools-75", "s07b-other-import-name-hatch", "s07c-package-dir-lib"),
    *("s10-hatchling-1.21", "s14-optional-entry-point", "s17-reraise", "s19-two-packages-plugin", "s20-scm"),
)
STOPPED = {
    "c03-extra-at-import": "works-with-uv/import-fails",
    "c04-entry-guarded": "works-with-uv/entry-point",
    "c09-top-level-tests": "wheel-contents/W005",
    "c16-license-in-metadata-2.3": "twine-check",
    "c17b-extra-typo-of-its-own": "extras-exist/extra-of-its-own",
    "c20-force-include": "build",
    "c24-genai-lower-bound": "lower-bounds/newer-than-lower-bound",
    "c28-imagen-dead": "retired-models/model-shut-down",
    "c38b-agent-files": "no-stray-files/stray-file",
}
REPORTED = {
    "c03b-extra-in-submodule": "public-modules-import/module-needs-extra",
    "c05-requires-python-too-low": "code-fits-python/newer-syntax",
    "c06-windows-names": "portable-files/windows-name",
    "c07-readme-relative": "description-links/relative-link",
    "c11b-so-committed": "distributions-match/native-code",
    "c13c-py-typed-in-root": "typing-and-license/py-typed-misplaced",
    "c15-publish-twice": "pipelines-publish-once/publishes-twice",
    "c17a-extra-typo-of-a-dependency": "extras-exist/extra-unknown",
    "c46b-package-data-matches-nothing": "wheel-complete/pattern-without-files",
}
SHORT = ("c03-extra-at-import",)
"""The case that CI runs: it is stopped. Sound projects, and those with warnings, are in other tests of CI."""


def copied(name: str, folder: Path) -> Path:
    """A copy of a case in a repository of its own."""
    if not (CASES / name).is_dir():
        pytest.skip(f"there is no folder {name} with the cases")
    root = folder / name
    shutil.copytree(CASES / name, root, copy_function=shutil.copy, ignore=shutil.ignore_patterns("EXPECT*"))
    for path in (root, *root.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    git("init", "--quiet", cwd=root)
    git("add", "--all", cwd=root)
    git("-c", "user.name=a", "-c", "user.email=a@example.invalid", "commit", "--quiet", "-m", "All", cwd=root)
    return root


def marked(names: Sequence[str]) -> list[object]:
    """The cases as parameters: long ones, but for those that CI runs."""
    marks = {name: () if name in SHORT else (pytest.mark.long,) for name in names}
    return [pytest.param(name, marks=[*marks[name], pytest.mark.rehearsal]) for name in names]


def rules(root: Path, severity: str, *arguments: str) -> tuple[int, set[str]]:
    """The exit code of a rehearsal without settings, and the rules of its findings of this severity."""
    ran = omni("rehearse", "--format", "json", *arguments, cwd=root)
    findings = (finding for outcome in ran.document["outcomes"] for finding in outcome["findings"])
    return ran.code, {finding["rule"] for finding in findings if finding["severity"] == severity}


@pytest.mark.parametrize("name", marked(SOUND))
def test_sound(name: str, tmp_path: Path) -> None:
    """A sound project passes without settings, at its release tag."""
    root = copied(name, tmp_path)
    git("tag", "v1.0.0", cwd=root)
    assert rules(root, "error") == (0, set())


@pytest.mark.long
@pytest.mark.rehearsal
def test_sound_part_of_a_repository(tmp_path: Path) -> None:
    """A sound project below the top of a repository passes."""
    (inside,) = copied("s13-monorepo-root-gitignore", tmp_path).rglob("pyproject.toml")
    assert rules(inside.parent, "error") == (0, set())


@pytest.mark.parametrize("name", marked(tuple(STOPPED)))
def test_stopped(name: str, tmp_path: Path) -> None:
    """A release that users could not use is stopped, by name."""
    code, found = rules(copied(name, tmp_path), "error")
    assert code == 1
    assert STOPPED[name] in found


@pytest.mark.parametrize("name", marked(tuple(REPORTED)))
def test_reported(name: str, tmp_path: Path) -> None:
    """What may be meant is a warning."""
    code, found = rules(copied(name, tmp_path), "warning")
    assert code == 0
    assert REPORTED[name] in found


@pytest.mark.long
@pytest.mark.rehearsal
def test_version_that_goes_back(tmp_path: Path) -> None:
    """A version below that of an earlier tag is reported."""
    root = copied("c40b-version-goes-back", tmp_path)
    git("tag", "v1.0.6", cwd=root)
    git("-c", "user.name=a", "-c", "user.email=a@example.invalid", "commit", "-q", "--allow-empty", "-m", "x", cwd=root)
    code, found = rules(root, "error")
    assert code == 1
    assert any(rule.startswith("version-follows-tags/") for rule in found), found


@pytest.mark.long
@pytest.mark.rehearsal
def test_version_of_a_shallow_clone(tmp_path: Path) -> None:
    """A version that the build invents for want of tags is stopped."""
    origin = copied("c21-origin", tmp_path)
    git("tag", "v1.3.0", cwd=origin)
    clone = tmp_path / "clone"
    git("clone", "--quiet", "--depth", "1", "--no-tags", origin.as_uri(), str(clone), cwd=tmp_path)
    code, found = rules(clone, "error")
    assert code == 1
    assert any(rule.startswith("history-complete/") for rule in found), found


@pytest.mark.long
@pytest.mark.rehearsal
def test_wheel_built_by_hand(tmp_path: Path) -> None:
    """A wheel with a module that the checkout does not have is stopped."""
    root = copied("c23-stale-build", tmp_path)
    gone = root / "src" / "acme_trace" / "gone.py"
    gone.write_text("", encoding="utf-8")
    assert omni("build", cwd=root).code == 0
    (dist,) = (root / ".omni-release" / "runs").glob("*/dist")
    gone.unlink()
    code, found = rules(root, "error", "--artifacts", str(dist))
    assert code == 1
    assert "wheel-matches-checkout/added-by-sdist" in found


@pytest.mark.long
@pytest.mark.rehearsal
def test_break_of_the_api(tmp_path: Path) -> None:
    """A patch release that takes a function away and changes a default is reported, against the last tag."""
    root = copied("c42-api-break", tmp_path)
    module = root / "src" / "acme_danger" / "__init__.py"
    now = module.read_text(encoding="utf-8")
    module.write_text(f"{now.replace('sha512', 'sha1')}\n\ndef unsign(value):\n    return value\n", encoding="utf-8")
    identity = ("-c", "user.name=a", "-c", "user.email=a@example.invalid")
    git(*identity, "commit", "-q", "--all", "-m", "before", cwd=root)
    git("tag", "v1.0.0", cwd=root)
    module.write_text(now, encoding="utf-8")
    git(*identity, "commit", "-q", "--all", "-m", "now", cwd=root)
    ran = omni("rehearse", "--format", "json", cwd=root)
    outcome = ran.outcome("api-fits-version")
    messages = [finding["message"].partition("\n")[0] for finding in outcome["findings"]]
    assert (ran.code, outcome["status"]) == (0, "passed")
    assert messages[0].startswith("acme_danger.unsign: function was removed (at acme_danger/__init__.py:9 in 1.0.0)")
    assert messages[1].startswith("acme_danger.sign: the default of `algorithm` changed from 'sha1' to 'sha512'")
