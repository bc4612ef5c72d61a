"""Programs that are started ahead do the same as those that are not, and none is left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from omni_release import programs
from omni_release.adapters.prepared import OF_A_REHEARSAL, PreparedPrograms
from omni_release.adapters.processes import LocalProcesses
from omni_release.core.actions import Run
from omni_release.core.errors import ActionFailed
from omni_release.core.world import Completed
from tests.waiting import is_over, until

# What it was run with, and whether `slow` was imported before that.
PROGRAM = """
import os, sys
imported = "slow" in sys.modules
import slow
print(sys.argv[1:], os.getcwd(), os.environ.get("GIVEN"), os.environ.get("AHEAD"), sys.stdin.read(), sep="|")
print("to stderr", file=sys.stderr, flush=True)
open(os.environ["NOTE"], "a").write(f"{os.getpid()} {imported}\\n")
if sys.argv[1:] == ["fail"]:
    raise ValueError("as asked")
sys.exit(3)
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A folder with the program."""
    (tmp_path / "slow.py").write_text(
        "import sys; print('an import'); print('a warning of it', file=sys.stderr)\n", encoding="utf-8"
    )
    (tmp_path / "acme_program.py").write_text(PROGRAM, encoding="utf-8")
    (tmp_path / "elsewhere").mkdir()
    return tmp_path


def environment(tree: Path, **more: str) -> dict[str, str]:
    """The variables of the program."""
    return {**os.environ, "PYTHONPATH": str(tree), "NOTE": str(tree / "note.txt"), **more}


@pytest.fixture
def prepared(tree: Path) -> Iterator[PreparedPrograms]:
    """The program, prepared once."""
    found = PreparedPrograms()
    found.prepare((("acme_program", "slow", "no_such_module"),), environment(tree, AHEAD="1"))
    until(lambda: bool(found._ready) and found._ready[0].process.stderr is not None)
    until(lambda: bool(found._ready[0].process.stderr and found._ready[0].process.stderr.closed))
    yield found
    found.close()


@pytest.fixture
def processes(prepared: PreparedPrograms) -> Iterator[LocalProcesses]:
    """Real processes, which have that program."""
    found = LocalProcesses(str, prepared=prepared)
    yield found
    found.close()


def run(tree: Path, processes: LocalProcesses, *arguments: str, **more: str) -> tuple[Completed, str]:
    """How it ended, and its log."""
    log = tree / "program.log"
    log.unlink(missing_ok=True)
    argv = programs.module(sys.executable, "acme_program", *arguments)
    done = processes.run(Run(argv, tree / "elsewhere", environment(tree, **more), log, 60, {"GIVEN": "secret"}))
    return done, log.read_text(encoding="utf-8")


def notes(tree: Path) -> list[str]:
    """Whether each program that ran was prepared."""
    return [line.split()[1] for line in (tree / "note.txt").read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("arguments", [(), ("two words", "ü"), ("fail",)])
def test_same_as_without(arguments: tuple[str, ...], tree: Path, processes: LocalProcesses) -> None:
    """Arguments, folder, variables, output and exit code are those of a program that is started when it is needed."""
    (ahead, log), (later, expected) = run(tree, processes, *arguments), run(tree, processes, *arguments)
    assert (ahead.code, notes(tree)) == (later.code, ["True", "False"])
    assert ahead.code == (1 if arguments == ("fail",) else 3)
    assert _without_frames(log) == _without_frames(expected)
    assert f"|{os.path.realpath(tree / 'elsewhere')}|[redacted]|None|" in log


def test_missing_folder(tree: Path, processes: LocalProcesses) -> None:
    """A folder that does not exist is reported as without a prepared program."""
    (tree / "elsewhere").rmdir()
    with pytest.raises(ActionFailed, match="cannot start"):
        run(tree, processes)


def _without_frames(log: str) -> list[str]:
    return sorted(line for line in log.splitlines() if not line.startswith("  "))


def test_other_variables_of_the_interpreter(tree: Path, processes: LocalProcesses) -> None:
    """A program that Python would start in another way is not the one that was prepared."""
    for name in ("PYTHONHASHSEED", "LANG", "COLUMNS", "COLUMNS"):
        run(tree, processes, **{name: "7"})
    assert notes(tree) == ["False", "False", "True", "False"]


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_one_that_was_killed(tree: Path, prepared: PreparedPrograms, processes: LocalProcesses) -> None:
    """One that something has ended is started again."""
    process = prepared._ready[0].process
    os.kill(process.pid, signal.SIGKILL)
    until(lambda: is_over(process.pid))
    assert run(tree, processes)[0].code == 3
    assert notes(tree) == ["False"]


def test_not_needed(tree: Path, prepared: PreparedPrograms, processes: LocalProcesses) -> None:
    """What was not needed is stopped, and nothing is prepared after that."""
    process = prepared._ready[0].process
    processes.close()
    assert process.returncode is not None and not (tree / "note.txt").exists()
    prepared._prepare((("acme_program",),), environment(tree))
    assert prepared._ready == []


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_run_that_is_killed(tree: Path) -> None:
    """A run that is killed leaves none behind."""
    script = (
        "import os, sys; from omni_release.adapters.prepared import PreparedPrograms\n"
        "found = PreparedPrograms(); found._prepare((('acme_program', 'slow'),), os.environ)\n"
        "print(found._ready[0].process.pid, flush=True); sys.stdin.read()\n"
    )
    argv = [sys.executable, "-c", script]
    killed = subprocess.Popen(argv, env=environment(tree), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert killed.stdout is not None
    pid = int(killed.stdout.readline())
    assert not is_over(pid)
    killed.kill()
    killed.communicate()
    until(lambda: is_over(pid))


def test_programs_of_a_rehearsal() -> None:
    """The modules that are imported ahead exist; none is the one that is then run, which Python would warn about."""
    for name, *modules in OF_A_REHEARSAL:
        imports = "; ".join(f"import {module}" for module in modules)
        code = f"import sys; {imports}; print('{name}.__main__' in sys.modules)"
        done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
        assert done.stdout == "False\n" and name not in modules
