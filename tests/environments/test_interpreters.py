"""Which Pythons a wheel promises, and which of them are tried."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import pytest

from omni_release.core import settings
from omni_release.core.errors import Inconclusive
from omni_release.core.model import Release
from omni_release.core.world import ToolAnswer, World
from omni_release.environments import interpreters
from omni_release.environments.interpreters import Python
from tests.wheels import write_wheel

CLASSIFIER = "Classifier: Programming Language :: Python :: "
OF_PYPY = f"{CLASSIFIER}Implementation :: PyPy"


def entry(key: str, path: str | None) -> dict[str, Any]:
    """An entry of `uv python list`, as `cpython-3.12.1` or `cpython-3.13.0+freethreaded`."""
    implementation, _, rest = key.partition("-")
    version, _, variant = rest.partition("+")
    return {"version": version, "implementation": implementation, "variant": variant or "default", "path": path}


HERE = (
    entry("cpython-3.15.0a2", "/alpha"),
    entry("cpython-3.12.4", "/first/3.12"),
    entry("cpython-3.12.4", "/second/3.12"),
    entry("cpython-3.12.1", "/old/3.12"),
    entry("cpython-3.13.0+freethreaded", "/3.13t"),
    entry("cpython-3.13.0+debug", "/3.13d"),
    entry("cpython-3.10.2", "/3.10"),
    entry("pypy-3.10.16", "/pypy"),
    entry("cpython-2.7.18", "/2.7"),
    entry("cpython-3.14.1", None),
    entry("cpython-3.12.4-odd", "/odd"),
)


@dataclass(frozen=True)
class Uv:
    """uv, which finds these Pythons."""

    entries: tuple[Mapping[str, Any], ...]
    code: int = 0

    def ask(self, *argv: str, cwd: Path, environment: Mapping[str, str]) -> ToolAnswer:
        """The list of Pythons."""
        return ToolAnswer(self.code, json.dumps(self.entries), "")


def chosen(
    release: Release, world: World, pythons: Literal["all"] | tuple[str, ...], *headers: str, uv: Uv | None = None
) -> interpreters.Chosen:
    """What is chosen for this setting, and a wheel with these lines in its metadata."""
    changed = replace(release.project.settings, tests=settings.Tests(pythons=pythons))
    release = replace(release, project=replace(release.project, settings=changed))
    write_wheel(release.dist, "acme", "1.0", {}, *headers)
    asked = replace(world, processes=uv or Uv(HERE))  # type: ignore[arg-type]  # as much of them as is used
    return interpreters.choose(release, asked)


@pytest.mark.parametrize(
    ("pythons", "headers", "here", "missing"),
    [
        ("all", ("Requires-Python: >=3.10,<3.15",), "/3.10 /first/3.12", "3.11 3.13 3.14"),
        ("all", ("Requires-Python: >=3.8,<3.13",), "/3.10 /first/3.12", "3.8 3.9 3.11"),
        ("all", ("Requires-Python: >=3.10.5,!=3.11.*,<3.13",), "/first/3.12", "3.10"),
        ("all", ("Requires-Python: >=3.10,<3.13,!=3.12.4",), "/3.10 /old/3.12", "3.11"),
        ("all", ("Requires-Python: >=3.12,<3.13", OF_PYPY), "/first/3.12", "pypy3.11"),
        ("all", ("Requires-Python: >=3.10,<3.11", OF_PYPY), "/3.10 /pypy", ""),
        ("all", (f"{CLASSIFIER}3.12", f"{CLASSIFIER}3.9", f"{CLASSIFIER}3"), "/first/3.12", "3.9"),
        (("3.12", "3.9"), ("Requires-Python: >=3.9",), "/first/3.12", "3.9"),
        (("3.12.1", "3.13t", "pypy3.10"), (), "/old/3.12 /3.13t /pypy", ""),
        (("3.13", "3.15", "cpython3.10", "3.10"), (), "/3.10", "3.13 3.15"),
        (("3.12.1", "3.12", "3.12.4", "3.12.1"), (), "/old/3.12 /first/3.12", ""),
    ],
)
def test_chosen(
    pythons: Literal["all"] | tuple[str, ...],
    headers: tuple[str, ...],
    here: str,
    missing: str,
    release: Release,
    world: World,
) -> None:
    """Of each Python that is promised, or named, the newest allowed patch is tried; the others are missing by name."""
    found = chosen(release, world, pythons, *headers)
    assert " ".join(python.path for python in found.here) == here
    assert len({python.label for python in found.here}) == len(found.here)
    assert found.missing == tuple(map(Python.named, missing.split()))


@pytest.mark.parametrize(
    ("uv", "headers", "message"),
    [
        (None, (), "states no `requires-python` and no classifier of a Python version"),
        (Uv(()), ("Requires-Python: >=3.10",), "`uv python list` finds no Python"),
        (Uv(HERE, 2), ("Requires-Python: >=3.10",), "`uv python list` finds no Python"),
    ],
)
def test_unknown(uv: Uv | None, headers: tuple[str, ...], message: str, release: Release, world: World) -> None:
    """Where it is not known which Pythons are promised, or here, the check is inconclusive."""
    with pytest.raises(Inconclusive, match=message):
        chosen(release, world, "all", *headers, uv=uv)


@pytest.mark.parametrize(
    ("wheels", "python", "expected"),
    [
        ("py3-none-any", "3.9", "py3-none-any"),
        ("cp312-cp312-PLATFORM cp313-cp313-PLATFORM", "3.13", "cp313-cp313-PLATFORM"),
        ("cp312-cp312-PLATFORM", "3.13", "sdist"),
        ("cp39-abi3-PLATFORM", "3.13", "cp39-abi3-PLATFORM"),
        ("cp39-abi3-PLATFORM", "pypy3.10", "sdist"),
        ("pp310-pypy310_pp73-PLATFORM", "pypy3.10", "pp310-pypy310_pp73-PLATFORM"),
        ("pp311-pypy311_pp73-PLATFORM", "pypy3.10", "sdist"),
        ("cp313-cp313-PLATFORM cp313-cp313t-PLATFORM", "3.13t", "cp313-cp313t-PLATFORM"),
    ],
)
def test_file_for(wheels: str, python: str, expected: str, tmp_path: Path) -> None:
    """Of the distributions, the one is installed that an installer takes on this Python: a wheel, else the sdist."""
    from packaging.tags import platform_tags

    platform = next(iter(platform_tags()))
    for tag in wheels.replace("PLATFORM", platform).split():
        (tmp_path / f"acme-1.0-{tag}.whl").touch()
    (tmp_path / "acme-1.0.tar.gz").touch()
    found = interpreters.file_for(tmp_path, Python.named(python)).name
    wanted = f"acme-1.0-{expected.replace('PLATFORM', platform)}.whl"
    assert found == ("acme-1.0.tar.gz" if expected == "sdist" else wanted)
