"""What `versions-agree` finds."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import omni
from tests.versions.support import checkout


def test_drift_names_the_odd_places(tmp_path: Path) -> None:
    """Each odd place by path, line and column, with its value and the source's."""
    ran = omni("version", "--format", "json", cwd=checkout("drifted", tmp_path / "project"))
    found = ran.outcome("versions-agree")["findings"]
    assert ran.code == 1
    assert [(f["path"], f["line"], f["column"], f["rule"]) for f in found] == [
        ("acme/__init__.py", 1, 16, "versions-agree/version-drift"),
        ("uv.lock", 5, 12, "versions-agree/stale-version"),
    ]
    assert found[0]["message"] == "version 1.0.11, but pyproject.toml:7 says 1.1.0"


SHIPS, STALE = "version-drift", "stale-version"


@pytest.mark.parametrize(
    ("path", "text", "rule"),
    [
        ("src/acme/__init__.py", '__version__ = "1.2.2"\n', SHIPS),
        ("src/acme/ui/package.json", '{"name": "acme", "version": "1.2.2"}\n', SHIPS),
        ("setup.cfg", "[metadata]\nversion = 1.2.2\n", SHIPS),
        ("VERSION", "1.2.2\n", SHIPS),
        ("setup.cfg", "[bumpversion]\ncurrent_version = 1.2.2\n", STALE),
        (".bumpversion.cfg", "[bumpversion]\ncurrent_version = 1.2.2\n", STALE),
        (".cz.toml", '[tool.commitizen]\nversion = "1.2.2"\n', STALE),
        ("tbump.toml", '[version]\ncurrent = "1.2.2"\n', STALE),
        ("docs/conf.py", 'release = "1.2.2"\n', STALE),
        ("CITATION.cff", "version: 1.2.2\n", STALE),
        ("package.json", '{"name": "acme", "version": "1.2.2"}\n', STALE),
        ("uv.lock", '[[package]]\nname = "acme"\nversion = "1.2.2"\nsource = { editable = "." }\n', STALE),
    ],
)
@pytest.mark.parametrize("strict", [False, True])
def test_what_blocks(path: str, text: str, rule: str, strict: bool, tmp_path: Path) -> None:
    """What ships and what the build reads blocks; the rest is a warning, unless the project is strict."""
    settings = f"[tool.omni-release]\nstrict = {str(strict).lower()}\n"
    files = {"pyproject.toml": f'[project]\nname = "acme"\nversion = "1.2.3"\n{settings}', "src/acme/__init__.py": ""}
    for name, content in {**files, path: text}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(content, encoding="utf-8")
    ran = omni("version", "check", "--format", "json", cwd=tmp_path)
    (finding,) = ran.outcome("versions-agree")["findings"]
    blocks = strict or rule == SHIPS
    assert (finding["rule"], finding["severity"]) == (f"versions-agree/{rule}", "error" if blocks else "warning")
    assert ran.code == int(blocks)


POETRY = '[tool.poetry]\nversion = "1.2.2"\n'


@pytest.mark.parametrize(
    ("back_end", "tool", "cfg", "rule"),
    [
        ("maturin", POETRY, "", STALE),
        ("hatchling.build", POETRY, "", STALE),
        ("poetry.core.masonry.api", POETRY, "", SHIPS),
        ("hatchling.build", "", "[metadata]\nversion = 1.2.2\n", STALE),
        ("setuptools.build_meta", "", "[metadata]\nversion = 1.2.2\n", SHIPS),
        ("local", 'backend-path = ["."]\n', "[metadata]\nversion = 1.2.2\n", SHIPS),
    ],
)
def test_of_another_back_end(back_end: str, tool: str, cfg: str, rule: str, tmp_path: Path) -> None:
    """What is for a back end that does not build the project is a warning."""
    build = f'[build-system]\nrequires = []\nbuild-backend = "{back_end}"\n'
    (tmp_path / "pyproject.toml").write_text(f'{build}{tool}[project]\nname = "acme"\nversion = "1.2.3"\n')
    (tmp_path / "setup.cfg").write_text(cfg)
    (tmp_path / "acme.py").touch()
    ran = omni("version", "check", "--format", "json", cwd=tmp_path)
    (finding,) = ran.outcome("versions-agree")["findings"]
    assert (finding["rule"], ran.code) == (f"versions-agree/{rule}", int(rule == SHIPS))


def test_what_settings_name_blocks(tmp_path: Path) -> None:
    """A place that the project itself names blocks wherever it is: to name it is to ask."""
    place = '[[tool.omni-release.version.place]]\npath = "deploy.yaml"\nkey = "tag"\n'
    pyproject = f'[project]\nname = "acme"\nversion = "1.2.3"\n{place}'
    (tmp_path / "pyproject.toml").write_text(pyproject, encoding="utf-8")
    (tmp_path / "deploy.yaml").write_text("tag: 1.2.2\n", encoding="utf-8")
    assert omni("version", "check", cwd=tmp_path).code == 1


def test_a_changelog_without_a_heading_is_a_warning(case: Callable[[str], Path]) -> None:
    """It passes, and says so."""
    root = case("sound")
    (root / "CHANGELOG.md").write_text("# Changelog\n\n## 1.2.2\n\n- 1.2.3 is near.\n", encoding="utf-8")
    ran = omni("version", "--format", "json", cwd=root)
    (finding,) = ran.outcome("versions-agree")["findings"]
    assert (ran.code, finding["rule"], finding["path"]) == (0, "versions-agree/changelog-heading", "CHANGELOG.md")
    (root / "CHANGELOG.md").write_text("1.2.3 (2026-08-17)\n------------------\n\n1.2.2\n-----\n", encoding="utf-8")
    assert omni("version", "--format", "json", cwd=root).outcome("versions-agree")["findings"] == []


def test_what_cannot_be_read_is_a_warning(case: Callable[[str], Path]) -> None:
    """A broken package.json is named."""
    root = case("sound")
    (root / "package.json").write_text('{"name": "acme-sound", "version": ', encoding="utf-8")
    (finding,) = omni("version", "--format", "json", cwd=root).outcome("versions-agree")["findings"]
    assert (finding["rule"], finding["path"]) == ("versions-agree/version-unreadable", "package.json")


def test_the_clean_path_says_how_many(case: Callable[[str], Path]) -> None:
    """Where all agree, one line says so."""
    assert omni("version", "check", cwd=case("sound")).out == "acme-sound 1.2.3: 2 places agree\n"


def test_a_project_of_an_older_kind(tmp_path: Path) -> None:
    """setup.py alone will do."""
    root = checkout("setup-py-literal", tmp_path / "project")
    assert omni("version", cwd=root).code == 0
    assert omni("version", "set", "1.3.0", cwd=root).code == 0
    assert "VERSION = (1, 3, 0)" in (root / "acme" / "__init__.py").read_text(encoding="utf-8")


def test_the_top_of_a_monorepo(tmp_path: Path) -> None:
    """At the top of several projects, all are checked; where one project is below it, the message names that one."""
    root = checkout("monorepo", tmp_path / "project").parents[1]
    ran = omni("version", cwd=root)
    assert (ran.code, ran.out.count(" agree\n")) == (0, 2)
    shutil.rmtree(root / "packages" / "acme-tools")
    ran = omni("version", cwd=root)
    assert (ran.code, "Name one with --project DIR: packages/acme" in ran.err) == (2, True)
