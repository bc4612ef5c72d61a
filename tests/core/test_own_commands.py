"""The commands on the screen are those that a person can type: each way of installing and of starting omni-release."""

from __future__ import annotations

import os
import shlex
import sys
import sysconfig
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from omni_release.core import own_commands, own_installation
from omni_release.core.own_commands import typed
from tests.core.test_own_installation import LAYOUTS

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the programs of these layouts are those of POSIX")


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    """What was found out about this process is forgotten before and after."""
    own_commands.own_words.cache_clear()
    yield
    own_commands.own_words.cache_clear()


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Lay an installation out as it is on disk, and make this process one that was started there."""

    def lay_out(name: str, words: str = "", path: str = "", **variables: str) -> None:
        folder, mark, *_ = LAYOUTS[name]
        prefix = tmp_path / folder
        (prefix if mark == "no pip" else prefix / "pip").mkdir(parents=True)
        if mark not in ("", "no pip"):
            (prefix / mark).touch()
        for program in (prefix / "bin" / "omni-release", tmp_path / "local" / "omni-release", tmp_path / "nox" / "nox"):
            program.parent.mkdir(parents=True, exist_ok=True)
            program.touch(mode=0o755)
        python = str(prefix / "bin" / "python")
        argv = shlex.split(words.replace("PREFIX", str(prefix))) or [str(prefix / "bin" / "omni-release")]
        is_module = "-m" in argv
        monkeypatch.setattr(sys, "prefix", str(prefix))
        monkeypatch.setattr(sys, "executable", python)
        monkeypatch.setattr(sys, "orig_argv", argv if is_module else [python, *argv])
        monkeypatch.setattr(sys, "argv", [str(prefix / "omni_release" / "__main__.py")] if is_module else argv)
        monkeypatch.setattr(sysconfig, "get_path", lambda kind: str(prefix / "bin" if kind == "scripts" else prefix))
        monkeypatch.setattr(own_installation, "_origin", lambda: ("", ""))
        for variable in ("CI", "NOX_CURRENT_SESSION", "UV_RUN_RECURSION_DEPTH"):
            monkeypatch.delenv(variable, raising=False)
        for variable, value in variables.items():
            monkeypatch.setenv(variable, value)
        folders = {"own": prefix / "bin", "local": tmp_path / "local", "nox": tmp_path / "nox"}
        monkeypatch.setenv("PATH", os.pathsep.join(str(folders[word]) for word in path.split()))
        monkeypatch.chdir(tmp_path)

    return lay_out


MODULE = "PREFIX/bin/python -P -m omni_release"
IN_NOX = {"NOX_CURRENT_SESSION": "release"}
HOOK = "ROOT/pre-commit/repoxyz/py_env-python3.12/bin/omni-release"

STARTS: Mapping[str, tuple[str, str, str, Mapping[str, str], str]] = {
    "pip, activated": ("pip", "", "own", {}, "omni-release"),
    "pip, by its path": ("pip", "venv/bin/omni-release", "", {}, "venv/bin/omni-release"),
    "pip, another one first": ("pip", "venv/bin/omni-release", "local own", {}, "venv/bin/omni-release"),
    "python -m": ("pip", MODULE, "", {}, "ROOT/venv/bin/python -P -m omni_release"),
    "python -m, activated": ("pip", "python -m omni_release", "own", {}, "omni-release"),
    "nox, activated": ("pip", MODULE, "own", IN_NOX, "omni-release"),
    "nox of its own": ("pip", MODULE, "nox", IN_NOX, "nox -s release --"),
    "nox, another session": ("pip", MODULE, "nox", {"NOX_CURRENT_SESSION": "gate"}, "venv/bin/omni-release"),
    "uv pip": ("uv pip", "", "own", {}, "omni-release"),
    "uv run": ("uv project", "", "own", {"UV_RUN_RECURSION_DEPTH": "1"}, "uv run omni-release"),
    "uv project, activated": ("uv project", "", "own", {}, "omni-release"),
    "uv tool": ("uv tool", "", "local", {}, "omni-release"),
    "uvx": ("uvx", "", "own", {}, "uvx omni-release"),
    "pipx": ("pipx", "", "local", {}, "omni-release"),
    "pipx run": ("pipx run", "", "", {}, "pipx run omni-release"),
    "pre-commit": ("pre-commit", "/elsewhere", "own", {}, HOOK),
    "pre-commit, with one installed": ("pre-commit", "/elsewhere", "own local", {}, "omni-release"),
    "prek": ("prek", "/elsewhere", "own", {}, "ROOT/prek/hooks/python-xyz/bin/omni-release"),
    "script": ("script", MODULE, "own nox", IN_NOX, "nox -s release --"),
    "script of uvx nox": ("script", MODULE, "own", IN_NOX, "acme/.nox/_nox_script_mode/bin/omni-release"),
    "CI": ("uvx", "", "own", {"CI": "true"}, "omni-release"),
}
"""For each start: the layout, the words, the folders of PATH, variables, and what a person types."""


@pytest.mark.parametrize("name", STARTS)
def test_each_start(name: str, start: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The words are those that started it, or shorter ones that lead to the same installation."""
    layout, words, path, variables, expected = STARTS[name]
    start(layout, words, path, **variables)
    if "ROOT/pre" in expected:
        monkeypatch.chdir(tmp_path / "local")  # an environment of hooks is not below the project
    rehearse = "--run 1" if expected.startswith("nox") else "rehearse --run 1"
    shown = own_commands.typed("omni-release rehearse --run 1")
    assert shown.replace(f"{tmp_path}/", "ROOT/") == f"{expected} {rehearse}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("run `omni-release version sync`, which writes it", "run `uvx omni-release version sync`, which writes it"),
        (
            "fix the problem, then run omni-release doctor --to pypi",
            "fix the problem, then run uvx omni-release doctor --to pypi",
        ),
        ("omni-release release --to pypi", "uvx omni-release release --to pypi"),
        ("git rm x && omni-release baseline", "git rm x && uvx omni-release baseline"),
        ("Install it with: uvx --from 'omni-release[smoke]' omni-release smoke --live", None),
        ("Upgrade it with: uvx --refresh --from omni-release omni-release smoke", None),
        ("Upgrade omni-release, then rehearse again", None),
        ("omni-release 0.1.0", None),
        ("omni-release releases nothing here", None),
        ("uv tool upgrade omni-release", None),
        ("/opt/bin/omni-release gate", None),
        ("entry: my-omni-release gate", None),
    ],
)
def test_texts(text: str, expected: str | None, start: Callable[..., None]) -> None:
    """Only what is a command is written otherwise, and not one that says already what starts it."""
    start("uvx", "", "own")
    assert typed(text) == (text if expected is None else expected)


def test_a_file_that_was_started(start: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    """The origin of the installation stays: a wheel, a folder or a commit; words with blanks are quoted."""
    start("pipx run", "", "")
    monkeypatch.setattr(own_installation, "_origin", lambda: ("file:///my%20w/o.whl", ""))
    assert typed("omni-release gate") == "pipx run --spec 'omni-release @ file:///my%20w/o.whl' omni-release gate"
