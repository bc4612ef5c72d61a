"""Which tests pytest runs where the project itself starts it: in tox, nox or hatch."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from omni_release.core.toml import table
from omni_release.testing import nox_sessions, tox_environments
from omni_release.testing.pytest_settings import read_toml

_OPTIONS = ("-m", "-k", "--ignore", "--ignore-glob", "--deselect")


def selected(root: Path, metadata: Mapping[str, object], tree: Path) -> tuple[str, ...]:
    """The arguments of pytest that select tests: marks, names and paths, as far as they exist in `tree`.

    None where several commands run pytest: each may select others.
    """
    for commands in _commands(root, metadata):
        of_pytest = [rest for words in commands if (rest := _after_pytest(words)) is not None]
        if len(of_pytest) == 1:
            return tuple(_selecting(of_pytest[0], tree))
    return ()


def _commands(root: Path, metadata: Mapping[str, object]) -> Iterator[list[Sequence[str]]]:
    """The commands of each program that runs the tests."""
    tox = tox_environments.environment_of_tests(root, metadata)
    yield [_split(line.lstrip("-! ")) for line in tox.commands]
    yield list(nox_sessions.session_of_tests(root / "noxfile.py").commands)
    for environments in (table(metadata, "tool", "hatch", "envs"), table(read_toml(root / "hatch.toml"), "envs")):
        for name in ("test", "tests", "default"):
            script = table(environments, name, "scripts").get("test")
            if isinstance(script, str):
                yield [_split(re.sub(r"\{args:([^{}]*)\}", r"\1", script))]
        if "hatch-test" in environments:  # what `hatch test` runs
            arguments = table(environments, "hatch-test").get("default-args", ["tests"])
            yield [["pytest", *map(str, arguments)]] if isinstance(arguments, list) else []


def _split(line: str) -> list[str]:
    try:
        return shlex.split(line)
    except ValueError:
        return line.split()


def _after_pytest(words: Sequence[str]) -> Sequence[str] | None:
    """The arguments of pytest in a command such as `coverage run -m pytest -q`; None in another one."""
    at = next((n for n, word in enumerate(words) if word in ("pytest", "py.test")), None)
    return None if at is None else words[at + 1 :]


def _selecting(words: Sequence[str], tree: Path) -> Iterator[str]:
    for previous, word in zip(("", *words), words, strict=False):
        option, equals, _ = word.partition("=")
        if previous in _OPTIONS:
            yield from (previous, word)
        elif option in _OPTIONS and equals:
            yield word
        elif not word.startswith("-") and "{" not in word and not previous.startswith("--cov"):
            path = tree / word.partition("::")[0]
            if word and (path.is_dir() or (path.suffix == ".py" and path.is_file())):
                yield word
