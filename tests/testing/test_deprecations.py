"""Deprecation warnings are attributed to the project or to third-party code, from real interpreters."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path, PurePosixPath

import pytest

from omni_release.core.model import Finding, Severity
from omni_release.environments.code_places import CodePlaces
from omni_release.scripts import warnings_recorder
from omni_release.testing import deprecations as testing

START = (
    "import sys; sys.path[:0] = {path}; import recorder_under_test; recorder_under_test.install({target!r}, ['acme'])\n"
)


class World:
    """Two folders: site-packages (with the project's own package `acme`), and its tests."""

    def __init__(self, root: Path) -> None:
        self.site = root / "site"
        self.tests = root / "tests"
        self.target = root / "warnings.jsonl"
        for folder in (self.site / "acme", self.site / "other", self.tests):
            folder.mkdir(parents=True)
        source = Path(warnings_recorder.__file__).read_text(encoding="utf-8")
        (self.site / "recorder_under_test.py").write_text(source, encoding="utf-8")
        (self.site / "acme" / "__init__.py").write_text("", encoding="utf-8")
        own = ((self.site / "acme", PurePosixPath("src/acme")), (self.tests, PurePosixPath()))
        self.places = CodePlaces(own, self.site)

    def write(self, **files: str) -> None:
        """Modules by name: `acme_x` is acme/x.py, `other` is other/__init__.py, any other a file of the tests."""
        for name, text in files.items():
            package, _, module = name.partition("_")
            folder = self.site / package if package in ("acme", "other") else self.tests
            file = f"{module or '__init__'}.py" if folder != self.tests else f"{name}.py"
            (folder / file).write_text(text, encoding="utf-8")

    def run(self, code: str, *options: str) -> None:
        """Run code as the tests' file main.py, with the recorder installed."""
        start = START.format(path=[str(self.site), str(self.tests)], target=str(self.target))
        (self.tests / "main.py").write_text(code, encoding="utf-8")
        command = [
            sys.executable,
            *options,
            "-c",
            f"{start}import runpy; runpy.run_path({str(self.tests / 'main.py')!r})",
        ]
        environment = {key: value for key, value in os.environ.items() if key != "PYTHONWARNINGS"}
        subprocess.run(command, check=True, capture_output=True, env=environment, cwd=self.tests)

    def findings(self) -> list[Finding]:
        """All findings."""
        return list(testing.deprecation_findings(testing.read_deprecations(self.target), self.places))

    def error(self) -> tuple[str | None, int | None]:
        """The place of the one error."""
        (finding,) = [f for f in self.findings() if f.severity is Severity.ERROR]
        return finding.path, finding.line


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Two new folders."""
    return World(tmp_path.resolve())


@pytest.mark.parametrize(
    "code",
    [
        "import warnings\ndef f():\n    warnings.warn('old', DeprecationWarning)\n",
        "import warnings\ndef f():\n    warnings.warn('old', DeprecationWarning, stacklevel=2)\n",
        "import warnings\ndef f():\n    warnings.warn_explicit('old', DeprecationWarning, 'elsewhere.py', 1)\n",
        "from typing_extensions import deprecated\n@deprecated('old')\ndef f():\n    pass\n",
        "from typing_extensions import deprecated\n@deprecated('old')\nclass f:\n    pass\n",
        "import warnings\ndef __getattr__(name):\n    warnings.warn('old', DeprecationWarning)\n    return print\n",
    ],
)
def test_own_deprecations(code: str, world: World) -> None:
    """A deprecation of the project itself, which its tests use, is a notice, however it is declared."""
    world.write(acme_x=code)
    world.run("import acme.x\nacme.x.f()\n")
    (finding,) = world.findings()
    assert finding.severity is Severity.NOTICE
    assert "a deprecation of the project itself" in finding.message


HELPER = "import warnings\ndef warn(text):\n    warnings.warn(text, DeprecationWarning, stacklevel=2)\n"


@pytest.mark.parametrize(
    ("text", "severity"),
    [
        ("'The option --old is deprecated.'", Severity.NOTICE),
        ("f'The option --old is deprecated ' 'and goes with version {2 + 2}.'", Severity.NOTICE),
        ("other.TEXT", Severity.ERROR),
    ],
)
def test_own_deprecations_through_a_function(text: str, severity: Severity, world: World) -> None:
    """A warning whose text is in the project's code is its own, also where another package's function gives it."""
    world.write(
        other=f"{HELPER}TEXT = 'The option --old is deprecated.'\n", acme_x=f"import other\nother.warn({text})\n"
    )
    world.run("import acme.x\n")
    (finding,) = world.findings()
    assert finding.severity is severity


@pytest.mark.parametrize(
    ("around", "severity"),
    [
        ("with warnings.catch_warnings():\n    warnings.simplefilter('ignore')\n    {}", Severity.WARNING),
        ("with warnings.catch_warnings():\n    warnings.filterwarnings('ignore', 'old')\n    {}", Severity.WARNING),
        ("with warnings.catch_warnings():\n    warnings.filterwarnings('ignore', 'new')\n    {}", Severity.ERROR),
        ("with warnings.catch_warnings():\n    {}", Severity.ERROR),
        ("warnings.simplefilter('ignore')\n{}", Severity.ERROR),
    ],
)
def test_ignored_on_purpose(around: str, severity: Severity, world: World) -> None:
    """What the project's code ignores just where it causes it is a warning; a filter for all hides nothing."""
    code = "import warnings\nimport other\n" + around.format("other.warn('old')")
    world.write(other=HELPER, acme_x=code)
    world.run("import acme.x\n")
    (finding,) = world.findings()
    assert finding.severity is severity


@pytest.mark.parametrize(
    "code",
    [
        "import other\nother.f()\n",
        (
            "import sys\nif sys.version_info < (3, 12):\n    compile(r\"'\\d'\", __file__, 'eval')\n"
            "else:\n    x = True\n    ~x\n"
        ),
    ],
)
@pytest.mark.parametrize(("module", "severity"), [("acme_x", Severity.ERROR), ("helper", Severity.WARNING)])
def test_severity_by_caller(code: str, module: str, severity: Severity, world: World) -> None:
    """What the project's code causes is an error, what its tests cause a warning, of Python and of C code."""
    world.write(other="import warnings\ndef f():\n    warnings.warn('old', DeprecationWarning, stacklevel=2)\n")
    world.write(**{module: code})
    world.run(f"import {module.replace('_', '.')}\n", "-W", "always")
    (finding,) = world.findings()
    assert finding.severity is severity


def test_stacklevel_names_the_caller(world: World) -> None:
    """A warning of third-party code about its caller has the line of the project."""
    world.write(other="import warnings\ndef f():\n    warnings.warn('old', DeprecationWarning, stacklevel=2)\n")
    world.write(acme_x="import other\ndef g():\n    other.f()\n")
    world.run("import acme.x\nacme.x.g()\n")
    assert world.error() == ("src/acme/x.py", 3)


def test_direct_call_without_stacklevel(world: World) -> None:
    """A deprecated function that warns with its own line is reported at the call in the project."""
    world.write(other="import warnings\ndef f():\n    warnings.warn('old', FutureWarning)\n")
    world.write(acme_x="import other\n\nother.f()\n")
    world.run("import acme.x\n")
    assert world.error() == ("src/acme/x.py", 3)


def test_import_of_a_deprecated_package(world: World) -> None:
    """A package that warns when it is imported is reported at the import."""
    world.write(other="import warnings\nwarnings.warn('use new', FutureWarning)\n")
    world.write(acme_x="import sys\nimport other\n")
    world.run("import acme.x\n")
    assert world.error() == ("src/acme/x.py", 2)


def test_ignored_by_the_package_itself(world: World) -> None:
    """What a package ignores in its own code is not the project's, which only imports it."""
    within = "import warnings\nwith warnings.catch_warnings():\n    warnings.simplefilter('ignore')\n    {}\n"
    world.write(other=within.format("warnings.warn('old', DeprecationWarning)"), acme_x="import other\n")
    world.run("import acme.x\n")
    (finding,) = world.findings()
    assert finding.severity is Severity.NOTICE


def test_third_party_code(world: World) -> None:
    """A warning between two third-party packages is a notice."""
    (world.site / "inner.py").write_text("import warnings\nwarnings.warn('3.11', FutureWarning)\n", encoding="utf-8")
    world.write(other="import inner\n", acme_x="import other\n")
    world.run("import acme.x\n")
    (finding,) = world.findings()
    assert finding.severity is Severity.NOTICE
    assert "within inner.py" in finding.message


@pytest.mark.parametrize(
    "around",
    [
        "try:\n    {}\nexcept Exception:\n    pass\n",
        "with warnings.catch_warnings():\n    warnings.simplefilter('ignore')\n    {}\n",
        "warnings.filterwarnings('error')\ntry:\n    {}\nexcept PendingDeprecationWarning:\n    pass\n",
        "for _ in range(3):\n    {}\n",
        "from warnings import warn\nwarnings = type('', (), {{'warn': warn}})\n{}\n",
    ],
)
def test_hidden_warnings(around: str, world: World) -> None:
    """A swallowed, ignored, raised, repeated or aliased warning is reported once."""
    code = "import warnings\n" + around.format("warnings.warn('old', PendingDeprecationWarning)")
    world.run(code, "-W", "ignore")
    (finding,) = world.findings()
    assert finding.path == "main.py"


@pytest.mark.parametrize(
    "code",
    [
        "import pytest\nwith pytest.warns(DeprecationWarning):\n    f()\n",
        "import pytest\nwith pytest.deprecated_call():\n    f()\n",
        "import unittest\nwith unittest.TestCase().assertWarns(DeprecationWarning):\n    f()\n",
        "with warnings.catch_warnings(record=True):\n    f()\n",
    ],
)
def test_expected_warnings(code: str, world: World) -> None:
    """A warning that a test catches on purpose is not a finding."""
    world.run("import warnings\ndef f():\n    warnings.warn('old', DeprecationWarning)\n" + code)
    assert world.findings() == []


def test_other_categories(world: World) -> None:
    """Only deprecations are recorded."""
    world.run(
        "import warnings\nwarnings.warn('hm')\nwarnings.warn('hm', ResourceWarning)\nwarnings.warn(UserWarning('x'))\n"
    )
    assert world.findings() == []


def test_warning_of_c_code(world: World) -> None:
    """A warning of the interpreter itself is recorded."""
    world.run("compile(r\"'\\d'\", 'x', 'eval')\nimport ast\nast.Num\n", "-W", "always")
    assert world.findings()


def test_incomplete_line(world: World) -> None:
    """An incomplete line of a killed process is skipped."""
    world.run("import warnings\nwarnings.warn('old', DeprecationWarning)\n")
    with world.target.open("ab") as file:
        file.write(b'{"category": "Depr')
    assert len(world.findings()) == 1


def test_imports(world: World) -> None:
    """Each process records the files of the imported packages."""
    world.run("import acme\n")
    assert list(testing.read_imports(world.target)) == [("acme", str(world.site / "acme" / "__init__.py"))]
    assert world.findings() == []


def test_recorder_never_fails_the_program(world: World) -> None:
    """Neither a file that cannot be written nor a wrong call of warn changes the program under test."""
    world.target.mkdir()
    world.run(
        "import warnings\nwarnings.warn('old', DeprecationWarning)\n"
        "try:\n    warnings.warn()\nexcept TypeError:\n    pass\nelse:\n    raise SystemExit(1)\n"
    )
