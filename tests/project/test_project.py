"""pyproject.toml → `Project`: every layout that people use, and every way in which the file can be wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from omni_release import project
from omni_release.core import model, toml
from omni_release.core.errors import EXIT_USAGE, SettingsError, UsageError
from omni_release.core.toml import table

PYPROJECT = '[project]\nname = "acme-tools"\nversion = "1.0"\n'


def laid_out(root: Path, *files: str, text: str = PYPROJECT) -> Path:
    """A project with this pyproject.toml and these (empty) files."""
    for file in files:
        path = root / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (root / "pyproject.toml").write_text(text, encoding="utf-8")
    return root


def packages(root: Path) -> list[str]:
    """The import packages that are found there."""
    return [package.path.as_posix() for package in project.load(root).packages]


@pytest.mark.parametrize(
    ("files", "found"),
    [
        (["src/acme_tools/__init__.py", "tests/__init__.py"], ["src/acme_tools"]),
        (
            ["src/acme_tools/__init__.py", "src/other/__init__.py", "src/one.py"],
            ["src/acme_tools", "src/one.py", "src/other"],
        ),
        (["src/acme/tools/__init__.py"], ["src/acme/tools"]),
        (
            ["src/com/acme/tools/__init__.py", "src/com/acme/more/__init__.py"],
            ["src/com/acme/more", "src/com/acme/tools"],
        ),
        (["src/acme_tools.py"], ["src/acme_tools.py"]),
        (["src/acme_tools/__init__.py", "src/acme_tools.egg-info/PKG-INFO"], ["src/acme_tools"]),
        (["src/acme_tools/__init__.py", "src/acme_tools.old/__init__.py", "src/my-notes.py"], ["src/acme_tools"]),
        (["acme_tools/__init__.py", "other/__init__.py", "tests/__init__.py"], ["acme_tools"]),
        (["Acme_Tools/__init__.py"], ["Acme_Tools"]),
        (["acme_tools.py", "setup.py"], ["acme_tools.py"]),
        (["acme/tools/api.py"], ["acme/tools"]),
        (["one/__init__.py", "two/__init__.py", "tests/__init__.py", "docs/__init__.py"], ["one", "two"]),
        (["src/lib.rs", "acme_tools/__init__.py"], ["acme_tools"]),
        (["README.md"], []),
    ],
    ids=lambda value: " ".join(value),
)
def test_layouts(files: list[str], found: list[str], tmp_path: Path) -> None:
    """The import packages of a project that does not name them."""
    assert packages(laid_out(tmp_path, *files)) == found


def test_import_packages(tmp_path: Path) -> None:
    """The setting names what is imported: packages, packages in packages, modules, in src/ or not, in its order."""
    text = PYPROJECT + '[tool.omni-release]\nimport-packages = ["single", "acme.inner", "flat"]\n'
    files = ("src/acme/inner/__init__.py", "src/single.py", "flat/__init__.py", "src/not_named/__init__.py")
    assert packages(laid_out(tmp_path, *files, text=text)) == ["src/single.py", "src/acme/inner", "flat"]


def test_import_package_that_is_not_there(tmp_path: Path) -> None:
    """A named package that is not there is an error, which says where it was looked for."""
    text = PYPROJECT + '[tool.omni-release]\nimport-packages = ["acme_tools", "acme.gone"]\n'
    with pytest.raises(UsageError, match=r"'acme\.gone', not a package or module of the project") as raised:
        project.load(laid_out(tmp_path, "src/acme_tools/__init__.py", text=text))
    assert raised.value.hint == "Looked for src/acme/gone, src/acme/gone.py, acme/gone, acme/gone.py."


@pytest.mark.parametrize(
    ("setting", "path", "name"),
    [
        ("src/acme_tools", "src/acme_tools", "acme_tools"),
        ("./lib/fast/", "lib/fast", "fast"),
        ("lib/fast/inner", "lib/fast/inner", "fast.inner"),
        ("fast.inner", "lib/fast/inner", "fast.inner"),
        ("lib/one.py", "lib/one.py", "one"),
        ("src/ns/part", "src/ns/part", "ns.part"),
        ("packages/core/other", "packages/core/other", "other"),
        ("acme-stubs", "acme-stubs", "acme-stubs"),
    ],
)
def test_import_package_by_path(setting: str, path: str, name: str, tmp_path: Path) -> None:
    """The setting takes a path as well; the import name is the path below the source folder."""
    text = (
        PYPROJECT + f'[tool.setuptools.package-dir]\n"" = "lib"\n[tool.omni-release]\nimport-packages = ["{setting}"]\n'
    )
    files = ("src/acme_tools/__init__.py", "lib/fast/__init__.py", "lib/fast/inner/__init__.py", "lib/one.py")
    more = ("src/ns/part/__init__.py", "packages/core/other/__init__.py", "acme-stubs/__init__.pyi")
    (package,) = project.load(laid_out(tmp_path, *files, *more, text=text)).packages
    assert (package.path.as_posix(), package.name) == (path, name)


def test_import_package_without_source(tmp_path: Path) -> None:
    """In a project that compiles its modules, a name without Python source is one of them."""
    text = '[build-system]\nrequires = ["meson-python"]\nbuild-backend = "mesonpy"\n' + PYPROJECT
    loaded = project.load(laid_out(tmp_path, text=text + '[tool.omni-release]\nimport-packages = ["fast"]\n'))
    assert (loaded.packages, loaded.compiled, model.importable(loaded)) == ((), ("fast",), ("fast",))


@pytest.mark.parametrize("name", [".", "..", "acme-tools", "acme_tools.", "/elsewhere", "../acme_tools", "src/gone"])
def test_import_package_that_is_no_name(name: str, tmp_path: Path) -> None:
    """What no import statement could name is an error, never a path somewhere else."""
    text = PYPROJECT + f'[tool.omni-release]\nimport-packages = ["{name}"]\n'
    with pytest.raises(UsageError, match="neither an import name nor the path"):
        project.load(laid_out(tmp_path, "src/acme_tools/__init__.py", text=text))


def test_what_is_loaded(tmp_path: Path) -> None:
    """The name as it is spelled, the settings, the parsed file."""
    loaded = project.load(laid_out(tmp_path, text=PYPROJECT.replace("acme-tools", "Acme.Tools")))
    assert loaded.name == "Acme.Tools"
    assert loaded.root == tmp_path
    assert loaded.settings.keep_runs == 5
    assert loaded.metadata["project"] == {"name": "Acme.Tools", "version": "1.0"}


def test_poetry_name(tmp_path: Path) -> None:
    """A name in Poetry's table counts."""
    assert project.load(laid_out(tmp_path, text='[tool.poetry]\nname = "acme"\n')).name == "acme"


@pytest.mark.parametrize(
    ("file", "text"),
    [
        (
            "setup.cfg",
            "[metadata]\nname = acme\n[options]\ninstall_requires =\n    humanize\npython_requires = >=3.9\n",
        ),
        (
            "setup.py",
            (
                "from setuptools import setup\n"
                "setup(name='acme', install_requires=['humanize'], python_requires='>=3.9')\n"
            ),
        ),
    ],
)
@pytest.mark.parametrize("pyproject", [None, "[tool.ruff]\n"])
def test_without_project_table(file: str, text: str, pyproject: str | None, tmp_path: Path) -> None:
    """Where setup.cfg or setup.py state the metadata, they are read as a [project] table."""
    root = laid_out(tmp_path, "acme/__init__.py", text=pyproject or "")
    if pyproject is None:
        (root / "pyproject.toml").unlink()
    (root / file).write_text(text, encoding="utf-8")
    loaded = project.load(root)
    assert (loaded.name, loaded.stated_in, packages(root)) == ("acme", file, ["acme"])
    stated = table(loaded.metadata, "project")
    assert stated.pop("dynamic") == ["version", "dependencies", "optional-dependencies"]
    assert stated == {"name": "acme", "requires-python": ">=3.9", "dependencies": ["humanize"]}


@pytest.mark.parametrize(
    ("file", "text"), [("setup.cfg", "[flake8]\n"), ("setup.py", "def setup():\n    pass\n\n\nsetup()\n")]
)
def test_files_that_are_no_project(file: str, text: str, tmp_path: Path) -> None:
    """Settings of tools in a setup.cfg and another module called setup.py do not make a project."""
    (tmp_path / file).write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=r"there is no pyproject\.toml in"):
        project.load(tmp_path)


def test_no_pyproject(tmp_path: Path) -> None:
    """A folder without pyproject.toml is a usage error."""
    with pytest.raises(UsageError, match=r"there is no pyproject\.toml in") as raised:
        project.load(tmp_path)
    assert "--project DIR" in raised.value.hint
    assert raised.value.exit_code == EXIT_USAGE


@pytest.mark.parametrize(
    ("files", "named"),
    [
        (("packages/acme/pyproject.toml",), "--project packages/acme"),
        (("b/pyproject.toml", "libs/a/pyproject.toml"), "--project b, libs/a"),
        ((".venv/pyproject.toml", "examples/app/pyproject.toml", "tests/case/pyproject.toml"), "Add `name"),
    ],
)
@pytest.mark.parametrize("text", [None, "[tool.uv.workspace]\nmembers = ['packages/*']\n"])
def test_root_of_several_projects(text: str | None, files: tuple[str, ...], named: str, tmp_path: Path) -> None:
    """In the root of a repository of several projects, the hint names them, but not what tests or examples have."""
    for name in files:
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text("[project]\nname = 'acme'\n", encoding="utf-8")
    if text is not None:
        (tmp_path / "pyproject.toml").write_text(text, encoding="utf-8")
    elif "Add" in named:
        named = "--project DIR"
    with pytest.raises((UsageError, SettingsError)) as raised:
        project.load(tmp_path)
    assert named in raised.value.hint


def test_root_is_a_file(tmp_path: Path) -> None:
    """A file in place of the folder is the same error."""
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match=r"there is no pyproject\.toml in"):
        project.load(tmp_path / "file")


def test_folder_in_place_of_pyproject(tmp_path: Path) -> None:
    """A folder called pyproject.toml is an error of the user's, without a traceback."""
    (tmp_path / "pyproject.toml").mkdir()
    with pytest.raises(UsageError, match=r"pyproject\.toml cannot be read: "):
        project.load(tmp_path)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('[project]\nname = "acme"\nversion = \n', 3),
        ('[project]\r\nname = "acme"\r\nversion = \r\n', 3),
        ('[project]\nname = "acme"\nname = "acme"\n', 3),
        ('[project]\nname = "acme"\ndependencies = [\n  "a",\n', 5),
        ('[project]\nname = """acme', 2),
    ],
)
def test_broken_toml(text: str, line: int, tmp_path: Path) -> None:
    """Invalid TOML is reported with its line; a document that ends too early, with the last line."""
    (tmp_path / "pyproject.toml").write_bytes(text.encode())
    with pytest.raises(SettingsError, match="is not valid TOML") as raised:
        project.load(tmp_path)
    assert raised.value.line == line
    assert raised.value.message.startswith(f"pyproject.toml:{line}: ")


def test_not_utf8(tmp_path: Path) -> None:
    """Another encoding is reported with the position of the first wrong byte."""
    (tmp_path / "pyproject.toml").write_bytes('[project]\nname = "ä"\n'.encode("latin-1"))
    with pytest.raises(SettingsError, match=r"pyproject\.toml: is not UTF-8 \(.* at byte 18\)"):
        project.load(tmp_path)


def test_byte_order_mark_and_crlf(tmp_path: Path) -> None:
    """A byte order mark and CRLF change nothing, nor the reported lines."""
    text = PYPROJECT + "[tool.omni-release]\nkeep-runs = 3\n"
    (tmp_path / "pyproject.toml").write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    assert project.load(tmp_path).settings.keep_runs == 3
    wrong = text.replace("keep-runs = 3", "keep-runs = 0").replace("\n", "\r\n")
    (tmp_path / "pyproject.toml").write_bytes(b"\xef\xbb\xbf" + wrong.encode())
    with pytest.raises(SettingsError) as raised:
        project.load(tmp_path)
    assert raised.value.line == 5


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[tool.ruff]\n",
        "[project]\nversion = '1'\n",
        "[project]\nname = 3\n",
        "[project]\nname = ' '\n",
        "project = 3\n",
        "project = []\n",
    ],
)
def test_no_name(text: str, tmp_path: Path) -> None:
    """For a project without a name the hint says what to add."""
    with pytest.raises(SettingsError, match=r"\[project\] has no name") as raised:
        project.load(laid_out(tmp_path, text=text))
    assert "Add `name" in raised.value.hint


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("setup.py", 'from setuptools import setup\n\nNAME = "acme"\nsetup(name=NAME, version="1.0")\n'),
        ("setup.cfg", "[metadata]\nname = acme\nversion = 1.0\n"),
        ("setup.py", "from setuptools import setup\nimport about\nsetup(name=about.__title__)\n"),
        (
            "setup.py",
            "from setuptools import setup\ndef main():\n    kwargs = dict(name='acme')\n    setup(**kwargs)\n",
        ),
    ],
)
def test_name_elsewhere(file: str, text: str, tmp_path: Path) -> None:
    """With a pyproject.toml for tools only, the name comes from setup.py or setup.cfg."""
    root = laid_out(tmp_path, "acme/__init__.py", text="[tool.ruff]\nline-length = 100\n")
    (root / file).write_text(text, encoding="utf-8")
    (root / "about.py").write_text("__title__ = 'acme'\n", encoding="utf-8")
    assert project.load(root).name == "acme"


def test_table() -> None:
    """What is no table, or not there, is an empty one."""
    metadata = {"project": {"urls": {"Home": "x"}, "name": "acme"}}
    assert toml.table(metadata, "project", "urls") == {"Home": "x"}
    assert toml.table(metadata, "project", "name") == {}
    assert toml.table(metadata, "tool", "poetry") == {}


def test_how_a_file_is_shown(tmp_path: Path) -> None:
    """By its path in the project; one that lies elsewhere is shown whole."""
    elsewhere = tmp_path.parent / "other.py"
    assert model.display_path(tmp_path, tmp_path / "src" / "acme.py") == "src/acme.py"
    assert model.display_path(tmp_path, Path("src", "acme.py")) == "src/acme.py"
    assert model.display_path(tmp_path, elsewhere) == elsewhere.as_posix()


def test_stubs_are_not_imported(tmp_path: Path) -> None:
    """A folder of stubs (PEP 561) is a package of the project, and no name that Python can import."""
    root = laid_out(
        tmp_path,
        "src/acme/__init__.py",
        "src/acme-stubs/__init__.pyi",
    )
    loaded = project.load(root)
    assert {package.name for package in loaded.packages} == {"acme", "acme-stubs"}
    assert model.importable(loaded) == ("acme",)
