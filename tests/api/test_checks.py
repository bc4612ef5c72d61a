"""The check of the API against the last release: from the index or from git, with accepted breaks."""

from __future__ import annotations

import dataclasses
import hashlib
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import cast

import pytest

from omni_release import project
from omni_release.api import released
from omni_release.api.checks import api_fits_version
from omni_release.core.actions import Run
from omni_release.core.errors import Inconclusive, NotApplicable, ToolUnavailable
from omni_release.core.model import Finding, Release, Severity
from omni_release.core.world import Completed, IndexFile, NoDefaultIndex, Processes, World
from omni_release.versions.pep440 import parse
from tests.conftest import git, omni

OLD = """\
def f():
    return 1


def unsign(value):
    return value


def sign(value, algorithm='sha1'):
    return value
"""
NEW = """\
def f():
    return 1


def sign(value, algorithm='sha512'):
    return value
"""
CHANGELOG = """\
# Changes

## 1.0.1

- Breaking: `sign` uses another algorithm.

### Removed

- `acme.unsign()`

## 1.0.0
"""
SETTINGS = """\
[project]
name = "acme-without-releases"
version = "1.0.0"
[tool.omni-release]
import-packages = ["src/acme"]
"""


def wheel(folder: Path, version: str, files: Mapping[str, str] | str, name: str = "acme") -> Path:
    """A wheel of the project, with these modules."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for file, code in ({"acme/__init__.py": files} if isinstance(files, str) else files).items():
            archive.writestr(file, code)
        archive.writestr(
            f"{name}-{version}.dist-info/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        )
    return path


@dataclass(frozen=True, eq=False)
class FolderIndex(NoDefaultIndex):
    """An index of the wheels in a folder; those of `yanked` versions are yanked."""

    folder: Path
    yanked: Sequence[str] = ()

    def files(self, project: str) -> tuple[IndexFile, ...]:
        found = sorted(self.folder.glob(f"{project}-*.whl")) if self.folder.is_dir() else []
        yanked = {True: "broken", False: None}
        return tuple(
            IndexFile(
                path.name,
                hashlib.sha256(path.read_bytes()).hexdigest(),
                "",
                None,
                yanked[path.name.split("-")[1] in self.yanked],
            )
            for path in found
        )

    def fetch(self, file: IndexFile, folder: Path) -> Path:
        return self.folder / file.name


class Rehearsal:
    """A project called acme whose wheel is built, and an index with its earlier releases."""

    def __init__(self, folder: Path, world: World) -> None:
        self.folder, self.world = folder, world
        self.root, self.index = folder / "project", FolderIndex(folder / "published")

    def published(self, version: str, files: Mapping[str, str] | str = OLD) -> None:
        """Publish a release."""
        wheel(self.index.folder, version, files)

    def findings(
        self, version: str = "1.0.1", new: str = NEW, settings: str = "", changelog: str = ""
    ) -> list[Finding]:
        """The findings about this version."""
        package = self.root / "src" / "acme"
        package.mkdir(parents=True, exist_ok=True)
        (package / "__init__.py").write_text(new, encoding="utf-8")
        stated = f'[project]\nname = "acme"\nversion = "{version}"\n[tool.omni-release]\n{settings}\n'
        (self.root / "pyproject.toml").write_text(stated, encoding="utf-8")
        if changelog:
            (self.root / "CHANGELOG.md").write_text(changelog, encoding="utf-8")
        run = self.folder / "run"
        wheel(run / "dist", version, new)
        loaded = project.load(self.root)
        release = Release(loaded, version, "rehearsal", None, run, self.folder / "work", PurePosixPath())
        return list(api_fits_version(release, dataclasses.replace(self.world, default_index=self.index)))


@pytest.fixture
def rehearsal(tmp_path: Path, world: World) -> Rehearsal:
    """A project without releases."""
    return Rehearsal(tmp_path, world)


def test_breaks_in_a_patch(rehearsal: Rehearsal) -> None:
    """A patch release that removes a function and changes a default is reported, with the version that it needs."""
    rehearsal.published("0.9", "def other(): pass\n")
    rehearsal.published("1.0.0")
    removed, default, summary = rehearsal.findings()
    assert removed.message == (
        "acme.unsign: function was removed (at acme/__init__.py:5 in 1.0.0); needs 2.0.0, not 1.0.1\n"
        "`from acme import unsign` raises ImportError"
    )
    assert (removed.rule, removed.where) == ("break-not-announced", "src/acme/__init__.py")
    assert default.message.startswith(
        "acme.sign: the default of `algorithm` changed from 'sha1' to 'sha512'; needs 2.0.0"
    )
    assert default.where == "src/acme/__init__.py:5"
    assert summary.message == (
        "compared with 1.0.0 of the index: 2 breaking changes, 0 new names; asks for 2.0.0 (major), 1.0.1 raises patch"
    )


@pytest.mark.parametrize(
    ("version", "settings", "changelog", "reasons"),
    [
        ("2.0.0", "", "", ["2.0.0 announces it"] * 2),
        (
            "1.0.1",
            '[[tool.omni-release.api.accepted]]\nversion = "1.0.1"\nname = "acme.*sign"\nreason = "never worked"',
            "",
            ["accepted in the settings: never worked"] * 2,
        ),
        (
            "1.0.1",
            "",
            CHANGELOG,
            ["announced in CHANGELOG.md:9", "announced in CHANGELOG.md:5"],
        ),
    ],
    ids=["announced by the version", "in the settings", "in the changelog"],
)
def test_accepted(rehearsal: Rehearsal, version: str, settings: str, changelog: str, reasons: list[str]) -> None:
    """What the version, the settings or the changelog announce is a notice, with the reason."""
    rehearsal.published("1.0.0")
    *changes, _ = rehearsal.findings(version, settings=settings, changelog=changelog)
    assert {finding.severity for finding in changes} == {Severity.NOTICE}
    assert [finding.message.partition("\n")[0].rpartition("; ")[2] for finding in changes] == reasons


def test_accepted_for_nothing(rehearsal: Rehearsal) -> None:
    """An acceptance of this version that nothing needs is reported; those of other versions are history."""
    rehearsal.published("1.0.0")
    one = '[[tool.omni-release.api.accepted]]\nversion = "{}"\nname = "acme.gone"\nreason = "r"\n'
    unused, summary = rehearsal.findings(new=OLD, settings=one.format("1.0.1") + one.format("0.9"))
    assert (unused.rule, unused.severity) == ("accepted-break-unused", Severity.ERROR)
    assert summary.message == "compared with 1.0.0 of the index: 0 breaking changes, 0 new names"


def test_nothing_to_compare(rehearsal: Rehearsal) -> None:
    """Without an earlier release, and where the index has another project of the name, the check is skipped."""
    with pytest.raises(NotApplicable, match=r"neither the index nor git has a release before 1\.0\.1"):
        rehearsal.findings()
    rehearsal.published("1.0.0", {"another/__init__.py": ""})
    rehearsal.index = FolderIndex(rehearsal.index.folder)  # what an index lists is asked once
    with pytest.raises(NotApplicable, match="is another project"):
        rehearsal.findings()


def test_last_release(tmp_path: Path) -> None:
    """The last release is the highest final one below the version that is not yanked."""
    for version in ("1.0", "1.1", "1.2rc1", "1.3", "1.4", "2.0"):
        wheel(tmp_path, version, OLD)
    last = released.on_index(FolderIndex(tmp_path, ("1.4",)), "Acme", parse("1.5"))
    assert last is not None and str(last.version) == "1.3"


def test_resumed(tmp_path: Path) -> None:
    """A run that is resumed replaces the copies of its first part."""
    root, copied = tmp_path / "acme", tmp_path / "copied"
    root.mkdir()
    (root / "pyproject.toml").write_text('[project]\nname = "acme"\nversion = "1.0"\n', encoding="utf-8")
    for code in (OLD, NEW):
        (root / "acme.py").write_text(code, encoding="utf-8")
        released.copy_packages(project.load(root), root, copied)
    assert (copied / "acme.py").read_text(encoding="utf-8") == NEW


def test_no_index(rehearsal: Rehearsal) -> None:
    """An index that does not answer leaves the comparison open, and what is only advice is skipped by the engine."""
    rehearsal.index = NoDefaultIndex()  # type: ignore[assignment]  # of the same protocol
    with pytest.raises(Inconclusive, match="no default index"):
        rehearsal.findings()


class WithoutGriffe:
    """Runs no program: each ends as one does that cannot import griffe."""

    def run(self, command: Run) -> Completed:
        command.log.parent.mkdir(parents=True, exist_ok=True)
        command.log.write_text("ModuleNotFoundError: No module named 'griffe'", encoding="utf-8")
        return Completed(1, (), 0.1)


def test_without_griffe(rehearsal: Rehearsal) -> None:
    """A missing griffe is named, with its package: the engine skips the check then, as it only advises."""
    rehearsal.published("1.0.0")
    rehearsal.world = dataclasses.replace(rehearsal.world, processes=cast("Processes", WithoutGriffe()))
    with pytest.raises(ToolUnavailable, match="griffe is not installed") as raised:
        rehearsal.findings()
    assert raised.value.hint.startswith("Install it with: ")


def test_tag(tmp_path: Path) -> None:
    """Without a release on the index, the packages at the last tag are compared with those of the checkout."""
    root = tmp_path / "project"
    (root / "src" / "acme").mkdir(parents=True)
    (root / "src" / "acme" / "__init__.py").write_text(OLD, encoding="utf-8")
    (root / "pyproject.toml").write_text(SETTINGS, encoding="utf-8")
    git("init", "--quiet", cwd=root)
    git("add", "--all", cwd=root)
    git("commit", "--quiet", "--message=one", cwd=root)
    git("tag", "v1.0.0", cwd=root)
    (root / "src" / "acme" / "__init__.py").write_text(NEW, encoding="utf-8")
    git("commit", "--quiet", "--all", "--message=two", cwd=root)
    ran = omni("prepare", cwd=root)
    assert ran.code == 0, ran.err
    assert "acme.unsign: function was removed" in ran.out
    assert "omni-release prepare major" in ran.out


def test_diff(tmp_path: Path) -> None:
    """`api diff` compares two wheels without a project, and its exit code says whether the newer one announces all."""
    old = wheel(tmp_path, "1.0.0", OLD)
    ran = omni("api", "diff", old, wheel(tmp_path, "1.0.1", NEW), "--format", "json", cwd=tmp_path)
    assert (ran.code, ran.document["asks_for"], ran.document["announced"]) == (1, "2.0.0", False)
    assert [change["name"] for change in ran.document["changes"]] == ["acme.unsign", "acme.sign"]
    ran = omni("api", "diff", old, wheel(tmp_path, "2.0.0", NEW), cwd=tmp_path)
    assert (ran.code, "(2.0.0 announces it)" in ran.out) == (0, True)
