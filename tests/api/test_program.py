"""The program that compares two wheels: odd ones, and what is no wheel."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from omni_release import api
from omni_release.api import program
from omni_release.core.errors import Inconclusive
from omni_release.core.world import World
from tests.wheels import write_wheel

F = "def f(a): ...\n"


def compared(tmp_path: Path, old: Path, new: Path) -> dict[str, Any]:
    """What the program writes."""
    program.main([*map(str, (old, new, tmp_path / "work", tmp_path / "result"))])
    document: dict[str, Any] = json.loads((tmp_path / "result").read_text(encoding="utf-8"))
    return document


@pytest.mark.parametrize(
    ("old", "new", "gone"),
    [
        ({"acme/__init__.py": F}, {}, ["acme"]),
        ({"acme/__init__.py": F}, {"acme/data.txt": ""}, ["acme"]),
        ({"acme-stubs/__init__.pyi": F}, {"acme-stubs/__init__.pyi": ""}, ["acme.f"]),
        ({"acme/sub/__init__.py": F}, {"acme/sub/__init__.py": ""}, ["acme.sub.f"]),
        ({"acme-1.0.data/purelib/acme.py": F}, {"acme.py": ""}, ["acme.f"]),
        ({"acme.py": F, "../up.py": F, "/top.py": F}, {"acme.py": F}, []),
        ({"acme.py": F}, {"acme.py/x.py": "", "acme.py": F}, []),
        ({"acme.py": F}, {"acme.cpython-311-x86_64-linux-gnu.so": ""}, []),
        ({"acme.py": f"{F}__all__ = [name for name in dir()]"}, {"acme.py": "__all__ = g()"}, ["acme.f"]),
    ],
)
def test_odd_wheels(tmp_path: Path, old: dict[str, str], new: dict[str, str], gone: list[str]) -> None:
    """Wheels without modules, of stubs, of a namespace, compiled, or with odd names are compared."""
    wheels = [
        write_wheel(tmp_path / version, "acme", version, files) for version, files in (("1.0", old), ("2.0", new))
    ]
    document = compared(tmp_path, *wheels)
    assert [change["name"] for change in document["changes"]] == gone


@pytest.mark.parametrize(("kind", "said"), [("text", "acme"), ("empty", "acme"), ("bomb", "over 50 times its size")])
def test_no_wheel(kind: str, said: str, tmp_path: Path) -> None:
    """What is no archive, or one that would fill the disk, is refused by its name."""
    wheel = tmp_path / "acme-2.0-py3-none-any.whl"
    wheel.write_bytes(b"hello" if kind == "text" else b"")
    if kind == "bomb":
        with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("acme.py", b"#" * 150_000_000)
    document = compared(tmp_path, write_wheel(tmp_path, "acme", "1.0", {"acme.py": F}), wheel)
    assert document.keys() == {"invalid"}
    assert said in document["invalid"] and "acme-2.0" in document["invalid"]


def test_no_wheel_is_inconclusive(tmp_path: Path, world: World) -> None:
    """The comparison has no result then."""
    old, new = write_wheel(tmp_path, "acme", "1.0", {"acme.py": F}), tmp_path / "acme-2.0-py3-none-any.whl"
    new.write_bytes(b"hello")
    with pytest.raises(Inconclusive, match=r"acme-2\.0"):
        api.compare(old, new, tmp_path / "work", world.processes, world.environment)
