"""Where the import packages are, by the settings of each build back end."""

from __future__ import annotations

from pathlib import Path

import pytest

from omni_release import project
from omni_release.core.model import Package, importable
from omni_release.project import layout

UV_BUILD = "[tool.uv.build-backend]\n"
PDM_BUILD = "[tool.pdm.build]\n"
POETRY_TABLE = "[tool.poetry]\n"
MATURIN_TABLE = "[tool.maturin]\n"
TABLE = "[tool.setuptools]\n"

HATCH = ("hatchling", "hatchling.build")
SETUPTOOLS = ("setuptools", "setuptools.build_meta")
FLIT = ("flit_core", "flit_core.buildapi")
PDM = ("pdm-backend", "pdm.backend")
POETRY = ("poetry-core", "poetry.core.masonry.api")
UV = ("uv_build", "uv_build")
MATURIN = ("maturin", "maturin")
SCIKIT_BUILD = ("scikit-build-core", "scikit_build_core.build")
MESON = ("meson-python", "mesonpy")

WHEEL = "[tool.hatch.build.targets.wheel]\n"
FIND = "[tool.setuptools.packages.find]\n"

CASES = [
    (HATCH, WHEEL + 'packages = ["lib/fast"]', "lib/fast/__init__.py", "lib/fast=fast"),
    (HATCH, WHEEL + 'packages = ["src/a", "b/two"]', "src/a/__init__.py b/two/__init__.py", "b/two=two src/a=a"),
    (HATCH, WHEEL + 'packages = ["src/ns"]', "src/ns/part/__init__.py", "src/ns/part=ns.part"),
    (HATCH, WHEEL + 'packages = ["src/ns"]', "src/ns/one.py", "src/ns=ns"),
    (HATCH, WHEEL + 'only-include = ["src/a"]\nsources = ["src"]', "src/a/__init__.py", "src/a=a"),
    (HATCH, WHEEL + 'only-include = ["code"]\nsources = { "code" = "a" }', "code/__init__.py", "code=a"),
    (HATCH, WHEEL + 'include = ["a/**/*.py", "!a/x.py"]', "a/__init__.py b/__init__.py", "a=a"),
    (HATCH, WHEEL + 'sources = ["src"]\ninclude = ["src/one.py"]', "src/one.py src/two.py", "src/one.py=one"),
    (HATCH, '[tool.hatch.build]\npackages = ["tests"]', "tests/__init__.py acme/__init__.py", "tests=tests"),
    (HATCH, WHEEL + '[tool.hatch.build.targets.wheel.force-include]\n"x" = "a"', "x/__init__.py", "x=a"),
    (
        HATCH,
        WHEEL + 'include = ["src/ns", "b/src/ns"]\nsources = { "src/ns" = "ns", "b/src/ns/two" = "ns/two" }',
        "src/ns/one/__init__.py b/src/ns/two/__init__.py",
        "b/src/ns/two=ns.two src/ns/one=ns.one",
    ),
    (SCIKIT_BUILD, "", "src/__init__.py src/other.py", "src=acme"),
    (HATCH, "", "src/acme/__init__.py src/other/__init__.py", "src/acme=acme"),
    (HATCH, "", "Acme.py tests/__init__.py", "Acme.py=Acme"),
    (HATCH, "", "ns/acme/__init__.py tests/__init__.py", "ns/acme=ns.acme"),
    (HATCH, WHEEL + "bypass-selection = true", "tools/__init__.py", ""),
    (SETUPTOOLS, TABLE + 'packages = ["a", "a.b", "tests"]', "a/__init__.py tests/__init__.py", "a=a"),
    (SETUPTOOLS, TABLE + 'packages = ["a"]\npackage-dir = { a = "code" }', "code/__init__.py", "code=a"),
    (SETUPTOOLS, TABLE + 'package-dir = { "" = "lib" }', "lib/a/__init__.py", "lib/a=a"),
    (SETUPTOOLS, TABLE + 'py-modules = ["a", "b"]', "a.py b.py c.py", "a.py=a b.py=b"),
    (SETUPTOOLS, TABLE + "packages = []", "a/__init__.py", ""),
    (SETUPTOOLS, FIND + 'where = ["x", "y"]', "x/a/__init__.py y/b/__init__.py", "x/a=a y/b=b"),
    (SETUPTOOLS, FIND + 'include = ["a*"]', "a/__init__.py ab/__init__.py b/__init__.py", "a=a ab=ab"),
    (SETUPTOOLS, FIND + 'exclude = ["b*"]', "a/__init__.py b/__init__.py docs/__init__.py", "a=a"),
    (SETUPTOOLS, FIND + 'include = ["a.*"]', "a/one/__init__.py a/two/__init__.py", "a/one=a.one a/two=a.two"),
    (SETUPTOOLS, TABLE + 'ext-modules = [{ name = "fast", sources = ["f.c"] }]', "f.c", "fast"),
    (SETUPTOOLS, "", "src/a/__init__.py src/b.py", "src/a=a src/b.py=b"),
    (SETUPTOOLS, "", "acme-stubs/__init__.pyi", "acme-stubs=acme-stubs"),
    (FLIT, '[tool.flit.module]\nname = "other"', "other/__init__.py acme/__init__.py", "other=other"),
    (FLIT, '[tool.flit.module]\nname = "ns.part"', "src/ns/part/__init__.py", "src/ns/part=ns.part"),
    (FLIT, "", "src/acme.py", "src/acme.py=acme"),
    (PDM, PDM_BUILD + 'package-dir = "lib"', "lib/a/__init__.py", "lib/a=a"),
    (
        PDM,
        PDM_BUILD + 'includes = ["src/a", "src/b/*.py"]',
        "src/a/__init__.py src/b/__init__.py src/c/__init__.py",
        "src/a=a src/b=b",
    ),
    (PDM, "", "a/__init__.py tests/__init__.py", "a=a"),
    (POETRY, POETRY_TABLE + 'packages = [{ include = "a", from = "lib" }]', "lib/a/__init__.py", "lib/a=a"),
    (POETRY, POETRY_TABLE + 'packages = [{ include = "a", to = "ns" }]', "a/__init__.py", "a=ns.a"),
    (
        POETRY,
        POETRY_TABLE + 'packages = [{ include = "a/**/*.py" }, { include = "tests", format = "sdist" }]',
        "a/__init__.py tests/__init__.py",
        "a=a",
    ),
    (POETRY, "", "src/acme/__init__.py", "src/acme=acme"),
    (POETRY, "[tool.poetry]\npackage-mode = false", "acme/__init__.py", ""),
    (UV, UV_BUILD + 'module-name = "other"\nmodule-root = ""', "other/__init__.py", "other=other"),
    (UV, UV_BUILD + 'module-name = ["a", "ns.b"]', "src/a/__init__.py src/ns/b/__init__.py", "src/a=a src/ns/b=ns.b"),
    (UV, UV_BUILD + "namespace = true", "src/ns/b/__init__.py src/ns/c/__init__.py", "src/ns/b=ns.b src/ns/c=ns.c"),
    (UV, UV_BUILD + 'module-name = "a-stubs"', "src/a-stubs/__init__.pyi", "src/a-stubs=a-stubs"),
    (UV, "", "src/acme/__init__.py src/other/__init__.py", "src/acme=acme"),
    (
        MATURIN,
        MATURIN_TABLE + 'python-source = "py"\nmodule-name = "fast._fast"',
        "py/fast/__init__.py Cargo.toml",
        "py/fast=fast",
    ),
    (
        MATURIN,
        MATURIN_TABLE + 'python-source = "py"\npython-packages = ["more"]',
        "py/acme/__init__.py py/more/__init__.py",
        "py/acme=acme py/more=more",
    ),
    (MATURIN, MATURIN_TABLE + 'module-name = "fast"', "src/lib.rs", "fast"),
    (MATURIN, MATURIN_TABLE + 'bindings = "bin"', "src/main.rs", ""),
    (
        SCIKIT_BUILD,
        '[tool.scikit-build]\nwheel.packages = ["python/fast"]',
        "python/fast/__init__.py",
        "python/fast=fast",
    ),
    (SCIKIT_BUILD, '[tool.scikit-build.wheel.packages]\n"ns/fast" = "code"', "code/__init__.py", "code=ns.fast"),
    (SCIKIT_BUILD, "", "python/acme/__init__.py", "python/acme=acme"),
    (MESON, "", "acme/__init__.py acme/meson.build", "acme=acme"),
    (("jupyter-packaging", "jupyter_packaging.build_api"), "", "acme/__init__.py other/__init__.py", "acme=acme"),
    (("setuptools", "backend"), FIND + 'where = ["x"]', "x/a/__init__.py", "x/a=a"),
    (("odd", "odd"), "", "packages/core/acme/__init__.py", "packages/core/acme=acme"),
]


def laid_out(root: Path, files: str) -> Path:
    """A folder with these empty files."""
    for file in files.split():
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).touch()
    return root


def found_in(root: Path) -> str:
    """The packages as `path=name`, then the names of compiled modules."""
    loaded = project.load(root)
    packages = [f"{package.path.as_posix()}={package.name}" for package in loaded.packages]
    assert importable(loaded)[len([name for name in packages if "-stubs" not in name]) :] == loaded.compiled
    return " ".join((*packages, *loaded.compiled))


@pytest.mark.parametrize(("back_end", "settings", "files", "expected"), CASES, ids=lambda value: str(value)[:40])
def test_back_ends(back_end: tuple[str, str], settings: str, files: str, expected: str, tmp_path: Path) -> None:
    """Each back end's settings name the packages; the import name is what the wheel will have."""
    requires, name = back_end
    head = "" if settings.startswith("[tool.poetry]") else '[project]\nname = "acme"\nversion = "1.0"\n'
    if "[tool.poetry]" in settings:
        settings = settings.replace("[tool.poetry]", '[tool.poetry]\nname = "acme"\nversion = "1.0"')
    text = f'[build-system]\nrequires = ["{requires}"]\nbuild-backend = "{name}"\n{head}{settings}\n'
    (laid_out(tmp_path, files) / "pyproject.toml").write_text(text, encoding="utf-8")
    assert found_in(tmp_path) == expected


@pytest.mark.parametrize(
    ("file", "text", "files", "expected"),
    [
        (
            "setup.cfg",
            "[options]\npackages = find:\npackage_dir =\n    = lib\n[options.packages.find]\nwhere = lib\n",
            "lib/a/__init__.py",
            "lib/a=a",
        ),
        ("setup.cfg", "[options]\npackages =\n    a\n    b\n", "a/__init__.py b/__init__.py c/__init__.py", "a=a b=b"),
        ("setup.cfg", "[options]\npackages = find:\n", "a/__init__.py b/one.py tests/__init__.py", "a=a"),
        (
            "setup.cfg",
            "[options]\npackages = find_namespace:\n[options.packages.find]\ninclude = b*\n",
            "a/__init__.py b/one.py",
            "b=b",
        ),
        ("setup.cfg", "[options]\npy_modules = one, two\n", "one.py two.py", "one.py=one two.py=two"),
        ("setup.cfg", "[files]\npackages =\n    a\n", "a/__init__.py", "a=a"),
        ("setup.py", "find_packages('lib'), package_dir={'': 'lib'}", "lib/a/__init__.py", "lib/a=a"),
        ("setup.py", "find_packages(where='lib', exclude=['b*'])", "lib/a/__init__.py lib/b/__init__.py", "lib/a=a"),
        ("setup.py", "[NAME, NAME + '.sub']", "other/__init__.py other/sub/__init__.py x/__init__.py", "other=other"),
        ("setup.py", "find_packages(exclude=('tests',)) + ['x']", "a/__init__.py x/one.py", "a=a x=x"),
        ("setup.py", "computed(), ext_modules=[Extension('fast', ['f.c'])]", "f.c", "fast"),
        ("setup.py", "computed()", "acme/__init__.py other/__init__.py", "acme=acme"),
    ],
)
def test_setup_files(file: str, text: str, files: str, expected: str, tmp_path: Path) -> None:
    """setup.cfg and setup.py name the packages, as far as they are written out."""
    if file == "setup.cfg":
        text = f"[metadata]\nname = acme\n{text}"
    else:
        text = f"from setuptools import setup\nNAME = 'other'\nsetup(name='acme', packages={text})\n"
    (laid_out(tmp_path, files) / file).write_text(text, encoding="utf-8")
    assert found_in(tmp_path) == expected


def test_what_was_looked_at(tmp_path: Path) -> None:
    """Where no package is found, the folders that the back end names are known."""
    text = '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n[project]\nname = "acme"\n'
    (tmp_path / "pyproject.toml").write_text(text + WHEEL + 'packages = ["src/gone", "lib/gone"]\n', encoding="utf-8")
    assert project.found_packages(project.load(tmp_path)).looked_at == "src/gone, lib/gone"


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("acme/__init__.py", "src/acme/__init__.py"),
        ("acme/data/a.json", "src/acme/data/a.json"),
        ("acme/plugins/core/x.py", "plugins/core/x.py"),
        ("single.py", "lib/single.py"),
        ("single/x.py", None),
        ("acme_tools/__init__.py", None),
        ("acme-1.0.dist-info/METADATA", None),
    ],
)
def test_source_path(file: str, expected: str | None) -> None:
    """A file of the wheel has the path of the innermost import package that it is in."""
    packages = (
        Package(Path("src/acme"), "acme"),
        Package(Path("plugins/core"), "acme.plugins.core"),
        Package(Path("lib/single.py"), "single"),
    )
    found = layout.source_path(packages, file)
    assert (found and str(found)) == expected
