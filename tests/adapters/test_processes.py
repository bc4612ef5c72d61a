"""Running real programs that end, hang, print, daemonise and are killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

import psutil
import pytest

from omni_release.adapters.processes import LocalProcesses
from omni_release.adapters.secrets import Secrets
from omni_release.core.actions import Run
from omni_release.core.errors import ActionFailed, Inconclusive
from omni_release.core.world import Completed, ToolAnswer
from omni_release.programs import RUN_VARIABLE
from tests.waiting import is_over, until

SECRETS = {"token": "s3cret-välue", "empty": "", "short": "abc", "long": "abcdef"}
_SLEEPER = "import time; time.sleep(600)"
Runner = Callable[..., Completed]
on_posix = pytest.mark.skipif(sys.platform == "win32", reason="signals and process groups of POSIX")


@pytest.fixture
def processes() -> Iterator[LocalProcesses]:
    """Real processes, closed after the test."""
    started = LocalProcesses(SECRETS.__getitem__)
    yield started
    started.stop_all()
    started.close()


def program(
    folder: Path,
    script: str,
    *arguments: str,
    deadline: float = 60.0,
    environment: Mapping[str, str] | None = None,
    secrets: Mapping[str, str] | None = None,
) -> Run:
    """A Python program, with its log in `folder`."""
    inner = dict(os.environ) | {"PYTHONUTF8": "1"} if environment is None else environment
    argv = (sys.executable, "-c", script, *arguments)
    return Run(argv, folder, inner, folder / "logs/program.log", deadline, secrets or {})


def log(folder: Path) -> str:
    """The content of the log."""
    return (folder / "logs/program.log").read_text(encoding="utf-8")


def pids(path: Path, count: int) -> list[int]:
    """The process ids in this file, once all of them are written."""
    until(lambda: path.exists() and path.read_text(encoding="utf-8").count("\n") == count)
    return [int(line) for line in path.read_text(encoding="utf-8").split()]


@pytest.mark.parametrize("code", [0, 1, 3, 77])
def test_exit_code(code: int, processes: LocalProcesses, tmp_path: Path) -> None:
    """The exit code is returned; a failure is no exception."""
    done = processes.run(program(tmp_path, f"raise SystemExit({code})"))
    assert (done.code, done.tail, done.timed_out) == (code, (), False)
    assert 0 < done.seconds < 60


@on_posix
def test_ended_by_a_signal(processes: LocalProcesses, tmp_path: Path) -> None:
    """A signal is a negative exit code."""
    done = processes.run(program(tmp_path, "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"))
    assert done.code == -signal.SIGKILL
    assert not done.timed_out


def test_output(processes: LocalProcesses, tmp_path: Path) -> None:
    """Both streams are logged completely and in order; the last lines are returned."""
    script = (
        "import sys\n"
        "for n in range(100): print('line', n, file=(sys.stdout, sys.stderr)[n % 2], flush=True)\n"
        "print('größe, without an end', end='')"
    )
    done = processes.run(program(tmp_path, script))
    wanted = [f"line {n}" for n in range(100)] + ["größe, without an end"]
    assert log(tmp_path).splitlines() == wanted
    assert list(done.tail) == wanted[-40:]


def test_log_is_appended_to(processes: LocalProcesses, tmp_path: Path) -> None:
    """A second program with the same log does not overwrite it."""
    for number in "12":
        processes.run(program(tmp_path, "import sys; print(sys.argv[1])", number))
    assert log(tmp_path).split() == ["1", "2"]


def test_environment_of_a_program(processes: LocalProcesses, tmp_path: Path) -> None:
    """A program gets its folder, its environment only, and an empty stdin."""
    script = "import os, sys; print(os.getcwd(), os.environ['MINE'], 'HOME' in os.environ, repr(sys.stdin.read()))"
    needed = {key: os.environ[key] for key in ("SYSTEMROOT", "PATH") if key in os.environ}
    done = processes.run(program(tmp_path, script, environment=needed | {"MINE": "yes"}))
    assert done.tail == (f"{tmp_path} yes False ''",)


def test_deadline(processes: LocalProcesses, tmp_path: Path) -> None:
    """A program that does not end in time is stopped; its output until then is logged."""
    done = processes.run(program(tmp_path, f"print('begun', flush=True); {_SLEEPER}", deadline=1.0))
    assert done.timed_out
    assert done.code != 0
    assert done.tail == ("begun",)
    assert done.seconds < 30


@on_posix
def test_deadline_of_a_program_that_ignores_sigterm(processes: LocalProcesses, tmp_path: Path) -> None:
    """A program that ignores SIGTERM is killed."""
    script = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); {_SLEEPER}"
    done = processes.run(program(tmp_path, script, deadline=1.0))
    assert done.timed_out
    assert done.code == -signal.SIGKILL
    assert done.tail == ("deaf",)


@on_posix
@pytest.mark.skipif(
    not Path("/proc/self/autogroup").exists() or os.getuid() != 0,
    reason="a kernel without groups of sessions, or a user who may set one in a tenth of a second",
)
def test_priority(processes: LocalProcesses, tmp_path: Path) -> None:
    """A program in the background has a low priority among all programs, not only in its own session."""

    def priorities(pid: int) -> tuple[int, int]:
        group = Path(f"/proc/{pid}/autogroup").read_text(encoding="ascii")
        return os.getpriority(os.PRIO_PROCESS, pid), int(group.split()[-1])

    script = f"import os, sys; print(os.getpid(), file=open(sys.argv[1], 'a')); {_SLEEPER}"
    own = os.getpriority(os.PRIO_PROCESS, 0)
    for background, expected in ((False, (own, 0)), (True, (max(own, 10), 10))):
        noted = tmp_path / f"pids-{background}"
        run = replace(program(tmp_path, script, str(noted), deadline=300), background=background)
        worker = threading.Thread(target=processes.run, args=(run,))
        worker.start()
        (pid,) = pids(noted, 1)
        until(partial(lambda pid, expected: priorities(pid) == expected, pid, expected))
        os.kill(pid, signal.SIGTERM)
        worker.join(timeout=60)


@on_posix
@pytest.mark.parametrize("deadline", [60.0, 2.0])
def test_background_grandchild(deadline: float, processes: LocalProcesses, tmp_path: Path) -> None:
    """Programs in the background are stopped when their parent ends or reaches its deadline."""
    script = (
        "import subprocess, sys, time\n"
        f"child = subprocess.Popen([sys.executable, '-c', {_SLEEPER!r}])\n"
        "with open(sys.argv[1], 'a') as file: print(child.pid, file=file)\n"
        "time.sleep(float(sys.argv[2]))"
    )
    hangs = "0" if deadline > 10 else "600"
    done = processes.run(program(tmp_path, script, str(tmp_path / "pids"), hangs, deadline=deadline))
    assert done.timed_out is (deadline < 10)
    (grandchild,) = pids(tmp_path / "pids", 1)
    until(lambda: is_over(grandchild))


def test_secret(processes: LocalProcesses, tmp_path: Path) -> None:
    """A secret is in the program's environment, and not in its log or its last lines."""
    script = "import os; value = os.environ['TOKEN']; print(len(value), 'at', value + value); print(value, end='')"
    done = processes.run(program(tmp_path, script, secrets={"TOKEN": "token"}))
    assert done.tail == ("12 at [redacted][redacted]", "[redacted]")
    assert log(tmp_path).splitlines() == list(done.tail)


def test_empty_secret(processes: LocalProcesses, tmp_path: Path) -> None:
    """An empty secret redacts nothing."""
    done = processes.run(program(tmp_path, "print('said')", secrets={"TOKEN": "empty"}))
    assert done.tail == ("said",)


@pytest.mark.parametrize("order", [("short", "long"), ("long", "short")])
def test_secret_within_another(order: tuple[str, str], processes: LocalProcesses, tmp_path: Path) -> None:
    """Two secrets, one a part of the other, are redacted completely."""
    secrets = {f"VARIABLE_{name}": name for name in order}
    done = processes.run(program(tmp_path, "print('abcdef', 'abc')", secrets=secrets))
    assert done.tail == ("[redacted] [redacted]",)


def test_secret_in_a_very_long_line(processes: LocalProcesses, tmp_path: Path) -> None:
    """A secret is redacted anywhere in a line that is read in chunks."""
    script = (
        "import os, sys; value = os.environ['TOKEN'].encode()\n"
        "for before in range(64 * 1024 - len(value) - 1, 64 * 1024 + 1):\n"
        "    sys.stdout.buffer.write(b'x' * before + value + b'y' * 70000 + b'\\n')"
    )
    done = processes.run(program(tmp_path, script, secrets={"TOKEN": "token"}))
    assert done.code == 0
    lines = log(tmp_path).splitlines()
    assert len(lines) == len(SECRETS["token"].encode()) + 2
    assert {line.strip("x").rstrip("y") for line in lines} == {"[redacted]"}
    assert {line.count("y") for line in lines} == {70000}


def test_missing_secret(tmp_path: Path, processes: LocalProcesses) -> None:
    """A program is not started without its secret."""
    with pytest.raises(KeyError):
        processes.run(program(tmp_path, "open('started', 'w')", secrets={"TOKEN": "unknown"}))
    assert not (tmp_path / "started").exists()


def test_missing_program(processes: LocalProcesses, tmp_path: Path) -> None:
    """The error names the missing program."""
    with pytest.raises(ActionFailed, match="cannot start no-such-program-here: ") as raised:
        processes.run(Run(("no-such-program-here",), tmp_path, os.environ, tmp_path / "log", 10))
    assert raised.value.hint.startswith("Check that it is installed")


def test_missing_folder(processes: LocalProcesses, tmp_path: Path) -> None:
    """The error names the missing folder."""
    run = Run((sys.executable, "-c", ""), tmp_path / "gone", os.environ, tmp_path / "log", 10)
    with pytest.raises(ActionFailed, match="cannot start") as raised:
        processes.run(run)
    assert str(tmp_path / "gone") in raised.value.hint


@on_posix
def test_file_that_is_no_program(processes: LocalProcesses, tmp_path: Path) -> None:
    """A file that cannot be executed is reported like a missing program."""
    (tmp_path / "text").write_text("text", encoding="utf-8")
    with pytest.raises(ActionFailed, match=r"cannot start .*text: Permission denied"):
        processes.run(Run((str(tmp_path / "text"),), tmp_path, os.environ, tmp_path / "log", 10))


def test_much_output(processes: LocalProcesses, tmp_path: Path) -> None:
    """Five megabytes on both streams do not block, and are logged completely."""
    script = (
        # One write per line: both streams share a pipe, and Python 3.13 can flush stdout before a newline.
        "import os\nfor n in range(50_000):\n    line = f'{n:050}\\n'.encode(); os.write(1, line); os.write(2, line)\n"
        "os.write(1, b'end\\n')"
    )
    done = processes.run(program(tmp_path, script))
    assert done.code == 0
    assert done.tail[-1] == "end"
    assert sorted(log(tmp_path).split()) == sorted([*(f"{n:050}" for n in range(50_000))] * 2 + ["end"])


def test_very_long_line(processes: LocalProcesses, tmp_path: Path) -> None:
    """A very long line is logged completely; the returned part is bounded."""
    done = processes.run(program(tmp_path, "print('x' * 5_000_000, end='')"))
    assert log(tmp_path) == "x" * 5_000_000
    assert 0 < sum(map(len, done.tail)) <= 40 * 64 * 1024


def test_output_that_is_not_utf8(processes: LocalProcesses, tmp_path: Path) -> None:
    """Undecodable bytes are logged unchanged, and returned with replacement characters."""
    done = processes.run(program(tmp_path, r"import sys; sys.stdout.buffer.write(b'\xff\xfe\x00 caf\xe9\n')"))
    assert done.tail == ("\ufffd\ufffd\x00 caf\ufffd",)
    assert (tmp_path / "logs/program.log").read_bytes() == b"\xff\xfe\x00 caf\xe9\n"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no disk that is always full")
def test_full_disk(processes: LocalProcesses, tmp_path: Path) -> None:
    """A program continues when its log cannot be written, and the result says so."""
    script = "[print('x' * 1000) for _ in range(1000)]; print('end')"
    run = Run((sys.executable, "-c", script), tmp_path, os.environ, Path("/dev/full"), 60)
    done = processes.run(run)
    assert done.code == 0
    assert done.tail[-1] == "end"
    short = processes.run(Run((sys.executable, "-c", "print(1)"), tmp_path, os.environ, Path("/dev/full"), 60))
    assert short.tail == ("1", "(not logged from here on: No space left on device)")


def test_parallel_programs(processes: LocalProcesses, tmp_path: Path) -> None:
    """Parallel programs have separate results."""
    done: dict[int, Completed] = {}

    def work(number: int) -> None:
        folder = tmp_path / str(number)
        folder.mkdir()
        done[number] = processes.run(program(folder, f"print({number}); raise SystemExit({number})"))

    workers = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(timeout=60)
    assert {number: (one.code, one.tail) for number, one in done.items()} == {n: (n, (str(n),)) for n in range(4)}


def test_stop_all(processes: LocalProcesses, tmp_path: Path) -> None:
    """All programs are stopped, and none can be started afterwards."""
    script = f"import os, sys; print(os.getpid(), file=open(sys.argv[1], 'a')); {_SLEEPER}"
    done: list[Completed] = []
    run = program(tmp_path, script, str(tmp_path / "pids"), deadline=300)
    workers = [threading.Thread(target=lambda: done.append(processes.run(run))) for _ in range(3)]
    for worker in workers:
        worker.start()
    started = pids(tmp_path / "pids", 3)
    processes.stop_all()
    for worker in workers:
        worker.join(timeout=60)
    assert len(done) == 3
    assert all(one.code != 0 and not one.timed_out for one in done)
    assert all(is_over(pid) for pid in started)
    with pytest.raises(ActionFailed, match="the run was interrupted"):
        processes.run(program(tmp_path, "open('started', 'w')"))
    with pytest.raises(ActionFailed, match="the run was interrupted"):
        processes.ask(sys.executable, "-c", "open('started', 'w')", cwd=tmp_path)
    assert not (tmp_path / "started").exists()


@on_posix
def test_undecodable_secret(tmp_path: Path) -> None:
    """A secret with undecodable bytes is redacted like any other."""
    secret = os.fsdecode(b"\xff\xfe-s3cret")
    secrets = Secrets.of({"MY_TOKEN": secret})
    processes = LocalProcesses(str, known=lambda: secrets.given)
    script = "import sys; sys.stdout.buffer.write(b'a \\xff\\xfe-s3cret b\\n' * 2); print('the end')"
    done = processes.run(program(tmp_path, script))
    processes.close()
    assert done.tail == ("a [redacted] b", "a [redacted] b", "the end")
    assert secrets.redact(f"a {secret} b") == "a [redacted] b"


@on_posix
def test_killed_run(tmp_path: Path) -> None:
    """The programs of a run that is killed with SIGKILL are killed, with their children."""
    inner = (
        "import os, subprocess, sys, time\n"
        f"child = subprocess.Popen([sys.executable, '-c', {_SLEEPER!r}])\n"
        "with open(sys.argv[1], 'a') as file: print(os.getpid(), child.pid, sep='\\n', file=file)\n"
        "time.sleep(600)"
    )
    outer = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from omni_release.core.actions import Run\n"
        "from omni_release.adapters.processes import LocalProcesses\n"
        "folder = Path(sys.argv[1])\n"
        "argv = (sys.executable, '-c', sys.argv[2], str(folder / 'pids'))\n"
        "LocalProcesses(str).run(Run(argv, folder, os.environ, folder / 'log', 600))"
    )
    with subprocess.Popen([sys.executable, "-c", outer, str(tmp_path), inner]) as owner:
        try:
            program_and_child = pids(tmp_path / "pids", 2)
            assert not any(is_over(pid) for pid in program_and_child)
            watchdogs = [
                child.pid for child in psutil.Process(owner.pid).children() if child.pid not in program_and_child
            ]
        finally:
            owner.send_signal(signal.SIGKILL)
    until(lambda: all(is_over(pid) for pid in (*program_and_child, *watchdogs)))
    assert len(watchdogs) == 1


@on_posix
def test_killed_watchdog(processes: LocalProcesses, tmp_path: Path) -> None:
    """A run continues without its watchdog."""
    before = {child.pid for child in psutil.Process().children()}
    assert processes.run(program(tmp_path, "print(1)")).code == 0
    (watchdog,) = [child for child in psutil.Process().children() if child.pid not in before]
    watchdog.kill()
    until(lambda: is_over(watchdog.pid))
    assert processes.run(program(tmp_path, "print(2)")).tail == ("2",)


@on_posix
def test_discarded_folder(processes: LocalProcesses, tmp_path: Path) -> None:
    """A folder is removed meanwhile, also one with a line feed in its name; a link in its place, or in it, is not."""
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "file").touch()
    for name in ("a folder", "ä folder", "two\nlines"):
        folder = tmp_path / name
        (folder / "environments" / "a" / "b").mkdir(parents=True)
        (folder / "environments" / "a" / "file").touch()
        (folder / "marker").touch()
        (folder / "link").symlink_to(kept)
        (folder / "environments" / "link").symlink_to(kept)
        processes.discard(folder)
        until(partial(lambda gone: not gone.exists(), folder))
    (tmp_path / "link").symlink_to(kept)
    processes.discard(tmp_path / "link")
    processes.close()
    assert (kept / "file").exists()


def test_discarded_folder_at_the_end(tmp_path: Path) -> None:
    """The end of the run waits for the removal, for 10 seconds at most."""
    folder = tmp_path / "folder"
    for number in range(300):
        (folder / str(number)).mkdir(parents=True)
        (folder / str(number) / "file").touch()
    processes = LocalProcesses(str)
    processes.discard(folder)
    processes.close()
    assert not folder.exists()


@on_posix
def test_close(tmp_path: Path) -> None:
    """No process, thread or open file is left."""
    me = psutil.Process()
    seen = []
    for _ in range(5):
        processes = LocalProcesses(str)
        processes.run(program(tmp_path, "print(1)"))
        processes.close()
        seen.append((len(me.children()), threading.active_count(), me.num_fds()))
    assert all(now <= then for now, then in zip(seen[-1], seen[0], strict=True))
    LocalProcesses(str).close()


@on_posix
def test_daemon(tmp_path: Path) -> None:
    """A daemon in its own session is killed with its run."""
    script = (
        "import os, subprocess, sys; from subprocess import DEVNULL;"
        f"child = subprocess.Popen([sys.executable, '-c', {_SLEEPER!r}], start_new_session=True,"
        " stdin=DEVNULL, stdout=DEVNULL, stderr=DEVNULL); print(child.pid)"
    )
    processes = LocalProcesses(SECRETS.__getitem__)
    inner = dict(os.environ) | {RUN_VARIABLE: str(tmp_path)}
    daemon = int(processes.run(program(tmp_path, script, environment=inner)).tail[-1])
    assert not is_over(daemon)
    processes.close()
    until(lambda: is_over(daemon))


def test_ask(processes: LocalProcesses, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The exit code and output, in an environment without a git hook's variables; None for a missing program."""
    monkeypatch.setenv("GIT_DIR", "elsewhere")
    said = (
        r"import os, sys; sys.stdout.buffer.write(os.getcwd().encode() + b' \xff'); print('noise', file=sys.stderr);"
        "print(len(sys.stdin.read()), 'GIT_DIR' in os.environ, file=sys.stderr); sys.exit(3)"
    )
    noise = os.linesep.join(("noise", "0 False"))
    assert processes.ask(sys.executable, "-c", said, cwd=tmp_path) == ToolAnswer(3, f"{tmp_path} \udcff", noise)
    assert processes.ask("no-such-program-here", cwd=tmp_path) is None


@on_posix
def test_ask_file_that_is_no_program(processes: LocalProcesses, tmp_path: Path) -> None:
    """A file that cannot be executed is inconclusive."""
    (tmp_path / "file").touch()
    with pytest.raises(Inconclusive, match="cannot run"):
        processes.ask(str(tmp_path / "file"), cwd=tmp_path)


@on_posix
def test_ask_deadline(processes: LocalProcesses, tmp_path: Path) -> None:
    """After the deadline a program is stopped with its children, and the message omits its arguments."""
    code = "sleep 600 & echo $! > pid; wait # not-shown"
    with pytest.raises(Inconclusive, match=r"^sh did not answer within 2 s$"):
        processes.ask("sh", "-c", code, cwd=tmp_path, deadline=2.0)
    until(lambda: is_over(int((tmp_path / "pid").read_text())))


def test_ask_in_another_environment(processes: LocalProcesses, tmp_path: Path) -> None:
    """A given environment is the complete one."""
    code = "import os; print(sorted(key for key in os.environ if key in ('PATH', 'ACME')))"
    inner = {key: value for key, value in os.environ.items() if key == "SYSTEMROOT"} | {"ACME": "1"}
    answer = processes.ask(sys.executable, "-c", code, cwd=tmp_path, environment=inner)
    assert answer is not None
    assert answer.out.strip() == "['ACME']"


def test_known_secrets_are_redacted(tmp_path: Path) -> None:
    """A known secret is in no log and no returned line, whichever program prints it."""
    processes = LocalProcesses(str, known=lambda: {"hunter2-hunter2"})
    tail = processes.run(program(tmp_path, "print('it is hunter2-hunter2')")).tail
    processes.close()
    assert tail == ("it is [redacted]",)
    assert "hunter2" not in log(tmp_path)
