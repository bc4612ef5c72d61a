"""Syntax and modules that the oldest Python does not have."""

from __future__ import annotations

import pytest

from omni_release.code.python_checks import code_fits_python
from omni_release.core.errors import NotApplicable
from tests.conftest import RunCheck

PYPROJECT = '[project]\nname = "acme"\nversion = "1.0"\nrequires-python = "{}"\ndependencies = [{}]\n'
NEWER = {
    "match 1:\n    case 1:\n        pass\n": "newer-syntax",
    "print(f'{'a'}')\n": "newer-syntax",
    "def f[T](x: T) -> T:\n    return x\n": "newer-syntax",
    "type X = int\n": "newer-syntax",
    "try:\n    pass\nexcept* OSError:\n    pass\n": "newer-syntax",
    "import tomllib\n": "newer-module",
    "import tomllib as toml\n": "newer-module",
    "from tomllib import loads\n": "newer-module",
    "from typing import Any, Self\n": "newer-module",
    "from enum import StrEnum\n": "newer-module",
    "from asyncio import TaskGroup\n": "newer-module",
    "import asyncio\n\nasync def f():\n    async with asyncio.TaskGroup():\n        pass\n": "newer-module",
    "import datetime as dt\n\ndef f():\n    return dt.datetime.now(dt.UTC)\n": "newer-module",
    "from dataclasses import dataclass\n\n@dataclass(slots=True)\nclass A:\n    pass\n": "newer-module",
    "x = list(zip([1], [2], strict=True))\n": "newer-module",
    "def f():\n    raise ExceptionGroup('', [])\n": "newer-module",
    "def f(x: int | None):\n    pass\n": "newer-syntax",
    "class A:\n    x: str | int = 1\n": "newer-syntax",
}
SOUND = (
    "import sys\nif sys.version_info >= (3, 11):\n    import tomllib\nelse:\n    import tomli as tomllib\n",
    "try:\n    import tomllib\nexcept ImportError:\n    tomllib = None\n",
    "try:\n    from enum import StrEnum\nexcept ImportError:\n    StrEnum = str\n",
    "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from typing import Self\n",
    "def load():\n    import tomllib\n    return tomllib\n",
    "from acme.tomllib import loads\n",
    "from .tomllib import loads\n",
    "import zoneinfo\nfrom typing import Annotated\nif (n := 1):\n    pass\n",
    "x = 'import tomllib'\n",
    "from __future__ import annotations\n\ndef f(x: int | None):\n    y: int | None = x\n",
    "def f():\n    y: int | None = 1\n",
    "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    def f(x: int | None): ...\n",
    "from builtins import zip\nfrom other import asyncio, zip\n\nasyncio.TaskGroup(zip([1], [2], strict=True))\n",
    "import asyncio\nx = asyncio.timeout if hasattr(asyncio, 'timeout') else None\n",
    "import datetime\ntry:\n    UTC = datetime.UTC\nexcept AttributeError:\n    UTC = datetime.timezone.utc\n",
    "class ExceptionGroup(Exception):\n    pass\n\nraise ExceptionGroup\n",
    "def f(x: list[int], strict=False):\n    return strict\n",
)


@pytest.mark.parametrize("required", ["~=3.9", ">=3.9.2,<4"])
def test_newer(required: str, run_check: RunCheck) -> None:
    """What is newer than the lower bound is found, each with its line; what is guarded is not."""
    modules = {f"acme/m{number}.py": code for number, code in enumerate((*NEWER, *SOUND))}
    files = {"acme/__init__.py": "", **modules, "tests/test_a.py": "import tomllib\n", "acme/b.py": "not Python\n"}
    found = run_check(code_fits_python, {**files, "pyproject.toml": PYPROJECT.format(required, "")})
    expected = {f"acme/m{number}.py": rule for number, rule in enumerate(NEWER.values())}
    assert {finding.path: finding.rule for finding in found} == expected
    assert all(finding.line for finding in found)


@pytest.mark.parametrize(
    ("required", "dependency", "code", "found"),
    [
        (">=3.12", "", "\n".join(code for code, rule in NEWER.items() if rule == "newer-module"), False),
        (">=3.12", "", "type X = int\n", False),
        (">=3.13", "", "from warnings import deprecated\n", False),
        (">=3.12", "", "from warnings import deprecated\n", True),
        (">=3.6", "", "import dataclasses\n", True),
        (">=3.6", "\"dataclasses; python_version < '3.7'\"", "import dataclasses\n", False),
        (">=3.6", "", "if (n := 1):\n    pass\n", True),
        (">=3.8", '"graphlib-backport"', "import graphlib\n", False),
        (">=3.8", "", "def f(x: list[int]): ...\n", True),
        (">=3.10", "", "def f(x: list[int] | None): ...\n", False),
        (">=3.10", "", "zip([1], [2], strict=True)\n", False),
    ],
)
def test_bounds(required: str, dependency: str, code: str, found: bool, run_check: RunCheck) -> None:
    """The bound decides, and a dependency that brings the module."""
    files = {"acme/__init__.py": code, "pyproject.toml": PYPROJECT.format(required, dependency)}
    assert bool(run_check(code_fits_python, files)) is found


@pytest.mark.parametrize("required", ["", ">=2.7", "<4", ">=next"])
def test_no_bound(required: str, run_check: RunCheck) -> None:
    """Without an oldest Python 3 there is nothing to compare with."""
    files = {"acme/__init__.py": "import tomllib\n", "pyproject.toml": PYPROJECT.format(required, "")}
    with pytest.raises(NotApplicable, match="no oldest Python 3"):
        run_check(code_fits_python, files)
