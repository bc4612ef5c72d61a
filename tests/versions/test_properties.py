"""For generated files of each kind: set(X) then show gives X, set(OLD) gives the old bytes, nothing else changes."""

from __future__ import annotations

import contextlib
import os
import random
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from omni_release import versions
from omni_release.core.errors import OmniReleaseError
from omni_release.versions.pep440 import equals
from tests.versions.support import change, contents

PYPROJECT = '[project]\nname = "acme"\nversion = "{v}"\n'
DYNAMIC = '[project]\nname = "acme"\ndynamic = ["version"]\n'
LOCK = """[[package]]
name = "acme"
version = "{v}"
source = {{ virtual = "." }}

[[package]]
name = "babel"
version = "{o}"
source = {{ registry = "https://example.invalid" }}
"""
SETUP = """from setuptools import setup
setup(name="acme", version="{v}", install_requires=["babel=={o}"])
"""
REQUIRES = '[build-system]\nrequires = ["babel=={o}"]\n'
DEPENDS = '[tool.poetry.dependencies]\nbabel = "{o}"\n'
KINDS: dict[str, tuple[str, str]] = {
    "pyproject": ("pyproject.toml", REQUIRES + PYPROJECT),
    "poetry": ("pyproject.toml", '[tool.poetry]\nname = "acme"\nversion = "{v}"\n' + DEPENDS),
    "module": ("acme/__init__.py", '"""Acme, deprecated:: {o}"""\n__version__ = "{v}"\nOTHER = "{o}"\n'),
    "annotated": ("acme/__init__.py", "__version__: str = '{v}'  # {o}\n"),
    "chained": ("acme/__init__.py", "VERSION = __version__ = '{v}'\n"),
    "tuple": ("acme/version.py", "VERSION = ({t})\nPYTHON = (3, 13)\n"),
    "setup.cfg": ("setup.cfg", "[metadata]\nname = acme\nversion = {v}\n[options]\ninstall_requires = babel=={o}\n"),
    "setup.py": ("setup.py", SETUP),
    "citation": ("CITATION.cff", "cff-version: 1.2.0\nversion: {v}\nreferences:\n  - version: {o}\n"),
    "bare": ("VERSION", "{v}\n"),
    "conf": ("docs/conf.py", 'release = "{v}"\nneeds_sphinx = "{o}"\n'),
    "uv.lock": ("uv.lock", LOCK),
    "cargo": ("Cargo.toml", '[package]\nname = "acme"\nversion = "{v}"\n[dependencies]\nbabel = "{o}"\n'),
    "package.json": ("package.json", '{{"name": "acme", "version": "{v}", "dependencies": {{"babel": "{o}"}}}}'),
    "bumpversion": (".bumpversion.cfg", "[bumpversion]\ncurrent_version = {v}\n"),
}  # fmt: skip
number = st.integers(0, 30)
release = st.tuples(st.integers(2, 30), number, number)
STYLES: tuple[Callable[[str], bytes], ...] = (
    lambda text: text.encode(),
    lambda text: text.replace("\n", "\r\n").encode(),
    lambda text: text.encode("utf-8-sig"),
    lambda text: text.rstrip("\n").encode(),
    lambda text: text.replace(" = ", "\t=\t").encode(),
)


@contextlib.contextmanager
def project(kind: str, old: str, style: Callable[[str], bytes]) -> Iterator[Path]:
    """A project whose file of one kind says `old`."""
    path, pattern = KINDS[kind]
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        if path != "pyproject.toml" and kind not in ("setup.cfg", "setup.py"):
            (root / "pyproject.toml").write_text(PYPROJECT.format(v=old), encoding="utf-8")
        if "acme" not in path:
            (root / "acme").mkdir()
            (root / "acme" / "__init__.py").write_text("", encoding="utf-8")
        (root / path).parent.mkdir(exist_ok=True)
        text = pattern.format(v=old, o=old, t=", ".join(old.split(".")))
        (root / path).write_bytes(style(text))
        yield root


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(old=release, new=release, pre=st.sampled_from(["", "a1", "rc2"]), style=st.sampled_from(STYLES))
def test_set_and_back(
    kind: str, old: tuple[int, ...], new: tuple[int, ...], pre: str, style: Callable[[str], bytes]
) -> None:
    """What is set is shown, in every place; setting the old one gives the old bytes."""
    was, wanted = ".".join(map(str, old)), ".".join(map(str, new)) + pre
    if kind == "citation" and style is STYLES[4]:
        return  # YAML has no `=`
    with project(kind, was, style) as root:
        before = contents(root)
        change(root, "set", wanted)
        found = versions.find_places(str(root)).places
        assert KINDS[kind][0] in {place.path for place in found}
        assert all(equals(place.value, wanted, place.form) for place in found)
        others = before[KINDS[kind][0]].count(was.encode())
        assert others < 2 or was == wanted or contents(root)[KINDS[kind][0]].count(was.encode()) >= 1
        change(root, "set", was)
        assert contents(root) == before


ODD = [b'"', b"'", b"[", b"]", b"{", b"}", b"\0", b"\xff\xfe", b"\r", b"\\", b"(", b"#", b"1.2.3"]


def mutated(data: bytes, dice: random.Random) -> bytes:
    """A file that something went wrong with."""
    made = bytearray(data)
    for _ in range(dice.randint(1, 4)):
        at = dice.randrange(len(made) + 1)
        match dice.randrange(5):
            case 0:
                del made[at : at + dice.randint(1, 9)]
            case 1:
                made[at:at] = bytes(dice.randrange(256) for _ in range(dice.randint(1, 4)))
            case 2:
                made[at:at] = dice.choice(
                    [b'"', b"'", b"[", b"]", b"{", b"}", b"\0", b"\xff\xfe", b"\r", b"\\", b"(", b"#", b"1.2.3"]
                )
            case 3:
                made[at:at] = made[dice.randrange(len(made) + 1) :][: dice.randint(1, 30)]
            case _:
                del made[at:]
    return bytes(made)


@pytest.mark.parametrize("kind", KINDS)
def test_fuzz(kind: str) -> None:
    """A mutated file gives places, a finding or a clear error: never a traceback, never a changed file.

    `nox -s fuzz` tries 10,000 of each kind.
    """
    dice = random.Random(kind)
    path = KINDS[kind][0]
    with project(kind, "1.2.3", STYLES[0]) as root:
        sound = (root / path).read_bytes()
        for _ in range(int(os.environ.get("OMNI_RELEASE_FUZZ", "60"))):
            (root / path).write_bytes(mutated(sound, dice))
            before = contents(root)
            with contextlib.suppress(OmniReleaseError):
                versions.drift(versions.find_places(str(root)).places)
                change(root, "set", "2.0.0rc1", dry=True)
            assert contents(root) == before
