"""What the tests need is read from where each kind of project declares it."""

from __future__ import annotations

import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

import pytest

from omni_release import project
from omni_release.testing import pytest_settings
from omni_release.testing.declared import Declared, declared
from omni_release.testing.requirement_lists import from_poetry, poetry_version

PY = f"{sys.version_info[0]}{sys.version_info[1]}"
DOTTED = f"{sys.version_info[0]}.{sys.version_info[1]}"
NAME = '[project]\nname = "acme"\n'


def found_in(root: Path, files: Mapping[str, str], extras: Mapping[str, str] | None = None) -> Declared:
    """What is found in a project of these files, whose wheel has these extras and their requirement."""
    for name, text in {"pyproject.toml": NAME, **files}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    wheel = root / "acme-1.0-py3-none-any.whl"
    lines = [
        line
        for extra, requirement in (extras or {}).items()
        for line in (f"Provides-Extra: {extra}", f'Requires-Dist: {requirement} ; extra == "{extra}"')
    ]
    metadata = "\n".join(("Metadata-Version: 2.1", "Name: acme", "Version: 1.0", "Requires-Dist: base", *lines, "", ""))
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("acme-1.0.dist-info/METADATA", metadata)
    loaded = project.load(root)
    tests = tuple(PurePosixPath(name) for name in files if "test" in name and name.endswith(".py"))
    return declared(loaded, wheel, root / "copy", pytest_settings.read(root, loaded.metadata), tests)


KINDS = {
    "group": ({"pyproject.toml": NAME + '[dependency-groups]\ntest = ["a"]\n'}, "the dependency group `test`"),
    "included": (
        {"pyproject.toml": NAME + '[dependency-groups]\ntests = [{include-group = "More"}]\nmore = ["a"]\n'},
        "the dependency group `tests`",
    ),
    "development": (
        {"pyproject.toml": NAME + '[dependency-groups]\ndev = ["pytest-x", "a", "ruff", "sphinx-tabs"]\n'},
        "the dependency group `dev`",
    ),
    "uv": (
        {"pyproject.toml": NAME + '[tool.uv]\ndev-dependencies = ["pytest-x", "a"]\n'},
        "the dependency group `dev`",
    ),
    "pdm": (
        {"pyproject.toml": NAME + '[tool.pdm.dev-dependencies]\ntest = ["a"]\n'},
        "the dependency group `test`",
    ),
    "poetry": (
        {"pyproject.toml": NAME + '[tool.poetry.group.test.dependencies]\na = "*"\n'},
        "the dependency group `test`",
    ),
    "old poetry": (
        {"pyproject.toml": NAME + '[tool.poetry.dev-dependencies]\na = "*"\npytest-x = "*"\n'},
        "the dependency group `dev`",
    ),
    "pipenv": ({"Pipfile": '[dev-packages]\na = "*"\npytest-x = "*"\n'}, "the dependency group `dev`"),
    "hatch": (
        {"pyproject.toml": NAME + '[tool.hatch.envs.test]\nextra-dependencies = ["a"]\ndependencies = ["pytest"]\n'},
        "the hatch environment `test` in pyproject.toml",
    ),
    "hatch.toml": (
        {"hatch.toml": '[envs.default]\ndependencies = ["a", "pytest"]\n'},
        "the hatch environment `default` in hatch.toml",
    ),
    "tox": ({"tox.ini": "[tox]\nenvlist = py\n[testenv]\ndeps =\n  pytest\n  a # why\n"}, "`py` in tox.ini"),
    "tox, by factor": (
        {
            "tox.ini": f"[tox]\nenvlist = lint, py{{38,{PY}}}-x\n"
            "[testenv]\ndeps =\n  pytest\n  x: a\n  py38: old\n  !x: y\n"
        },
        f"`py{PY}-x` in tox.ini",
    ),
    "tox, by reference": (
        {
            "tox.ini": f"[tox]\nenv_list = py{{3{sys.version_info[1]}}}\n[base]\ndeps = a\n"
            "[testenv]\ndeps =\n  pytest\n  {[base]deps}\n  {env:UNSET:}\n"
        },
        f"`py{PY}` in tox.ini",
    ),
    "tox, in files": (
        {
            "tox.ini": "[tox]\nenvlist = py\n[testenv]\ndeps = -r{toxinidir}/needs/all.txt\n",
            "needs/all.txt": "-r more.txt\n-e .\npytest\n",
            "needs/more.txt": "a \\\n  --hash=sha256:00\n",
        },
        "`py` in tox.ini",
    ),
    "tox, group": (
        {
            "tox.ini": "[tox]\nenvlist = py\n[testenv]\ndependency_groups = check\n",
            "pyproject.toml": NAME + '[dependency-groups]\ncheck = ["a", "pytest"]\n',
        },
        "`py` in tox.ini",
    ),
    "tox in setup.cfg": ({"setup.cfg": "[tox:tox]\n[testenv]\ndeps = pytest\n  a\n"}, f"`py{PY}` in setup.cfg"),
    "tox in pyproject.toml": (
        {
            "pyproject.toml": NAME
            + f'[tool.tox]\nenv_list = ["{DOTTED}"]\n[tool.tox.env_run_base]\ndeps = ["pytest", "a"]\n'
        },
        f"`{DOTTED}` in pyproject.toml",
    ),
    "tox.toml": (
        {
            "tox.toml": f'env_list = [{{product = [["{DOTTED}"], ["x"]]}}]\n[env_run_base]\ndeps = ["a", "pytest"]\n'
            f'[env."{DOTTED}-x"]\ndeps = [{{replace = "ref", of = ["env_run_base", "deps"], extend = true}}]\n'
        },
        f"`{DOTTED}-x` in tox.toml",
    ),
    "nox": (
        {
            "noxfile.py": "import nox\n@nox.session(python=['3.12'])\n"
            "def tests(session):\n    session.install('a', 'pytest')\n"
        },
        "the session `tests` in noxfile.py",
    ),
    "nox, by name": (
        {
            "noxfile.py": "from nox import session\nNEEDS = ['a', 'pytest']\n"
            "def prepare(s):\n    s.install('-e', '.', *NEEDS)\n"
            "@session(name='test')\ndef check(s):\n    if s.posargs:\n        s.install('b')\n    prepare(s)\n"
        },
        "the session `test` in noxfile.py",
    ),
    "nox, group": (
        {
            "noxfile.py": "import nox\n@nox.session\ndef tests(session):\n"
            "    session.install(*nox.project.dependency_groups(nox.project.load_toml('pyproject.toml'), 'check'))\n",
            "pyproject.toml": NAME + '[dependency-groups]\ncheck = ["a", "pytest"]\n',
        },
        "the session `tests` in noxfile.py",
    ),
    "file": ({"requirements/tests.txt": "a==1; python_version > '3'\n"}, "requirements/tests.txt"),
    "file beside the tests": ({"tests/requirements.txt": "a\n"}, "tests/requirements.txt"),
    "file of development": ({"requirements-dev.txt": "pytest\na\n-e .\n"}, "requirements-dev.txt"),
    "tests_require": ({"setup.py": "setup(tests_require=['a'])\n"}, "the dependency group `tests`"),
    "tests_require in setup.cfg": (
        {"setup.cfg": "[options]\ntests_require =\n  a\n"},
        "the dependency group `tests`",
    ),
}


@pytest.mark.parametrize(("files", "source"), KINDS.values(), ids=KINDS)
def test_kinds(files: dict[str, str], source: str, tmp_path: Path) -> None:
    """Each place is read, and named."""
    found = found_in(tmp_path, files)
    names = {line.partition("=")[0].partition(";")[0] for line in found.packages}
    assert names - {"pytest", "pytest-x"} == {"a"}
    assert (found.extras, found.source) == ((), source)


EXTRAS = {
    "by name": {},
    "of a group": {"pyproject.toml": NAME + '[dependency-groups]\ntests = ["acme[test]"]\n'},
    "of tox": {"tox.ini": "[testenv]\nextras = test\n"},
    "of a file": {"requirements-test.txt": "-e .[test]\n"},
    "of nox": {
        "noxfile.py": "import nox\n@nox.session\ndef tests(session):\n    session.install('.[test]', 'pytest')\n"
    },
}


@pytest.mark.parametrize("files", EXTRAS.values(), ids=EXTRAS)
def test_extras(files: dict[str, str], tmp_path: Path) -> None:
    """An extra of the wheel is installed with it, whatever back end declares it; the checkout never is."""
    found = found_in(tmp_path, files, {"test": "a"})
    assert found.extras == ("test",)
    assert set(found.packages) <= {"pytest"}


def test_precedence(tmp_path: Path) -> None:
    """A group for tests and tox belong together; lists for development are not asked then."""
    files = {
        "pyproject.toml": NAME + '[dependency-groups]\ntests = ["a"]\ndev = ["pytest", "b"]\n',
        "tox.ini": "[testenv]\ndeps = pytest\n  c\n",
        "requirements-test.txt": "d\n",
    }
    found = found_in(tmp_path, files)
    assert found.packages == ("a", "pytest", "c")
    assert found.source == f"the dependency group `tests`; `py{PY}` in tox.ini"


def test_locked(tmp_path: Path) -> None:
    """Lock files constrain what only the tests need, to the version for this Python."""
    files = {
        "pyproject.toml": NAME + '[dependency-groups]\ntest = ["a", "b", "c", "base"]\n',
        "uv.lock": '[[package]]\nname = "a"\nversion = "1"\n'
        '[[package]]\nname = "b"\nversion = "1"\nresolution-markers = ["python_version < \'3\'"]\n'
        '[[package]]\nname = "b"\nversion = "2"\nresolution-markers = ["python_version >= \'3\'"]\n'
        '[[package]]\nname = "c"\nversion = "1"\n[[package]]\nname = "c"\nversion = "2"\n'
        '[[package]]\nname = "base"\nversion = "1"\n',
    }
    assert found_in(tmp_path, files).locked == ("a==1", "b==2")


@pytest.mark.parametrize(
    ("second", "packages"),
    [("a<2", ("a==2.1",)), ("A==1", ("a==2.1",)), ("a>=2", ("a==2.1", "a>=2")), ("b<2", ("a==2.1", "b<2"))],
)
def test_one_version_over_another(second: str, packages: tuple[str, ...], tmp_path: Path) -> None:
    """A session for an older version of a package installs it over the one of a list: the list decides."""
    session = "import nox\n@nox.session(name='test-v1')\ndef v1(session):\n"
    installs = f"    session.install('-r', 'dev.lock')\n    session.install('{second}')\n"
    assert found_in(tmp_path, {"noxfile.py": session + installs, "dev.lock": "pytest\na==2.1\n"}).packages == (
        "pytest",
        *packages,
    )


def test_constraints(tmp_path: Path) -> None:
    """Constraints, of a file or of its `-c`, are no requirements; the project itself is none."""
    files = {
        "requirements/test.txt": "-c pins.txt\na\n",
        "requirements/pins.txt": "a==1\nacme==0.9\n",
        "constraints.txt": "b<2 # why\n",
    }
    found = found_in(tmp_path, files)
    assert (found.packages, found.constraints) == (("a",), ("a==1", "b<2"))


def test_what_the_tests_use(tmp_path: Path) -> None:
    """What the tests import is added where another list declares it, but not what they can do without."""
    files = {
        "pyproject.toml": NAME
        + '[dependency-groups]\ntest = ["a"]\ntyping = ["attrs>=2", "b", "base", "pytest-mock"]\n',
        "tests/test_a.py": "import attr, os\nimport base\ntry:\n    import b\nexcept ImportError:\n    b = None\n"
        "def test(mocker):\n    pass\n",
    }
    found = found_in(tmp_path, files)
    assert found.packages == ("a", "attrs>=2", "pytest-mock")
    assert "attrs, which the tests use, from the dependency group `typing`" in found.source


@pytest.mark.parametrize(
    ("line", "requirement", "packages", "extras"),
    [
        ("import bson", "pymongo>=4", ("pymongo>=4",), ()),
        ("from yaml import load", "PyYAML", ("PyYAML",), ()),
        ("import dateutil.tz", "python-dateutil", ("python-dateutil",), ()),
        ("import markdown_it", "markdown-it-py", ("markdown-it-py",), ()),
        ("import thing", "some-distribution", (), ("thing",)),  # the extra has the module's name
        ("import other", "some-distribution", (), ()),
        ("import thing", "base", (), ()),  # which the project requires without extras, too
    ],
)
def test_modules_of_extras(
    line: str, requirement: str, packages: tuple[str, ...], extras: tuple[str, ...], tmp_path: Path
) -> None:
    """A distribution of an extra is found by the name of a module, however it is called itself."""
    groups = NAME + '[dependency-groups]\ntest = ["a"]\n'
    found = found_in(tmp_path, {"pyproject.toml": groups, "tests/test_a.py": f"{line}\n"}, {"thing": requirement})
    assert (found.packages, found.extras) == (("a", *packages), extras)


def test_a_path_is_one_in_the_copy(tmp_path: Path) -> None:
    """A package of the checkout is installed from the copy that is built: an install writes there."""
    files = {"requirements-test.txt": "-e ./tests/plugin\n", "tests/plugin/pyproject.toml": ""}
    assert found_in(tmp_path, files).packages == (str(tmp_path / "copy" / "tests" / "plugin"),)


PLUGINS = {
    "-n auto": "pytest-xdist",
    "-n4": "pytest-xdist",
    "--cov=acme --cov-report=xml": "pytest-cov",
    "--benchmark-skip": "pytest-benchmark",
    "--timeout=10": "pytest-timeout",
    "--randomly-seed=1": "pytest-randomly",
    "-p xdist": "pytest-xdist",
}
KEYS = {
    'asyncio_mode = "auto"': "pytest-asyncio",
    "timeout = 10": "pytest-timeout",
    'env = ["A=1"]': "pytest-env",
    'DJANGO_SETTINGS_MODULE = "a"': "pytest-django",
    'required_plugins = ["pytest-x>=1"]': "pytest-x>=1",
    'required_plugins = "pytest-x >= 1"': "pytest-x>=1",
    "trio_mode = true": "pytest-trio",
}


@pytest.mark.parametrize(
    ("file", "text", "plugin"),
    [
        *(("pytest.ini", f"[pytest]\naddopts = -q {options}\n", plugin) for options, plugin in PLUGINS.items()),
        *(("pyproject.toml", f"{NAME}[tool.pytest.ini_options]\n{key}\n", plugin) for key, plugin in KEYS.items()),
        ("pyproject.toml", f'{NAME}[tool.pytest]\naddopts = ["-n", "auto"]\n', "pytest-xdist"),
        ("tox.ini", "[pytest]\naddopts = -n auto\n", "pytest-xdist"),
        ("setup.cfg", "[tool:pytest]\naddopts = -n auto\n", "pytest-xdist"),
    ],
)
def test_plugins(file: str, text: str, plugin: str, tmp_path: Path) -> None:
    """A plug-in that pytest's settings need is installed, wherever they are."""
    assert found_in(tmp_path, {file: text}).packages == (plugin,)


@pytest.mark.parametrize(
    ("stated", "specifier"),
    [
        ("*", ""),
        ("^1.2.3", ">=1.2.3,<2"),
        ("^0.2.3", ">=0.2.3,<0.3"),
        ("^0.0.3", ">=0.0.3,<0.0.4"),
        ("^0", ">=0,<1"),
        ("~1.2.3", ">=1.2.3,<1.3"),
        ("~1", ">=1,<2"),
        ("~=1.2", "~=1.2"),
        ("1.2.*", "==1.2.*"),
        ("1.2", "==1.2"),
        (">=1, <2", ">=1,<2"),
        (">=1 <2", ">=1,<2"),
    ],
)
def test_versions_of_poetry(stated: str, specifier: str) -> None:
    """A caret, a tilde and a bare version as poetry means them."""
    assert poetry_version(stated) == specifier


def test_tables_of_poetry() -> None:
    """Extras, markers, alternatives and repositories."""
    stated = {"version": "^1", "extras": ["x"], "python": "^3.11", "markers": "os_name == 'nt'"}
    assert list(from_poetry("a", stated)) == [
        'a[x]>=1,<2 ; (os_name == \'nt\') and (python_full_version >= "3.11" and python_full_version < "4")'
    ]
    assert list(from_poetry("a", ["^1", {"version": "^2"}])) == ["a>=1,<2", "a>=2,<3"]
    assert list(from_poetry("a", {"git": "https://example.org/a.git", "tag": "v1"})) == [
        "a @ git+https://example.org/a.git@v1"
    ]
