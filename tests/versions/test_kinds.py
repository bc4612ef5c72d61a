"""Kinds of places and of files beside them, each as a table of members: which places there are, and what differs."""

from __future__ import annotations

from pathlib import Path

import pytest

from omni_release import versions
from omni_release.core.errors import Conflict, SettingsError
from omni_release.versions import change
from omni_release.versions.pep440 import equals
from omni_release.versions.spelling import respell

PYPROJECT = '[project]\nname = "acme"\nversion = "1.2.3"\n'


def laid_out(root: Path, files: dict[str, str], pyproject: str = PYPROJECT) -> Path:
    """A project with these files."""
    for name, text in {"pyproject.toml": pyproject, **files}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    return root


def stated(root: Path) -> list[str]:
    """The places but the source, as `path:line value`; with `!` where they differ."""
    found = versions.find_places(str(root))
    differing = versions.drift(found.places)
    return [
        f"{place.path}:{place.line} {place.value}{'!' if place in differing else ''}"
        for place in found.places
        if place.role not in ("source", "derived")
    ]


INIT = {"src/acme/__init__.py": '__version__ = "1.2.2"\n'}


@pytest.mark.parametrize(
    "file",
    [
        {"src/acme/setup.py": "def main():\n    print('sets up the database')\n"},
        {"src/acme/setup.py": "from setuptools import setup\nsetup()\n"},
        {"src/acme/setup.cfg": "[flake8]\nmax-line-length = 100\n"},
        {"src/acme/pyproject.toml": "[tool.ruff]\nline-length = 100\n"},
        {"src/setup.py": "import argparse\n"},
        {"src/setup.cfg": "[tool:pytest]\n[mypy]\n"},
    ],
    ids=lambda file: " ".join(f"{name} {text[:12]}" for name, text in file.items()),
)
def test_folders_that_are_no_projects(file: dict[str, str], tmp_path: Path) -> None:
    """A module called setup.py, or a file with settings of tools alone, makes no folder a project of its own."""
    assert stated(laid_out(tmp_path, {**INIT, **file})) == ["src/acme/__init__.py:1 1.2.2!"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("pyproject.toml", '[project]\nname = "other"\n'),
        ("pyproject.toml", '[tool.poetry]\nname = "other"\n'),
        ("pyproject.toml", '[build-system]\nrequires = ["setuptools"]\n'),
        ("setup.cfg", "[metadata]\nname = other\n"),
        ("setup.py", "import setuptools\n\nsetuptools.setup(name='other')\n"),
        ("setup.py", "from distutils.core import setup\nsetup(name='other')\n"),
    ],
)
def test_folders_that_are_projects(name: str, text: str, tmp_path: Path) -> None:
    """The places of another project of the repository are its own."""
    root = laid_out(tmp_path, {f"parts/other/{name}": text, "parts/other/acme/__init__.py": '__version__ = "1.2.2"\n'})
    assert stated(root) == []


def test_crate_beside_settings_of_tools(tmp_path: Path) -> None:
    """The crate that the settings name is the project's, whatever tools are configured in its folder."""
    settings = '[tool.maturin]\nmanifest-path = "crates/acme/Cargo.toml"\n'
    crate = {"crates/acme/Cargo.toml": '[package]\nname = "acme"\nversion = "1.2.2"\n'}
    root = laid_out(tmp_path, {**crate, "crates/acme/pyproject.toml": "[tool.uv]\n"}, PYPROJECT + settings)
    assert stated(root) == ["crates/acme/Cargo.toml:3 1.2.2!"]


@pytest.mark.parametrize("base", ["", "src/", "lib/", "python/", "parts/one/src/"])
def test_modules_of_a_package(base: str, tmp_path: Path) -> None:
    """In every layout, a module at the top of the package is looked at, whatever its name."""
    files = {"acme/__init__.py": "", "acme/runner.py": '__version__ = "1.2.3"\n', "acme/acme.py": 'VERSION = "1.2.3"\n'}
    more = {"acme/deep/__init__.py": "", "acme/deep/runner.py": '__version__ = "1.2.3"\n'}
    found = stated(laid_out(tmp_path, {f"{base}{name}": text for name, text in {**files, **more}.items()}))
    assert found == [f"{base}acme/acme.py:1 1.2.3", f"{base}acme/runner.py:1 1.2.3"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('__version__ = "1.2.3-rc1rc0"\n', ["1.2.3-rc1rc0!"]),
        ('__version__ = "1.2.3-SNAPSHOT"\n', ["1.2.3-SNAPSHOT!"]),
        ('__version__ = "1.2.3 (final)"\n', ["1.2.3 (final)!"]),
        ('__version__ = "1, 2, 3"\n', ["1, 2, 3!"]),
        ('__version__ = "unknown"\n', []),
        ('__version__ = "{{ version }}"\n', []),
        ('__version__ = "0.0.0"\n__version__ = "1.2.3"\n', ["1.2.3"]),
        ('__version__ = "1.2.3"\n__version__ = "1.2.2"\n', ["1.2.2!"]),
        ('try:\n    __version__ = get()\nexcept Exception:\n    pass\n__version__ = "1.2.2"\n', ["1.2.2!"]),
        ('import os; __version__ = "1.2.2"\n', ["1.2.2!"]),
        ('__author__ = "x"; __version__ = "1.2.3"; __all__ = []\n', ["1.2.3"]),
        ("version_info = (1, 3, 0, -100)\n", ["1.3.0.dev0!"]),
    ],
)
def test_assignments(text: str, expected: list[str], tmp_path: Path) -> None:
    """Strings that are almost versions differ; of several assignments, the last one counts; `;` ends a statement."""
    found = stated(laid_out(tmp_path, {"acme/__init__.py": text}))
    assert [place.partition(" ")[2] for place in found] == expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [("acme/_version.py", ["acme/_version.py:1 1.2.x!"]), ("docs/conf.py", []), ("acme/io.py", [])],
)
def test_almost_a_version_elsewhere(path: str, expected: list[str], tmp_path: Path) -> None:
    """What is almost a version differs in a module about versions, not in one of Sphinx or of something else."""
    files = {"acme/__init__.py": "", path: 'version = "1.2.x"\n'}
    assert stated(laid_out(tmp_path, files)) == expected


@pytest.mark.parametrize(
    ("packages", "name", "expected"),
    [
        (["acme", "_acme"], "PyAcme", ["acme"]),
        (["acme", "_acme"], "python-acme", ["acme"]),
        (["acme", "acme_tools"], "acme-py", ["acme"]),
        (["one", "two"], "acme", []),
        (["acme", "other"], "acme", ["acme"]),
    ],
)
def test_top_packages(packages: list[str], name: str, expected: list[str], tmp_path: Path) -> None:
    """Of several packages, the one that is named like the project or the only public one states the version."""
    files = {f"{package}/__init__.py": '__version__ = "1.2.2"\n' for package in packages}
    pyproject = PYPROJECT.replace('"acme"', f'"{name}"')
    assert stated(laid_out(tmp_path, files, pyproject)) == [f"{package}/__init__.py:1 1.2.2!" for package in expected]


@pytest.mark.parametrize(
    ("version", "short", "agrees"),
    [
        ("1.2.dev0", "1.2", True),
        ("1.2.3.dev0", "1.2.3", True),
        ("1.2.3rc1", "1.2", True),
        ("1.2.3", "1.2", True),
        ("1.2.3", "1.1", False),
        ("1.2.dev0", "1.3", False),
        ("1.2", "1.3", False),
    ],
)
def test_short_version_of_sphinx(version: str, short: str, agrees: bool, tmp_path: Path) -> None:
    """`version` in conf.py may be the first components, also of a development version."""
    conf = {"docs/conf.py": f"version = '{short}'\nrelease = '{version}'\n"}
    found = stated(laid_out(tmp_path, conf, PYPROJECT.replace("1.2.3", version)))
    assert [place.endswith("!") for place in found] == [not agrees, False]


@pytest.mark.parametrize(
    ("head", "counts"),
    [
        ("# This file is autogenerated by pip-compile with Python 3.11\n", False),
        ("# This file was autogenerated by uv via the following command:\n#    uv pip compile docs.in\n", False),
        ("# This file was autogenerated by uv: uv export\n", False),
        ("# What the documentation needs\n", True),
    ],
)
@pytest.mark.parametrize("path", ["requirements/requirements-docs.txt", "requirements-docs.txt"])
def test_compiled_requirements(head: str, counts: bool, path: str, tmp_path: Path) -> None:
    """A compiled requirements file installs a published release: its pin is no place of the version."""
    assert bool(stated(laid_out(tmp_path, {path: f"{head}acme==1.1.0\n"}))) is counts


@pytest.mark.parametrize(
    ("entry", "text", "expected"),
    [
        ("gh/requirements.txt:acme:nf", "acme == 1.2.2\n", "1.2.2!"),
        ("sonar.properties:sonar.projectVersion", "sonar.projectVersion=1.2.3\n", "1.2.3"),
        ("docs/use.rst:acme/acme@HASH  #:tf", "uses: acme/acme@HASH  # v1.2.3\n", "1.2.3"),
        ("a.json:version", '{"version": "1.2.2"}\n', "1.2.2!"),
        ("a.yaml:tag", "image: x\ntag: 1.2.2\n", "1.2.2!"),
        ("a.py:NAME", 'NAME: str = "x"\nNAME := "1.2.3"\n', "1.2.3"),
        ("a.md:acme", "acme@1.2.3 and other@1.1.1\n", "1.2.3"),
    ],
)
def test_variables_of_semantic_release(entry: str, text: str, expected: str, tmp_path: Path) -> None:
    """Each operator between a variable and its version, with either kind of version."""
    settings = f"[tool.semantic_release]\nversion_variables = ['{entry}']\n"
    (place,) = stated(laid_out(tmp_path, {entry.partition(":")[0]: text}, PYPROJECT + settings))
    assert place.split()[1] == expected


@pytest.mark.parametrize("kind", ["", ":nf", ":tf"])
def test_toml_keys_of_semantic_release(kind: str, tmp_path: Path) -> None:
    """A key of `version_toml` states the version."""
    settings = f"[tool.semantic_release]\nversion_toml = ['./deploy.toml:tool.x.image{kind}']\n"
    files = {"deploy.toml": '[tool.x]\nimage = "v1.2.2"\n'}
    assert stated(laid_out(tmp_path, files, PYPROJECT + settings)) == ["deploy.toml:2 v1.2.2!"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("image: acme:1.2.2\n", ["1.2.2!"]),
        ("image: acme:1.2.3\nother: 1.1.1\n", ["1.2.3"]),
        ("a: 1.2.1\nb: 1.1.1\n", []),
        ("python: 3.11.2\n", []),
    ],
)
def test_files_that_a_bump_tool_names(text: str, expected: list[str], tmp_path: Path) -> None:
    """A file that a tool is to change has drifted where its only likely version is another one."""
    settings = '[[tool.bumpversion.files]]\nfilename = "deploy.yaml"\n'
    found = stated(laid_out(tmp_path, {"deploy.yaml": text}, PYPROJECT + settings))
    assert [place.split()[1] for place in found] == expected


def test_patterns_of_a_bump_tool(tmp_path: Path) -> None:
    """`version = "…"` is not the end of `python-version = "…"`."""
    settings = '[[tool.bumpversion.files]]\nfilename = "pyproject.toml"\nsearch = \'version = "{current_version}"\'\n'
    root = laid_out(tmp_path, {}, PYPROJECT + '[tool.mypy]\npython-version = "3.10"\n' + settings)
    assert stated(root) == []


@pytest.mark.parametrize(
    ("value", "new"),
    [
        ("1, 2, 3", "1, 3, 0"),
        ("1, 2, 3, final, 0", "1, 3, 0, final, 0"),
        ("1-2-3", "1-3-0"),
        ("1_2_3", "1_3_0"),
        ("1_2_3_rc_1", "1_3_0_final_0"),
    ],
)
def test_parts_of_bumpversion(value: str, new: str, tmp_path: Path) -> None:
    """The current version of a tool that writes its parts follows."""
    root = laid_out(tmp_path, {".bumpversion.cfg": f"[bumpversion]\ncurrent_version = {value}\n"})
    checkout = versions.open_checkout(str(root))
    changes = change.plan(checkout, versions.find_places(str(root), checkout).places, "1.3.0")
    assert f"current_version = {new}\n".encode() in {item.path: item.new for item in changes}[".bumpversion.cfg"]


@pytest.mark.parametrize(
    ("old", "form", "new", "expected"),
    [
        ("1, 3, 0, -100", "signed", "1.3.0", "1, 3, 0, 0"),
        ("1, 3, 0, -100", "signed", "1.4.dev1", "1, 4, 0, -100"),
        ("1, 2, 'dev0'", "tuple", "1.2.1", "1, 2, 1"),
        ("1, 2, 'dev0'", "tuple", "1.2.1.dev1", "1, 2, 1, 'dev1'"),
        ("1, 2, 'dev0'", "tuple", "1.3.dev1", "1, 3, 'dev1'"),
        ('1, 2, 3, "final"', "tuple", "1.3.0", '1, 3, 0, "final"'),
        ('1, 2, 3, "alpha", 1', "call", "1.2.3", '1, 2, 3, "final", 0'),
        ('1, 2, 3, "alpha", 1', "call", "1.2.3b2", '1, 2, 3, "beta", 2'),
        ('1, 2, 3, "candidate", 1', "tuple", "1.2.3rc2", '1, 2, 3, "candidate", 2'),
        ("1, 2, 3, alpha, 1", "listed", "1.2.3rc1", "1, 2, 3, rc, 1"),
    ],
)
def test_tuples(old: str, form: str, new: str, expected: str) -> None:
    """Each kind of tuple takes a release, and the pre-releases that it has words for."""
    assert respell(old, new, form, "'") == expected


@pytest.mark.parametrize(
    ("other", "same"), [("1.3.dev1", True), ("1.3rc1", True), ("1.3.0", False), ("1.4.dev1", False)]
)
def test_signed_tuples(other: str, same: bool) -> None:
    """A negative last number is any version before the release."""
    assert equals("1.3.0.dev0", other, "signed") is same


NAMED = 'VersionInfo(major=1, minor=2, micro=3, releaselevel="{}", serial={})'


@pytest.mark.parametrize(
    ("old", "text", "new", "expected"),
    [
        ("1.2.3a1", NAMED.format("alpha", 1), "1.2.3", NAMED.format("final", 0)),
        ("1.2.3a1", NAMED.format("alpha", 1), "1.2.3a2", NAMED.format("alpha", 2)),
        ("1.2.3rc1", 'VersionInfo(1, 2, 3, releaselevel="candidate", serial=1)', "1.2.3rc2",
         'VersionInfo(1, 2, 3, releaselevel="candidate", serial=2)'),
        ("1.2.3", NAMED.format("final", 0), "1.3.0", NAMED.format("final", 0).replace("2", "3").replace("o=3", "o=0")),
        ("1.2.3.dev0", 'Version("acme", 1, 2, 3, dev=0)', "1.2.3", 'Version("acme", 1, 2, 3)'),
        ("1.2.3.dev0", 'Version("acme", 1, 2, 3, dev=0)', "1.3.0rc2", 'Version("acme", 1, 3, 0, release_candidate=2)'),
        ("1.2.3rc1", 'Version("a", 1, 2, 3, release_candidate=1)', "1.2.3.post1", 'Version("a", 1, 2, 3, post=1)'),
        ("1.2.3rc1", 'Version(major=1, minor=2, patch=3, prerelease="rc.1")', "1.2.3", None),
        ("1.2.3.dev0", 'Version("acme", 1, 2, 3, dev=0)', "1.3.0b1", None),
    ],
)  # fmt: skip
def test_calls(old: str, text: str, new: str, expected: str | None, tmp_path: Path) -> None:
    """The arguments of a type, with and without names, are written whole, or refused: nothing stays as it was."""
    files = {"acme/__init__.py": f"version_info = {text}\n"}
    root = laid_out(tmp_path, files, PYPROJECT.replace("1.2.3", old))
    assert not any(place.endswith("!") for place in stated(root))
    checkout = versions.open_checkout(str(root))
    places = versions.find_places(str(root), checkout).places
    if expected is None:
        with pytest.raises(Conflict, match=r"acme/__init__\.py:1:\d+: .* by hand"):
            change.plan(checkout, places, new)
        return
    changed = {item.path: item.new for item in change.plan(checkout, places, new)}
    assert changed["acme/__init__.py"] == f"version_info = {expected}\n".encode()


def test_stage_that_only_the_project_knows(tmp_path: Path) -> None:
    """What a call's arguments cannot say for sure is refused, with what to do."""
    text = 'version_info = VersionInfo(1, 2, 3, "final", 0)\n__version__ = str(version_info)\n'
    root = laid_out(tmp_path, {"acme/__init__.py": text})
    checkout = versions.open_checkout(str(root))
    with pytest.raises(Conflict, match=r"only the project knows its word for 'beta': write the arguments"):
        change.plan(checkout, versions.find_places(str(root), checkout).places, "1.2.3b1")


LOCKSTEP = '[tool.omni-release.version]\nlockstep = ["{folder}"]\n'


def test_lockstep(tmp_path: Path) -> None:
    """A project of the repository that always has the same version changes along, with the pins on it."""
    other = '[project]\nname = "acme-c"\nversion = "1.2.2"\n'
    extra = '[project.optional-dependencies]\nc = ["acme-c == 1.2.2"]\n'
    laid_out(tmp_path, {"c/pyproject.toml": other, "c/acme_c/__init__.py": '__version__ = "1.2.2"\n'})
    (tmp_path / ".git").mkdir()
    root = laid_out(tmp_path / "acme", {}, PYPROJECT + extra + LOCKSTEP.format(folder="../c"))
    assert stated(root) == [
        "../c/pyproject.toml:3 1.2.2!",
        "../c/acme_c/__init__.py:1 1.2.2!",
        "pyproject.toml:5 1.2.2!",
    ]


@pytest.mark.parametrize("folder", ["../gone", ".", "../..", "/elsewhere"])
def test_lockstep_of_no_project(folder: str, tmp_path: Path) -> None:
    """A folder that is no other project of the repository is an error of the settings."""
    (tmp_path / ".git").mkdir()
    root = laid_out(tmp_path / "acme", {}, PYPROJECT + LOCKSTEP.format(folder=folder))
    with pytest.raises(SettingsError, match="names no other project of the repository"):
        versions.find_places(str(root))
