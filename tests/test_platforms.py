"""What differs on Windows and macOS, simulated on this machine: module by module, with the real code of that branch."""

from __future__ import annotations

import importlib.util
import io
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from omni_release import environments, git_queries, programs, run
from omni_release.adapters import files, prepared, processes
from omni_release.cli import main
from omni_release.core import own_folder
from omni_release.core.actions import Link
from omni_release.core.errors import UsageError
from omni_release.environments import installer_config
from omni_release.scripts import watchdog
from tests.conftest import child_environment, git
from tests.waiting import is_over, until

Simulate = Callable[..., None]


class Changed:
    """A module with other values for some names."""

    def __init__(self, module: ModuleType, **changed: object) -> None:
        self.__dict__.update(changed)
        self._module = module

    def __getattr__(self, name: str) -> Any:  # whatever the module has
        return getattr(self._module, name)


@pytest.fixture
def simulate(monkeypatch: pytest.MonkeyPatch) -> Simulate:
    """Has one module see another platform: only its own `os` and `sys` change, not those of the interpreter."""

    def change(module: ModuleType, platform: str, **of_os: object) -> None:
        name = "nt" if platform == "win32" else "posix"
        if hasattr(module, "os"):
            monkeypatch.setattr(module, "os", Changed(os, name=name, **of_os))
        if hasattr(module, "sys"):
            monkeypatch.setattr(module, "sys", Changed(sys, platform=platform))

    return change


def test_folders_of_an_environment(simulate: Simulate) -> None:
    """The programs of a virtual environment are in `Scripts`, with a suffix."""
    simulate(environments, "win32")
    assert environments.scripts_folder(Path("env")) == Path("env/Scripts")
    assert environments.python(Path("env")) == Path("env/Scripts/python.exe")


def test_program_with_a_suffix(simulate: Simulate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program is found by its name with `.exe`; one without is not started by mistake."""
    simulate(programs, "win32")
    monkeypatch.setattr(programs, "sysconfig", SimpleNamespace(get_path=lambda _: str(tmp_path)))
    (tmp_path / "ruff").touch()
    (tmp_path / "ruff.exe").touch()
    assert programs.find_program("ruff") == str(tmp_path / "ruff.exe")


def test_length_of_a_command_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """The files of a large project come in batches that fit into 32,767 characters, each file once."""
    monkeypatch.setattr(programs, "_ARGUMENTS", 30_000)
    names = [PurePosixPath(f"src/acme/{'größe' * 10}/{number}.py") for number in range(2_000)]
    batches = list(programs.batches(names))
    assert max(len(" ".join(batch)) for batch in batches) < 32_767 - 1_000
    assert [name for batch in batches for name in batch] == [f"./{name}" for name in names]


@pytest.mark.parametrize(
    ("platform", "variables", "expected"),
    [
        ("win32", {"APPDATA": "/a", "PROGRAMDATA": "/p"}, ["/a/pip/pip.ini", "HOME/pip/pip.ini", "/p/pip/pip.ini"]),
        ("win32", {}, ["HOME/AppData/Roaming/pip/pip.ini", "HOME/pip/pip.ini", "C:/ProgramData/pip/pip.ini"]),
        (
            "darwin",
            {},
            ["HOME/.config/pip/pip.conf", "HOME/.pip/pip.conf", "/Library/Application Support/pip/pip.conf"],
        ),
        ("linux", {}, ["HOME/.config/pip/pip.conf", "HOME/.pip/pip.conf", "/etc/pip.conf", "/etc/xdg/pip/pip.conf"]),
    ],
)
def test_configuration_of_pip(
    platform: str, variables: dict[str, str], expected: list[str], simulate: Simulate, tmp_path: Path
) -> None:
    """pip's files are where its documentation says for the platform."""
    simulate(installer_config, platform)
    _, *found = installer_config.pip_files({"USERPROFILE": str(tmp_path), **variables})  # the first: the environment's
    assert [str(path).replace(str(tmp_path), "HOME") for path in found] == expected


def test_configuration_of_pip_in_the_library(simulate: Simulate, tmp_path: Path) -> None:
    """On macOS the folder `Library` counts where it has a folder of pip."""
    simulate(installer_config, "darwin")
    library = tmp_path / "Library" / "Application Support"
    (library / "pip").mkdir(parents=True)
    assert library / "pip" / "pip.conf" in installer_config.pip_files({"HOME": str(tmp_path)})


def test_configuration_of_uv(simulate: Simulate) -> None:
    """uv's files are below APPDATA and PROGRAMDATA."""
    simulate(installer_config, "win32")
    found = installer_config.uv_files({"HOME": "/h", "APPDATA": "/a", "PROGRAMDATA": "/p"})
    assert found == (Path("/a/uv/uv.toml"), Path("/p/uv/uv.toml"))


def test_junction_in_place_of_a_link(simulate: Simulate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a link takes a privilege that the user lacks, a junction is made; elsewhere the error stays."""

    def refused(*_: object, **__: object) -> None:
        raise OSError(1314, "a required privilege is not held by the client")

    made: list[tuple[str, str]] = []
    monkeypatch.setitem(sys.modules, "_winapi", SimpleNamespace(CreateJunction=lambda *pair: made.append(pair)))
    action = Link(tmp_path / "source", tmp_path / "target")
    simulate(files, "win32", symlink=refused)
    files.LocalFiles().link(action)
    assert made == [(str(action.source), str(action.target))]
    simulate(files, "darwin", symlink=refused)
    with pytest.raises(OSError, match="privilege"):
        files.LocalFiles().link(action)


def test_lock_is_removed_after_its_release(simulate: Simulate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that is open cannot be removed on Windows: the lock goes when it is released, and leaves no folder."""
    held: list[object] = []
    real = Path.unlink

    def refuse_open(path: Path, missing_ok: bool = False) -> None:
        if held and path == tmp_path / files.LOCK:
            raise PermissionError(13, "used by another process")
        real(path, missing_ok=missing_ok)

    import filelock

    real_acquire, real_release = filelock.FileLock.acquire, filelock.FileLock.release

    def acquire(lock: filelock.FileLock) -> None:
        real_acquire(lock)
        held.append(lock)

    def release(lock: filelock.FileLock) -> None:
        real_release(lock)
        held.clear()

    monkeypatch.setattr(filelock.FileLock, "acquire", acquire)
    monkeypatch.setattr(filelock.FileLock, "release", release)
    monkeypatch.setattr(Path, "unlink", refuse_open)
    simulate(files, "win32")
    with files.alone(tmp_path):
        assert (tmp_path / files.LOCK).exists()
    assert not (tmp_path / files.LOCK).parent.exists()


@pytest.fixture
def tree() -> Iterator[subprocess.Popen[bytes]]:
    """A program that has started another one, and both wait."""
    child = "import sys; print('ready', flush=True); sys.stdin.read()"  # ends with the test, which holds the pipe
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    argv = [sys.executable, "-c", code]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process
        process.kill()


def test_tree_of_processes_is_ended(simulate: Simulate, tree: subprocess.Popen[bytes]) -> None:
    """Without process groups and SIGTERM, a program is ended with all that it has started."""
    psutil = pytest.importorskip("psutil")
    children = psutil.Process(tree.pid).children(recursive=True)
    assert children
    simulate(processes, "win32", killpg=None)  # not there
    processes._stop(tree)
    assert tree.returncode is not None
    until(lambda: all(is_over(child.pid) for child in children))


def test_group_of_a_program(simulate: Simulate, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program gets a group of its own, so that Ctrl-C reaches omni-release alone."""
    monkeypatch.setattr(prepared, "subprocess", Changed(subprocess, CREATE_NEW_PROCESS_GROUP=512))
    simulate(prepared, "win32")
    assert prepared.own_group() == {"creationflags": 512}
    simulate(prepared, "darwin")
    assert prepared.own_group() == {"start_new_session": True}


def test_watchdog(simulate: Simulate, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a killed run has left is ended by `taskkill`, whole trees of it."""
    ran: list[str] = []
    simulate(watchdog, "win32", system=ran.append)
    changed = Changed(sys, platform="win32", stdin=io.StringIO("+12\n+13\n-12\n"), argv=["watchdog", "NO_SUCH"])
    monkeypatch.setattr(watchdog, "sys", changed)
    watchdog.main()
    assert ran == ["taskkill /PID 13 /T /F"]


def test_signals_that_do_not_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run handles the signals that the platform has: Windows has no SIGHUP."""
    handled: list[int] = []
    own = SimpleNamespace(SIGINT=2, SIGTERM=15, signal=lambda number, _: handled.append(number))
    monkeypatch.setattr(run, "signal", own)

    def stop(_: object) -> None:
        raise UsageError("enough")

    monkeypatch.setattr(run, "check_request", stop)
    with pytest.raises(UsageError, match="enough"):
        run.run_lane(SimpleNamespace())  # type: ignore[arg-type]  # it ends before the request is read
    assert handled == [2, 15]


def test_git_without_fork(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The branch for Windows of the quick look at git gives what the other one gives."""
    monkeypatch.setattr(sys, "platform", "win32")
    spec = importlib.util.spec_from_file_location("git_queries_of_windows", git_queries.__file__)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)
    spec.loader.exec_module(module)
    monkeypatch.undo()
    git("init", "--quiet", cwd=tmp_path)
    (tmp_path / "größe.py").touch()
    git("add", "--all", cwd=tmp_path)
    for arguments in (("ls-files", "-z"), ("no-such-command",)):
        assert module.output(str(tmp_path), *arguments) == git_queries.output(str(tmp_path), *arguments)
    assert module.output.__code__ != git_queries.output.__code__


def test_folders_without_owners(simulate: Simulate, tmp_path: Path) -> None:
    """Windows has no owner and mode of a folder to look at; elsewhere one that others can write to is not used."""
    tmp_path.chmod(0o777)
    assert not own_folder.only_ours(tmp_path.stat())
    simulate(own_folder, "win32")
    assert own_folder.only_ours(tmp_path.stat())


class Console(io.TextIOWrapper):
    """A console with an encoding of its own, as that of Windows."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("encoding", ["cp1252", "cp437", "cp932", "ascii", "utf-8"])
def test_console_of_another_encoding(encoding: str) -> None:
    """A character that the console lacks is shown as another one; the program does not end."""
    data = io.BytesIO()
    console = Console(data, encoding=encoding, errors="strict")
    main._accept_any_text(console)
    console.write("✔ größe 日本 → \udcff\n")
    console.flush()
    assert console.encoding == encoding
    assert data.getvalue().decode(encoding).endswith("\n")


@pytest.mark.parametrize("encoding", ["cp1252", "ascii"])
def test_pipe_of_another_encoding(encoding: str, tmp_path: Path) -> None:
    """What goes to a file or a pipe is UTF-8, whatever the platform's default."""
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "größe"\nversion = "1.0"\n', encoding="utf-8")
    ended = subprocess.run(
        [sys.executable, "-X", "utf8=0", "-m", "omni_release", "version", "show", "--format", "json"],
        cwd=tmp_path,
        env=child_environment(PYTHONIOENCODING=encoding, PYTHONUTF8="0"),
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert b"Traceback" not in ended.stderr
    ended.stdout.decode("utf-8")
