"""Which folders are the packages of a workspace, by the tool that names them; and which projects are none."""

# ruff: noqa: E501 - a table of files, one case in a row
from __future__ import annotations

from pathlib import Path

import pytest

from omni_release.core.errors import SettingsError
from omni_release.workspaces import discovery
from omni_release.workspaces.model import Kind
from tests.workspaces.layouts import CORE, HATCHLING, PLUG, UV, laid_out, package

PATHS = "packages/core packages/plug"
MATURIN = (
    '[build-system]\nrequires = ["maturin"]\nbuild-backend = "maturin"\n[project]\nname = "{name}"\nversion = "1"\n'
)


def folders(root: Path) -> str:
    """The folders of the packages; empty where there is no workspace."""
    found = discovery.discover(root)
    return " ".join(sorted(package.folder for package in found.packages.values())) if found else ""


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"pyproject.toml": UV}, PATHS),
        ({"pyproject.toml": UV + 'exclude = ["packages/plug"]\n', "packages/x/pyproject.toml": package("x")}, "packages/core packages/x"),
        ({"pyproject.toml": package("acme") + UV}, f". {PATHS}"),
        ({"pyproject.toml": package("acme") + '[tool.uv.workspace]\nmembers = ["tests/helper"]\n', "tests/helper/pyproject.toml": package("helper")}, ". tests/helper"),
        ({"pyproject.toml": '[tool.rye.workspace]\nmembers = ["packages/{core,plug}"]\n'}, PATHS),
        ({"pyproject.toml": '[tool.uv.workspace]\nmembers = ["**/co[qr]e", "packages/plu?"]\n'}, PATHS),
        ({"pyproject.toml": package("acme") + '[tool.hatch.envs.default]\nworkspace.members = ["packages/core", {path = "packages/plug"}]\n'}, f". {PATHS}"),
        ({"pyproject.toml": package("acme"), "hatch.toml": '[envs.test]\nworkspace.members = ["packages/core/"]\n'}, ". packages/core"),
        ({"pyproject.toml": package("acme"), "hatch.toml": '[envs.test]\ndependencies = ["acme-plug @ {root:parent:uri}/acme/packages/plug"]\n'}, ""),
        ({"pyproject.toml": package("acme", "1", "acme-core @ {root:uri}/packages/core")}, ". packages/core"),
        ({"pyproject.toml": package("acme", more='[dependency-groups]\ndev = ["-e file:///${PROJECT_ROOT}/packages/plug"]')}, ". packages/plug"),
        ({"pyproject.toml": package("acme") + '[tool.uv.sources]\nacme-core = { path = "packages/core" }\n'}, ". packages/core"),
        ({"pyproject.toml": '[tool.poetry]\nname = "acme"\nversion = "1"\n[tool.poetry.dependencies]\nacme-plug = { path = "./packages/plug", develop = true }\n' + HATCHLING}, ". packages/plug"),
        ({"pyproject.toml": MATURIN.format(name="acme"), "Cargo.toml": '[workspace]\nmembers = ["packages/*"]\n', "packages/rs/pyproject.toml": MATURIN.format(name="rs")}, ". packages/rs"),
        ({}, PATHS),
        ({"pyproject.toml": "[tool.ruff]\n"}, PATHS),
        ({"pyproject.toml": '[tool.poetry]\nname = "all"\nversion = "0"\npackage-mode = false\n' + HATCHLING}, PATHS),
        ({"pyproject.toml": package("acme") + '[tool.omni-release.workspace]\nmembers = ["packages/*"]\n'}, f". {PATHS}"),
        ({"pyproject.toml": '[project]\nname = "acme"\nversion = "1"\n[tool.omni-release.workspace]\nmembers = ["packages/*"]\n'}, f". {PATHS}"),
        ({"pyproject.toml": '[tool.omni-release.workspace]\nmembers = ["packages/core"]\n' + UV}, "packages/core"),
        ({"pyproject.toml": '[tool.omni-release.workspace]\nexclude = ["packages/x"]\n' + UV, "packages/x/pyproject.toml": package("x")}, PATHS),
        ({"packages/core/inner/pyproject.toml": package("inner"), "packages/core/used/pyproject.toml": package("used"), "x/pyproject.toml": package("x", "1", "used")}, "packages/core packages/core/used packages/plug x"),
        ({"packages/uv-examples/pyproject.toml": package("one"), "packages/core-demo/pyproject.toml": package("two")}, PATHS),
        ({"app/pyproject.toml": '[project]\nname = "app"\nversion = "0"\n[tool.uv]\n', "Cargo.toml": '[workspace]\nmembers = ["example/*"]\n', "example/rs/pyproject.toml": MATURIN.format(name="rs")}, f"app {PATHS}"),
        ({"examples/demo/pyproject.toml": package("demo"), "docs/pyproject.toml": package("docs")}, PATHS),
        ({"old/setup.py": "from setuptools import setup\nsetup(name='old', version='3', install_requires=['acme-core==1.0.0'])\n"}, f"old {PATHS}"),
    ],
    ids=lambda value: None if isinstance(value, str) else " ".join(value) or "plain",
)  # fmt: skip
def test_members(files: dict[str, str], expected: str, tmp_path: Path) -> None:
    """The packages of a workspace are those that the settings, a tool or the paths of dependencies name."""
    assert folders(laid_out(tmp_path, {**CORE, **PLUG, "packages/notes/README.md": "", **files})) == expected


@pytest.mark.parametrize(
    "files",
    [
        {"pyproject.toml": package("acme"), **CORE, **PLUG},
        {"pyproject.toml": package("acme"), "tests/fixtures/one/pyproject.toml": package("one")},
        {"pyproject.toml": package("acme"), "examples/one/pyproject.toml": package("one"), "setup.cfg": "[flake8]\n"},
        {"pyproject.toml": package("acme", more='[dependency-groups]\ndev = ["-e ./tests/plugin"]'), "tests/plugin/pyproject.toml": package("p")},
        {"setup.py": "from setuptools import setup\nsetup(name=NAME)\n", **CORE, **PLUG},
        {"python/pyproject.toml": package("acme"), "examples/one/pyproject.toml": package("one")},
        {"pyproject.toml": package("acme") + "[tool.uv.workspace]\n", **CORE, **PLUG},
        {"pyproject.toml": package("acme") + UV, "packages/docs/pyproject.toml": '[project]\nname = "docs"\nversion = "0"\n'},
        {"Cargo.toml": '[workspace]\nmembers = ["crates/*"]\n', "pyproject.toml": MATURIN.format(name="acme"), "crates/a/Cargo.toml": ""},
        {},
    ],
    ids=lambda files: " ".join(files) or "empty",
)  # fmt: skip
def test_no_workspace(files: dict[str, str], tmp_path: Path) -> None:
    """A project with projects in its tests or examples, or with one package to release, is no workspace."""
    assert folders(laid_out(tmp_path, files)) == ""


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"pyproject.toml": UV.replace("/*", "/gone")}, "pyproject.toml:2: `members` names packages/gone, which does not exist"),
        ({"pyproject.toml": UV.replace("/*", "/notes")}, "names packages/notes, which has no pyproject.toml that names a package"),
        ({"pyproject.toml": UV.replace("packages/*", "../elsewhere")}, "names ../elsewhere, which is not below this folder"),
        ({"packages/other/pyproject.toml": package("Acme.Core")}, "two packages are called acme-core: packages/core and packages/other"),
        ({"pyproject.toml": '[tool.omni-release.workspace]\ngroups.all = ["acme-c"]\n'}, "pyproject.toml:2: the group `all` names acme-c, which is no package"),
        ({"pyproject.toml": '[tool.omni-release.workspace]\ngroups.a = ["acme-core"]\ngroups.b = ["acme_core"]\n'}, "acme_core is in two groups: a and b"),
        ({"packages/plug/pyproject.toml": '[project]\nname = "x"\nversion =\n'}, "packages/plug/pyproject.toml is not valid TOML: "),
        ({"pyproject.toml": '[tool.omni-release.workspace]\nmember = []\n'}, "`member` in [tool.omni-release.workspace] is not a setting"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_wrong_members(files: dict[str, str], message: str, tmp_path: Path) -> None:
    """A member that does not exist, or two of one name, are errors that name the path."""
    with pytest.raises(SettingsError) as raised:
        discovery.discover(laid_out(tmp_path, {**CORE, **PLUG, "packages/notes/README.md": "", **files}))
    assert message in raised.value.message
    assert raised.value.hint


REQUIREMENTS = {
    '[project]\nname = "x"\nversion = "1"\ndependencies = [\n  "acme.Core[fast] >=1.0, <2 ; python_version > \'3\'",\n]\n': "runtime >=1.0,<2 5",
    '[project]\nname = "x"\nversion = "1"\noptional-dependencies.c = ["acme_core (==1.0.0)"]\n': "extra:c ==1.0.0 4",
    '[project]\nname = "x"\nversion = "1"\n[dependency-groups]\ntest = [{include-group = "x"}, "acme-core"]\n': "development:test  5",
    '[project]\nname = "x"\nversion = "1"\n[build-system]\nrequires = ["acme-core~=1.0"]\n': "build ~=1.0 5",
    '[project]\nname = "x"\nversion = "1"\ndependencies = ["acme-core @ file:///${PROJECT_ROOT}/../core"]\n': "runtime  4",
    '[tool.poetry]\nname = "x"\nversion = "1"\n[tool.poetry.dependencies]\nacme-core = "^1.2.3"\n': "runtime >=1.2.3,<2 5",
    '[tool.poetry]\nname = "x"\nversion = "1"\n[tool.poetry.dependencies]\nacme-core = {version = "~0.4", optional = true}\n': "extra >=0.4,<0.5 5",
    '[tool.poetry]\nname = "x"\nversion = "1"\n[tool.poetry.group.dev.dependencies]\nacme-core = {path = "../core"}\n': "development:dev  5",
    '[project]\nname = "x"\ndynamic = ["dependencies", "version"]\n[tool.hatch.metadata.hooks.uv-dynamic-versioning]\ndependencies = ["acme-core=={{ version }}"]\n': "runtime follows 5",
}  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), REQUIREMENTS.items(), ids=REQUIREMENTS.values())
def test_requirements(text: str, expected: str, tmp_path: Path) -> None:
    """What a package requires of a sibling, for what, and where it is written."""
    found = discovery.discover(laid_out(tmp_path, {**CORE, **PLUG, "packages/x/pyproject.toml": text}))
    assert found is not None
    (item,) = found.packages["x"].requirements
    kind = f"{item.kind}:{item.group}" if item.group else item.kind
    assert f"{kind} {'follows' if item.follows else item.specifier} {item.line}" == expected
    assert (item.name, item.path) == ("acme-core", "packages/x/pyproject.toml")


def test_setup_files(tmp_path: Path) -> None:
    """The requirements of setup.cfg and setup.py are read as well, with their lines."""
    cfg = "[metadata]\nname = x\nversion = 1\n[options]\ninstall_requires =\n    httpx\n    acme-core >= 1\n"
    py = "from setuptools import setup\nNEEDS = ['acme-core==1.0.0']\nsetup(name='y', version='1', extras_require={'c': NEEDS})\n"
    found = discovery.discover(laid_out(tmp_path, {**CORE, "x/setup.cfg": cfg, "y/setup.py": py}))
    assert found is not None
    stated = {
        (item.kind, item.specifier, item.where) for package in found.packages.values() for item in package.requirements
    }
    assert stated == {(Kind.RUNTIME, ">=1", "x/setup.cfg:7"), (Kind.EXTRA, "==1.0.0", "y/setup.py:2")}


def test_facts_of_a_package(tmp_path: Path) -> None:
    """Name, version, tags, group, and why a package is never released."""
    own = '[tool.omni-release.workspace]\nname = "the acme"\ntag = "{name}-v{version}"\n'
    private = '[project]\nname = "internal"\nversion = "0"\nclassifiers = ["Private :: Do Not Upload"]\n' + HATCHLING
    files = {
        "pyproject.toml": UV + own,
        "packages/i/pyproject.toml": private,
        "packages/scm/pyproject.toml": '[project]\nname = "scm"\ndynamic = ["version"]\n[tool.setuptools_scm]\n' + HATCHLING,
        "packages/c/pyproject.toml": package("acme-c") + '[tool.omni-release.version]\nlockstep = ["../core"]\n[tool.omni-release.git]\ntag = "c{version}"\n',
    }  # fmt: skip
    found = discovery.discover(laid_out(tmp_path, {**CORE, **PLUG, **files}))
    assert found is not None
    assert (found.name, found.found_by, found.root) == ("the acme", "[tool.uv.workspace]", tmp_path.resolve())
    assert found.groups == {"acme-c": ("acme-c", "acme-core")}
    facts = {key: (p.name, p.version, p.tag, p.group, p.private) for key, p in found.packages.items()}
    tag = "{name}-v{version}"
    assert facts == {
        "acme-c": ("acme-c", "1.0.0", "c{version}", "acme-c", ""),
        "acme-core": ("acme-core", "1.0.0", tag, "acme-c", ""),
        "acme-plug": ("acme_plug", "0.3", tag, "", ""),
        "internal": ("internal", "0", tag, "", "its classifier `Private ::`"),
        "scm": ("scm", None, tag, "", ""),
    }
    assert found.packages["scm"].no_version == "it comes from git's tags"
    assert [package.key for package in found.released] == ["acme-c", "acme-core", "acme-plug", "scm"]


def test_around(tmp_path: Path) -> None:
    """The workspace of a member's folder; none of a folder that is no member."""
    root = laid_out(
        tmp_path, {"pyproject.toml": UV, **CORE, **PLUG, ".git/HEAD": "", "other/pyproject.toml": package("x")}
    )
    for folder in (root, root / "packages/core"):
        found = discovery.around(folder)
        assert found is not None
        assert found.root == root.resolve()
    assert discovery.around(root / "other") is None
