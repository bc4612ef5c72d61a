"""The installed release is imported, and its entry points load: real interpreters, and wheels of a few files."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from omni_release.core import causes
from omni_release.core.errors import Inconclusive
from omni_release.core.model import Finding, Outcome, Severity, Status
from omni_release.core.tasks import Check, check
from omni_release.distributions.checks import wheel_complete
from omni_release.environments.checks import public_modules_import, works_with_pip, works_with_uv
from omni_release.environments.public_modules import public_modules
from tests.conftest import RunCheck
from tests.environments import support

Files = Mapping[str, str]
Works = Callable[..., list[Finding]]
EXTRA = ("humanize; extra == 'viz'", "humanize; extra == 'test'", "grpcio; extra == 'test'")

pytestmark = pytest.mark.thorough


@pytest.fixture
def works(run_check: RunCheck, tmp_path: Path) -> Works:
    """A function that runs a check on a project of these files below src/, installed with uv and pip."""

    def run(
        files: Files,
        *,
        points: str = "",
        requires: Sequence[str] = EXTRA,
        body: Check = works_with_uv,
        settings: str = "",
    ) -> list[Finding]:
        wheel = support.wheel(tmp_path / "run" / "dist", files, requires=requires, entry_points=points)
        for name in ("released-uv", "released-pip"):
            support.environment(tmp_path / "workshop" / "environments" / name, wheel)
        return run_check(body, {f"src/{name}": content for name, content in files.items()}, settings)

    return run


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (
            "import humanize",
            "needs humanize, which only the extras viz and test declare\n→ Move it to `dependencies`, or",
        ),
        ("import grpc", "needs grpc (grpcio), which only the extra test declares\n→ Move it"),
        ("import nowhere", "needs nowhere, which no dependency and no extra declares\n→ Add it to `dependencies`"),
        ("from acme import gone", "fails: ImportError: cannot import name 'gone' from"),
        ("import acme.gone", "fails: ModuleNotFoundError: No module named 'acme.gone'"),
        ("import json.gone", "fails: ModuleNotFoundError: No module named 'json.gone'"),
        ("import helper", "needs helper, which is in the checkout, but not in the wheel\n→ Add it to the wheel"),
        ("1 / 0", "fails: ZeroDivisionError: division by zero"),
        ("x = (", "fails: SyntaxError"),
        ("import sys; sys.exit('set ACME_HOME')", "ends the program: set ACME_HOME"),
        ("import os; os._exit(5)", "ends the process: the import ended with exit code 5"),
        ("try: import humanize\nexcept ImportError as e: raise RuntimeError('no') from None", "needs humanize, which"),
        ("import importlib.metadata as m; m.version('acme-core')", "PackageNotFoundError"),
    ],
)
def test_failing_import(body: str, expected: str, works: Works, tmp_path: Path) -> None:
    """A failing import says what is missing, at the project's own line, and who declares it."""
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "helper.py").touch()
    (finding,) = works({"acme/__init__.py": "from acme import plot\n", "acme/plot.py": f"\n{body}\n"})
    assert expected in finding.message
    assert finding.message.startswith("`import acme` ")
    assert finding.severity is Severity.ERROR
    if "ends the process" not in expected:
        assert (finding.path, finding.rule) == ("src/acme/plot.py", "import-fails")


@pytest.mark.parametrize(
    ("body", "points", "lost"),
    [
        ("import acme.sub", "", "acme/sub/__init__.py"),
        ("from acme import sub", "", "acme/sub/__init__.py"),
        ("import acme.sub.deep", "", "acme/sub/__init__.py"),
        ("from acme.one import x", "", "acme/one.py"),
        ("import acme.space.part", "", "acme/space/part.py"),
        ("try: import acme.sub\nexcept ImportError as e: raise RuntimeError('no') from e", "", "acme/sub/__init__.py"),
        ("", "[console_scripts]\nacme = acme.one:main\n", "acme/one.py"),
        ("", "[acme.plugins]\nacme = acme.sub.deep:main\n", "acme/sub/__init__.py"),
        ("import acme.gone", "", ""),
        ("import nowhere", "", ""),
        ("from acme import gone", "", ""),
        ("1 / 0", "", ""),
    ],
)
def test_module_that_the_wheel_lacks(body: str, points: str, lost: str, works: Works, tmp_path: Path) -> None:
    """An import that fails because of a file of the checkout that the wheel lacks is an effect of just that."""
    for name in ("sub/__init__.py", "sub/deep.py", "one.py", "space/part.py"):
        path = tmp_path / "project" / "src" / "acme" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (finding,) = works({"acme/__init__.py": body + "\n"}, points=points)
    wheel = next((tmp_path / "run" / "dist").iterdir()).name
    assert (finding.distribution, finding.subjects) == ((wheel, (lost,)) if lost else ("", ()))
    found = replace(finding, rule=f"works-with-uv/{finding.rule}")
    missing = Finding("missing", "wheel-complete/lost-module", distribution=wheel, subjects=(lost or "acme/one.py",))
    outcomes = [Outcome(f.rule.partition("/")[0], "", "check", Status.FAILED, (f,)) for f in (found, missing)]
    linked, _ = causes.link(outcomes, (check(works_with_uv), check(wheel_complete)))
    assert linked.findings[0].cause == ("wheel-complete/lost-module" if lost else "")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("__version__ = '1.0'", None),
        ("__version__ = '1'", None),
        ("__version__ = '01.00'", None),
        ("__version__ = (1, 0)", None),
        ("class Version:\n  def __str__(self): return '1.0'\n__version__ = Version()", None),
        ("def __getattr__(name):\n  raise RuntimeError", None),
        ("__version__ = 7.5", None),
        ("__version__ = '0.9'", Severity.ERROR),
        ("def __getattr__(name):\n  if name == '__version__': return '0.9'\n  raise AttributeError", Severity.ERROR),
        ("__version__ = 'unknown'", Severity.WARNING),
        ("print('hello'); import warnings; warnings.warn('old', DeprecationWarning)", None),
        ("import threading, time; threading.Thread(target=time.sleep, args=(600,)).start()", None),
        ("import atexit, time; atexit.register(time.sleep, 600)", None),
        ("import sys; sys.modules['acme'] = object()", None),
    ],
)
def test_version(body: str, expected: Severity | None, works: Works) -> None:
    """Versions are compared as such, however a module states them and whatever else its import does."""
    severities = [finding.severity for finding in works({"acme/__init__.py": body + "\n"})]
    assert severities == ([expected] if expected else [])


def test_version_of_another_package(works: Works) -> None:
    """Another package of the project can have a version of its own."""
    (finding,) = works({"acme/__init__.py": "__version__ = '1.0'", "other/__init__.py": "__version__ = '7.0'"})
    assert finding.severity is Severity.WARNING
    assert finding.message.startswith("other.__version__ is 7.0, the release is 1.0\n→ Write 1.0 where other states it")


CLOUD = "import google.auth.transport\n"
BESIDE = {"acme/__init__.py": "", "acmed/__init__.py": CLOUD}
PARTS = {"acme/core/__init__.py": "", "acme/cloud/__init__.py": CLOUD}


@pytest.mark.parametrize(
    ("files", "requires", "expected"),
    [
        (PARTS, "google-auth; extra == 'cloud'", Severity.WARNING),
        (PARTS, "google-auth; extra == 'dev'", Severity.ERROR),
        (PARTS, "google-cloud-storage; extra == 'cloud'", Severity.ERROR),
        ({"acme/cloud/__init__.py": "from google.auth import x"}, "google-auth; extra == 'cloud'", Severity.ERROR),
        ({**PARTS, "acme/__init__.py": ""}, "google-auth; extra == 'cloud'", None),
        (BESIDE, "google-auth; extra == 'cloud'", Severity.WARNING),
        (BESIDE, "google-auth; extra == 'dev'", Severity.ERROR),
        ({"acme/__init__.py": CLOUD, "acmed/__init__.py": ""}, "google-auth; extra == 'cloud'", Severity.ERROR),
        ({"other/__init__.py": "", "acmed/__init__.py": CLOUD}, "google-auth; extra == 'cloud'", Severity.ERROR),
    ],
    ids=[
        *("for an extra", "for development", "for another", "the only part", "a package"),
        *("beside the package", "beside, for development", "the package itself", "beside another"),
    ],
)
def test_for_an_extra(files: Files, requires: str, expected: Severity | None, works: Works) -> None:
    """A part of a namespace may need an extra, where another does not; so may a package beside the project's own.

    A package's modules are not imported.
    """
    assert [finding.severity for finding in works(files, requires=[requires])] == ([expected] if expected else [])


@pytest.mark.parametrize(
    "files", [{"acme/tools/__init__.py": ""}, {"acme-stubs/__init__.pyi": ""}, {"acme.py": "VALUE = 1"}, {}]
)
def test_layouts(files: Files, works: Works) -> None:
    """A namespace, stubs, a module, and a wheel with nothing to import."""
    assert works(files) == []


def test_slow_import(works: Works) -> None:
    """An import that takes too long is inconclusive, and the setting is named."""
    slow = "[tool.omni-release.verify]\ntimeout = 0.5"
    with pytest.raises(Inconclusive, match=r"within 0\.5 s: the import of acme") as raised:
        works({"acme/__init__.py": "import time; time.sleep(60)"}, settings=slow)
    assert raised.value.hint == "Raise `timeout` in [tool.omni-release.verify]."


GUARDED = "if __name__ == '__main__':\n    from acme import main\n"


@pytest.mark.parametrize(
    ("point", "body", "severity", "expected"),
    [
        ("[pytest11]\na = acme.plug", "import grpc_tools", "notice", "its host is not installed here (grpc_tools)"),
        ("[sphinx.builders]\na = acme.plug:main", "import sphinx.application", "notice", "its host is not"),
        ("[paste.server_runner]\na = acme.plug", "from paste.x import y", "notice", "its host is not installed here"),
        ("[any.group]\na = acme.plug", "import humanize", "notice", "needs the extras viz and test (humanize)"),
        ("[any.group]\na = acme.plug", "import acme.gone", "error", "the wheel does not contain acme.gone"),
        ("[any.group]\na = acme_gone.plug", "", "error", "names acme_gone, which the wheel does not contain"),
        ("[any.group]\na = acme.plug", "1 / 0", "error", "ZeroDivisionError"),
        ("[any.group]\na = acme.plug:gone", "", "error", "has no attribute 'gone'"),
        ("[any.group]\na = acme.plug", "import json.gone", "error", "No module named 'json.gone'"),
        ("[console_scripts]\na = acme.plug:main [viz]", "import humanize", "warning", "only the extras viz and test"),
        ("[console_scripts]\na = acme.plug:main", "import humanize", "warning", "only the extras viz and test"),
        ("[console_scripts]\na = acme.plug:main", "import grpc", "error", "only the extra test declares\n→ Add it"),
        ("[console_scripts]\na = acme.plug:main", "import nowhere", "error", "no dependency and no extra declares"),
        ("[console_scripts]\na = acme.plug", "", "error", "write `module:function`"),
        ("[console_scripts]\na = acme.plug:x", "x = 1", "error", "cannot be called"),
        ("[console_scripts]\na = acme.plug:main", GUARDED, "error", "only under `if __name__ =="),
        ("[gui_scripts]\na = acme.plug:gone", "", "error", "To try it: "),
        ("[console_scripts]\na = acme-plug:main", "", "error", "is invalid"),
        ("[console_scripts]\na = acme.plug:main", "def main(): pass", None, ""),
        ("[any.group]\na = acme.plug:x", "x = 1", None, ""),
    ],
)
def test_entry_points(point: str, body: str, severity: str | None, expected: str, works: Works) -> None:
    """An entry point blocks where its own code is at fault, not where its host or an extra is not installed."""
    found = works({"acme/__init__.py": "", "acme/plug.py": body + "\n"}, points=f"{point}\n")
    assert [finding.severity for finding in found] == ([severity] if severity else [])
    assert all(expected in finding.message for finding in found)


def test_shared_findings(works: Works) -> None:
    """What works-with-uv reports is said by works-with-pip in one line."""
    points = "[console_scripts]\na = acme.plug:main\nb = acme.plug:main\n"
    broken = {"acme/__init__.py": "", "acme/plug.py": "1 / 0\n"}
    assert len(works(broken, points=points)) == 2
    (finding,) = works(broken, points=points, body=works_with_pip)
    assert (finding.message, finding.severity) == ("the same 2 findings as in `works-with-uv`", Severity.ERROR)


NAMES = (
    "acme/__init__.py acme/a.py acme/__main__.py acme/_b.py acme/_c/d.py acme/tests/t.py acme/conftest.py acme/e.pyi "
    "acme/f/__init__.py acme/f/g.py acme/test_h.py acme/templates/__init__.py acme/templates/i.py acme/data/j.py "
    "acme/k-l.py other/m.py space/acme/__init__.py space/acme/n.py acme/f/_vendor/o.py acme/py.typed"
)


def test_public_modules() -> None:
    """Private modules, tests, files without a package and other top-level packages are not public modules."""
    found = list(public_modules(NAMES.split(), ["acme", "space.acme"]))
    assert found == ["acme.a", "acme.f", "acme.f.g", "space.acme.n"]


@pytest.mark.parametrize(
    ("files", "points", "expected"),
    [
        ({"a.py": "import humanize", "b.py": "from acme import a"}, "", ["; so does `acme.b`"]),
        ({"a.py": "import humanize"}, "", ["needs humanize, which only the extras viz and test declare"]),
        ({"a.py": "import nowhere"}, "", ["needs nowhere, which no dependency and no extra declares"]),
        ({"a.py": "try: import humanize\nexcept ImportError as e: raise ImportError('install acme[viz]')"}, "", []),
        ({"a.py": "import winreg"}, "", []),
        ({"a.py": "import nowhere_on_this"}, "[any.group]\na = acme.a", []),
        ({"win32.py": "import nowhere"}, "", []),
        ({"a.py": "raise ImportError('only for Windows')"}, "", []),
        ({"a.py": "import os; os._exit(3)", "b.py": "import humanize"}, "", ["acme.b` needs", "ends the process"]),
        ({"a.py": "undefined"}, "", ["NameError: name 'undefined' is not defined"]),
        ({"a.py": "raise RuntimeError('call setup() first')"}, "", ["RuntimeError: call setup() first"]),
        ({"__main__.py": "1 / 0", "_b.py": "1 / 0", "c.py": "print(1)"}, "", []),
        ({"__init__.py": "import nowhere", "a.py": ""}, "", []),
        # The second import of `b` would fail only because of the first module.
        ({"a.py": "import acme; acme.x = 1", "b.py": "import acme; assert not hasattr(acme, 'x')"}, "", []),
    ],
)
def test_public_modules_import(files: Files, points: str, expected: list[str], works: Works) -> None:
    """A public module that needs an extra is a finding that names it; a package that fails is another check's."""
    inside = {"acme/__init__.py": ""} | {f"acme/{name}": content + "\n" for name, content in files.items()}
    found = works(inside, points=points, body=public_modules_import)
    assert len(found) == len(expected)
    for part, finding in zip(expected, found, strict=True):
        assert part in finding.message
