"""`version` in a workspace: all packages at once, their groups, and the pins and ranges between them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

from omni_release.cli.main import main
from tests.repositories import clean_environment, git
from tests.workspaces.layouts import CORE, HATCHLING, UV, laid_out, package

PAIR = 'groups = { pair = ["acme", "acme-c"] }\n'
OWN = "[tool.omni-release.workspace]\n"
LOCK = 'version = 1\n[[package]]\nname = "acme-core"\nversion = "1.0.0"\nsource = { editable = "packages/core" }\n'


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A core, a plug-in with a range, an application with a pin, and a lock file of all."""
    files = {
        "pyproject.toml": UV,
        "uv.lock": LOCK,
        **CORE,
        "packages/core/acme_core.py": '__version__ = "1.0.0"\n',
        "packages/plug/pyproject.toml": package("acme-plug", "0.3", "acme-core>=1,<2"),
        "packages/app/pyproject.toml": package("acme-app", "2.0.0", "acme_core[fast] == 1.0.0"),
        "tests/helper/pyproject.toml": package("acme-helper", "0.1", "acme-core==1.0.0"),
    }
    return laid_out(tmp_path / "acme", files | {"pyproject.toml": UV.replace('"]', '", "tests/helper"]')})


def run(root: Path, *words: str) -> int:
    return main([*words, "--project", str(root)])


def stated(root: Path) -> dict[str, str]:
    """Each line with a version or a pin, by its file."""
    lines: dict[str, str] = {}
    for path in sorted(root.rglob("*")):
        for line in path.read_text().splitlines() if path.suffix in (".toml", ".py", ".lock") else ():
            if line.startswith(('version = "', "__version__", "dependencies")) and "[]" not in line:
                name = path.relative_to(root).as_posix().removesuffix("/pyproject.toml")
                lines[name] = f"{lines.get(name, '')} {line.partition('= ')[2]}".strip()
    return lines


def test_bump_one(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The version of one package changes with its mirrors, its lock entry and the pins on it; a range is reported."""
    assert run(root, "version", "bump", "major", "--package", "Acme_Core") == 0
    assert stated(root) == {
        "packages/app": '"2.0.0" ["acme_core[fast] == 2.0.0"]',
        "packages/core": '"2.0.0"',
        "packages/core/acme_core.py": '"2.0.0"',
        "packages/plug": '"0.3" ["acme-core>=1,<2"]',
        "tests/helper": '"0.1" ["acme-core==2.0.0"]',
        "uv.lock": '"2.0.0"',
    }
    said = capsys.readouterr().err
    assert "packages/plug/pyproject.toml:4: requires acme-core>=1,<2, which leaves out 2.0.0: admit it there\n" in said
    assert "acme-core 1.0.0 → 2.0.0\n5 files changed\n" in said
    assert run(root, "version", "check") == 0
    printed = capsys.readouterr().out
    assert "acme-core 2.0.0: 5 places agree\n" in printed
    assert "packages/plug/pyproject.toml:4" in printed and "leaves out 2.0.0" in " ".join(printed.split())


def test_files_of_the_others(root: Path) -> None:
    """A pin with a marker that has escapes, and the entry in the lock file of another package, change too."""
    pinned = package("acme-plug", "0.3", 'acme-core==1.0.0; implementation_name != \\"pypy\\"')
    lock = LOCK.replace("packages/core", "../core")
    lock += 'requires-dist = [{ name = "acme-core", editable = "../core", specifier = "==1.0.0" }]\n'
    laid_out(root, {"packages/plug/pyproject.toml": pinned, "packages/plug/uv.lock": lock})
    laid_out(root, {"packages/app/uv.lock": LOCK.replace("packages/core", "../elsewhere")})
    assert run(root, "version", "set", "1.1", "--package", "acme-core") == 0
    assert stated(root)["packages/plug"] == '"0.3" ["acme-core==1.1; implementation_name != \\"pypy\\""]'
    assert 'specifier = "==1.1"' in (root / "packages/plug/uv.lock").read_text()
    assert (stated(root)["packages/plug/uv.lock"], stated(root)["packages/app/uv.lock"]) == ('"1.1"', '"1.0.0"')


def test_all_or_nothing(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A place of one package that cannot be written leaves all files of all packages as they are."""
    laid_out(
        root,
        {
            "packages/plug/acme_plug.py": '__version__ = "0." + "3"\n',
            "packages/core/acme_core.py": "__version__ = '1.' '0.0'\n",
        },
    )
    before = stated(root)
    assert run(root, "version", "set", "3.0", "--package", "acme-plug", "--package", "acme-core") == 1
    assert "packages/core/acme_core.py:1" in (said := capsys.readouterr().err)
    assert "Nothing was changed" in said
    assert stated(root) == before


def test_independent_versions_need_names(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a name, packages with versions of their own get no new ones."""
    assert run(root, "version", "bump", "patch") == 2
    assert "--package acme-app" in capsys.readouterr().err
    assert run(root, "version", "set", "2.0", "--package", "acme-cor") == 2
    assert "Did you mean `acme-core`?" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("settings", "words", "expected"),
    [
        ('versions = "fixed"\n', ("set", "4.0"), "4.0 4.0 4.0"),
        ('versions = "fixed"\n', ("bump", "minor"), "1.3 1.3 1.3"),
        ('versions = "fixed"\n', ("sync",), "1.2.1 1.2.1 1.2.1"),
        (PAIR, ("bump", "patch", "--package", "acme"), "1.2.2 1.2.2 0.5"),
        (PAIR, ("sync",), "1.2.1 1.2.1 0.5"),
        (PAIR, ("set", "2.0", "--package", "acme-x", "--package", "acme-c"), "2.0 2.0 2.0"),
        ("", ("bump", "patch", "--package", "acme"), "1.2.1 1.2.1 0.5"),
    ],
)  # fmt: skip
def test_groups(settings: str, words: tuple[str, ...], expected: str, tmp_path: Path) -> None:
    """Packages of a group get one version: by `bump` the one after their highest, by `sync` the highest."""
    files = {
        "pyproject.toml": OWN + settings,
        "acme/pyproject.toml": package("acme", "1.2", more='optional-dependencies.c = ["acme-c==1.2.1"]'),
        "acme_c/pyproject.toml": package("acme-c", "1.2.1"),
        "x/pyproject.toml": package("acme-x", "0.5"),
    }
    if settings == "":
        files["acme/pyproject.toml"] = files["acme/pyproject.toml"].replace('"1.2"', '"1.2.0"')
    root = laid_out(tmp_path, files)
    assert run(root, "version", *words) == 0
    folders = ("acme", "acme_c", "x")
    versions = [(root / folder / "pyproject.toml").read_text().split('"')[3] for folder in folders]
    wanted = expected.split()
    assert [version.removesuffix(".0") for version in versions] == [version.removesuffix(".0") for version in wanted]
    assert f'"acme-c=={versions[1]}"' in (root / "acme/pyproject.toml").read_text()


def test_inside_of_a_member(tmp_path: Path) -> None:
    """In the folder of a package, a change is about the packages that share its version."""
    files = {
        "pyproject.toml": UV + OWN + PAIR,
        "packages/acme/pyproject.toml": package("acme", "1.2"),
        "packages/c/pyproject.toml": package("acme-c", "1.2"),
        "packages/x/pyproject.toml": package("acme-x", "0.5"),
    }
    root = laid_out(tmp_path, files)
    git("init", "--quiet", cwd=root)
    assert run(root / "packages/c", "version", "set", "2.0") == 0
    assert run(root / "packages/x", "version", "set", "0.6") == 0
    assert stated(root) == {"packages/acme": '"2.0"', "packages/c": '"2.0"', "packages/x": '"0.6"'}


def test_own_tags(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A package is compared with its own tags: those of the others, and plain ones, say nothing about it."""
    git("init", "--quiet", cwd=root)
    git("add", "--all", cwd=root)
    git("commit", "--quiet", "--message=start", cwd=root, environment=clean_environment())
    for tag in ("acme-core-1.5.0", "v9.0"):
        git("tag", tag, cwd=root, environment=clean_environment())
    assert run(root, "version", "check") == 1
    said = " ".join(capsys.readouterr().out.split())
    assert "acme-core 1.0.0 is lower than 1.5.0, the previous release (tag acme-core-1.5.0)" in said
    assert run(root, "version", "set", "1.4", "--package", "acme-core") == 1
    assert "acme-core: 1.4 is not later than 1.5.0" in capsys.readouterr().err
    assert run(root, "version", "bump", "patch", "--package", "acme-plug") == 0


def test_tag_of_the_workspace(tmp_path: Path) -> None:
    """The settings of the workspace say which tags are a package's, also in its own folder."""
    root = laid_out(
        tmp_path,
        {
            "pyproject.toml": UV + OWN + 'tag = "rel/{name}/{version}"\n',
            **CORE,
            "packages/x/pyproject.toml": package("x"),
        },
    )
    git("init", "--quiet", cwd=root)
    git("add", "--all", cwd=root)
    git("commit", "--quiet", "--message=start", cwd=root, environment=clean_environment())
    git("tag", "rel/acme-core/2.0", cwd=root, environment=clean_environment())
    git("tag", "acme-core-3.0", cwd=root, environment=clean_environment())
    assert run(root / "packages/core", "version", "set", "1.9") == 1
    assert run(root / "packages/core", "version", "set", "2.1") == 0
    assert run(root / "packages/x", "version", "set", "0.9") == 0


def test_documents(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each verb has a document for programs."""
    assert run(root, "version", "show", "--package", "acme-core", "--format", "json") == 0
    document = json.loads(capsys.readouterr().out)
    schema = json.loads((Path(__file__).parents[2] / "docs" / "version.schema.json").read_text(encoding="utf-8"))
    jsonschema.validate(document, schema, cls=jsonschema.Draft202012Validator)
    (shown,) = document["packages"]
    assert (shown["name"], shown["folder"], shown["version"], len(shown["places"])) == (
        "acme-core",
        "packages/core",
        "1.0.0",
        5,
    )
    assert run(root, "version", "show") == 0
    assert "acme-plug   packages/plug\n  0.3          source   pyproject.toml:3:12\n" in capsys.readouterr().out
    assert run(root, "version", "check", "--format", "json") == 0
    report = json.loads(capsys.readouterr().out)
    assert {outcome["id"] for outcome in report["outcomes"]} == {
        "versions-agree",
        "siblings-admitted",
        "version-follows-tags",
    }
    assert run(root, "version", "set", "1.1", "--package", "acme-core", "--dry-run", "--format", "json") == 0
    document = json.loads(capsys.readouterr().out)
    assert document["versions"] == {"acme-core": "1.1"}
    assert document["changed"][0] == "packages/core/pyproject.toml"
    assert stated(root)["packages/core"] == '"1.0.0"'
    assert run(root, "version", "set", "1.1", "--package", "acme-core", "--dry-run") == 0
    assert "--- a/packages/core/pyproject.toml" in capsys.readouterr().out


def test_version_from_tags(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A version that comes from tags cannot be written: the error says so."""
    tagged = '[project]\nname = "scm"\ndynamic = ["version"]\n[tool.setuptools_scm]\n' + HATCHLING
    root = laid_out(tmp_path, {"pyproject.toml": UV, **CORE, "packages/scm/pyproject.toml": tagged})
    assert run(root, "version", "set", "2.0", "--package", "scm") == 2
    assert "the version of scm cannot be written: it comes from git's tags" in capsys.readouterr().err
    assert run(root, "version", "check") == 0
    assert "scm: it comes from git's tags\n" in capsys.readouterr().out


def test_waiver_of_a_package(root: Path) -> None:
    """A waiver in the settings of a package accepts a finding of that package."""
    waiver = '[[tool.omni-release.waiver]]\ncheck = "siblings-admitted"\nreason = "not ready"\nuntil = 2126-01-01\n'
    laid_out(root, {"packages/plug/pyproject.toml": package("acme-plug", "0.3", "acme-core>=1.1") + waiver})
    assert run(root, "version", "check") == 0
    laid_out(root, {"packages/plug/pyproject.toml": package("acme-plug", "0.3", "acme-core>=1.1")})
    assert run(root, "version", "check") == 1


def test_start_at_a_root_that_is_a_package(tmp_path: Path) -> None:
    """The short way of `version` is for one project: at the root of a workspace all packages are checked."""
    root = laid_out(tmp_path, {"pyproject.toml": package("acme") + UV, **CORE})
    ended = subprocess.run(
        [sys.executable, "-m", "omni_release", "version"], cwd=root, capture_output=True, text=True, check=True
    )
    assert ended.stdout == "acme 1.0.0: 1 place states it\nacme-core 1.0.0: 1 place states it\n"
