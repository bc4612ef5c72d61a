"""What tests have used: real interpreters with the recorder, and each change that they could notice."""

from __future__ import annotations

import dataclasses
import os
import socket
import subprocess
import sys
import venv
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from omni_release import environments
from omni_release.adapters.files import LocalFiles
from omni_release.core.cache import Inputs, OutcomeCache
from omni_release.core.model import Outcome, Release, Status
from omni_release.scripts import reads_recorder
from omni_release.testing import inputs as testing_inputs
from omni_release.testing import reads

PASSED = Outcome("tests-pass", "Tests pass", "check", Status.PASSED)


class Tests:
    """A copy of a project with a package installed in an environment; its tests are one program, run.py."""

    __test__ = False

    def __init__(self, release: Release) -> None:
        self.release = release
        self.environment = release.environment("candidate")
        self.tree = release.tests_tree
        self.site = environments.site_packages(self.environment)
        self.outside = release.project.root / "outside"
        self.record = release.work_dir / "reads.jsonl"
        venv.create(self.environment, with_pip=False, symlinks=os.name != "nt")
        (self.site / "omni_release_reads.py").write_text(Path(reads_recorder.__file__).read_text(encoding="utf-8"))
        arguments = (str(self.record), [str(self.site / "acme")], [str(self.site)])
        start = f"import omni_release_reads; omni_release_reads.install{arguments!a}\n"
        (self.site / "omni_release_reads.pth").write_text(start)
        for name in ("data/a.txt", "data/b.txt", "README.md", "helper.py"):
            self.write(self.tree / name, f"# {name}")
        for name in ("__init__.py", "lazy.py", "data.txt"):
            self.write(self.site / "acme" / name, f"# {name}")
        self.write(self.outside / "settings.ini", "x = 1")
        os.utime(self.outside / "settings.ini", (1, 1))
        self.cache = OutcomeCache(release.project.root / "cache", "20261126-115800-000", LocalFiles())

    @staticmethod
    def write(path: Path, text: str) -> None:
        """Write a file, and its folder."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    @property
    def places(self) -> dict[str, Path]:
        """The files that are inputs."""
        found = {}
        for start, folder in ((reads.TREE, self.tree), (reads.SITE, self.site / "acme")):
            for path in folder.rglob("*"):
                if (path.is_symlink() or path.is_file()) and "__pycache__" not in path.parts:
                    found[start + path.relative_to(folder).as_posix()] = path
        return found

    def inputs(self) -> Inputs:
        """The inputs as they are now."""
        files = {name: testing_inputs._content(path, self.release) for name, path in self.places.items()}
        return Inputs("tools", files | testing_inputs._times(self.places))

    def run(self, code: str, **variables: str) -> Inputs:
        """Run the tests, and keep that they passed, with what they have used; the inputs that they had."""
        self.write(self.tree / "run.py", code)
        before = self.inputs()
        reads.mark(path for name, path in self.places.items() if name.startswith(reads.TREE))
        self.record.unlink(missing_ok=True)
        subprocess.run(
            [environments.python(self.environment), "run.py"],
            cwd=self.tree,
            env={**os.environ, "OUTSIDE": str(self.outside), **variables},
            check=True,
            timeout=60,
        )
        recorded = reads.read(self.record, self.environment)
        used = reads.used(recorded, before, self.places, self.release, shows=reads.accesses_show(self.release.work_dir))
        if used is not None:
            self.cache.keep(PASSED, before, used)
        return before

    def is_kept(self) -> bool:
        """Whether the outcome is used again for what is there now."""
        return self.cache.find("tests-pass", self.inputs()) is not None


@pytest.fixture
def tests(release: Release, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tests:
    """New tests; the folder for temporary files is one of its own, as it is for a person."""
    (tmp_path / "temporary").mkdir()
    for variable in ("TMPDIR", "TEMP", "TMP"):
        monkeypatch.setenv(variable, str(tmp_path / "temporary"))
    monkeypatch.setattr("tempfile.tempdir", None)
    work = (tmp_path / "work").resolve()
    return Tests(dataclasses.replace(release, work_dir=work, folder=work / "run"))


README, DATA, OTHER, LAZY, PACKAGED = "README.md", "data/a.txt", "data/b.txt", "acme/lazy.py", "acme/data.txt"
FILES = (README, DATA, OTHER, LAZY, PACKAGED)

PROGRAMS: dict[str, tuple[str, set[str]]] = {
    "nothing": ("", set()),
    "a data file": ("open('data/a.txt').close()", {DATA}),
    "a file by its descriptor": ("import os; os.close(os.open('data/a.txt', os.O_RDONLY))", {DATA}),
    "a file in bytes": ("open(b'data/a.txt').close()", {DATA}),
    "a file from another folder": ("import os; os.chdir('data'); open('a.txt').close()", {DATA}),
    "a link": (
        "import pathlib; p = pathlib.Path('link'); p.symlink_to('data/a.txt'); p.read_text(); p.unlink()",
        {DATA},
    ),
    "a file to change": ("open('data/a.txt', 'r+').close()", {DATA}),
    "a mapped file": ("import mmap; f = open('data/a.txt', 'rb'); mmap.mmap(f.fileno(), 0, prot=1)", {DATA}),
    "a file that is copied": ("import shutil, tempfile; shutil.copy('data/a.txt', tempfile.mkdtemp())", {DATA}),
    "a database": (
        (
            "import sqlite3, contextlib\n"
            "with contextlib.suppress(sqlite3.Error): sqlite3.connect('data/a.txt').execute('select 1 from x')"
        ),
        {DATA},
    ),
    "an archive": (
        "import zipfile, contextlib\nwith contextlib.suppress(zipfile.BadZipFile): zipfile.ZipFile('data/a.txt')",
        {DATA},
    ),
    "a lazy import": ("import acme.lazy", {LAZY}),
    "a lazy import in a thread": (
        "import threading; t = threading.Thread(target=lambda: __import__('acme.lazy')); t.start(); t.join()",
        {LAZY},
    ),
    "a resource of the package": (
        "import importlib.resources as r; (r.files('acme') / 'data.txt').read_text()",
        {PACKAGED},
    ),
    "a child": (
        "import subprocess, sys; subprocess.run([sys.executable, '-c', 'open(\"data/a.txt\")'], check=True)",
        {DATA},
    ),
    "an isolated child": (
        "import subprocess, sys; subprocess.run([sys.executable, '-I', '-c', 'open(\"data/a.txt\")'], check=True)",
        {DATA},
    ),
    "a grandchild": (
        (
            "import subprocess, sys; c = 'import subprocess as s, sys; '\n"
            'c += \'s.run([sys.executable, "-c", "import acme.lazy"])\'\n'
            "subprocess.run([sys.executable, '-c', c], check=True)"
        ),
        {LAZY},
    ),
    "a spawned process": (
        (
            "import multiprocessing as m\nif __name__ == '__main__':\n"
            "    p = m.get_context('spawn').Process(target=open, args=('data/a.txt',)); p.start(); p.join()"
        ),
        {DATA},
    ),
    "a killed child": (
        (
            "import subprocess, sys\n"
            "subprocess.run([sys.executable, '-c', 'import os; open(\"data/a.txt\"); os._exit(0)'], check=True)"
        ),
        {DATA},
    ),
    "another program": ("import subprocess; subprocess.run(['git', '--version'], check=True)", set(FILES)),
    "a shell": ("import subprocess; subprocess.run('cat data/a.txt', shell=True, check=True)", set(FILES)),
    "os.system": ("import os; os.system('cat data/a.txt')", set(FILES)),
    "os.posix_spawn": (
        "import os; os.waitpid(os.posix_spawn('/bin/true', ['true'], os.environ), 0)",
        set(FILES),
    ),
    "a child without the recorder": (
        "import subprocess, sys; subprocess.run([sys.executable, '-S', '-c', 'open(\"data/a.txt\")'], check=True)",
        set(FILES),
    ),
    "a child with recording turned off": (
        (
            "import os, subprocess, sys\n"
            "subprocess.run([sys.executable, '-c', ''], env={**os.environ, 'OMNI_RELEASE_UNRECORDED': '1'}, check=True)"
        ),
        set(FILES),
    ),
    "another interpreter": (
        "import os, subprocess; subprocess.run([os.environ['OTHER'], '-c', 'open(\"data/a.txt\")'], check=True)",
        set(FILES),
    ),
    "the size of a file": ("import os; os.path.getsize('README.md')", set(FILES)),
    "the time of a file": ("import pathlib; pathlib.Path('README.md').stat().st_mtime", set(FILES)),
    "a library in C": (
        "import ctypes; c = ctypes.CDLL(None); c.read(c.open(b'data/a.txt', 0), ctypes.create_string_buffer(9), 9)",
        {DATA, LAZY, PACKAGED},
    ),
}
if hasattr(os, "fork"):
    PROGRAMS["a fork"] = (
        "import os, acme\npid = os.fork()\nif pid == 0:\n    open('data/a.txt'); os._exit(0)\nos.waitpid(pid, 0)",
        {DATA},
    )
    PROGRAMS["a program in place of a child"] = (
        "import os\npid = os.fork()\nif pid == 0:\n    os.execvp('cat', ['cat', 'data/a.txt'])\nos.waitpid(pid, 0)",
        set(FILES),
    )


@pytest.mark.skipif(os.name == "nt", reason="programs of POSIX")
@pytest.mark.parametrize("kind", PROGRAMS)
def test_what_is_used(tests: Tests, kind: str) -> None:
    """A change of a file that the tests have used is noticed; of any other file it is not."""
    code, used = PROGRAMS[kind]
    tests.run(code, OTHER=sys._base_executable)  # type: ignore[attr-defined]  # the one that the environment is of
    assert tests.is_kept()
    for name in FILES:
        path = (tests.site if name.startswith("acme/") else tests.tree) / name
        original = path.read_bytes()
        times = path.stat().st_atime_ns, path.stat().st_mtime_ns
        path.write_bytes(b"# changed")
        assert tests.is_kept() == (name not in used), name
        path.write_bytes(original)
        os.utime(path, ns=times)
        assert tests.is_kept()


def _rename(tests: Tests) -> None:
    (tests.tree / README).rename(tests.tree / "NEWS.md")


SETS: dict[str, Callable[[Tests], object]] = {
    "a new file": lambda tests: (tests.tree / "data" / "c.txt").touch(),
    "a missing file that was looked for": lambda tests: (tests.tree / "missing.txt").touch(),
    "a new module that hides another": lambda tests: (tests.tree / "json.py").touch(),
    "a removed file": lambda tests: (tests.tree / README).unlink(),
    "a renamed file": _rename,
    "a new file of the package": lambda tests: (tests.site / "acme" / "new.py").touch(),
    "the program of the tests": lambda tests: (tests.tree / "run.py").write_text("assert True\n"),
}


@pytest.mark.parametrize("kind", SETS)
def test_set_of_files(tests: Tests, kind: str) -> None:
    """Whatever the tests have looked at, a file that is added, removed or renamed is noticed."""
    tests.run("import os; os.listdir('data'); os.path.exists('missing.txt')")
    assert tests.is_kept()
    SETS[kind](tests)
    assert not tests.is_kept()


@pytest.mark.skipif(os.name == "nt", reason="permissions of POSIX")
def test_permissions(tests: Tests) -> None:
    """A file that becomes executable is noticed, also if it was not used."""
    tests.run("open('README.md').close()")
    (tests.tree / README).chmod(0o755)
    assert not tests.is_kept()


def test_time_alone(tests: Tests) -> None:
    """The time of a file counts only where the tests look at times."""
    tests.run("open('README.md').close()")
    os.utime(tests.tree / README, (5, 5))
    assert tests.is_kept()
    tests.run("import os; os.path.getmtime('README.md')")
    os.utime(tests.tree / README, (6, 6))
    assert not tests.is_kept()


OUTSIDE: dict[str, tuple[str, Callable[[Tests], object]]] = {
    "a file": (
        "import os; open(os.environ['OUTSIDE'] + '/settings.ini')",
        lambda tests: (tests.outside / "settings.ini").write_text("x = 2"),
    ),
    "a missing file": (
        "import os, contextlib\nwith contextlib.suppress(OSError): open(os.environ['OUTSIDE'] + '/missing')",
        lambda tests: (tests.outside / "missing").touch(),
    ),
    "a folder": (
        "import os; os.listdir(os.environ['OUTSIDE'])",
        lambda tests: (tests.outside / "new").touch(),
    ),
}


@pytest.mark.parametrize("kind", OUTSIDE)
def test_outside(tests: Tests, kind: str) -> None:
    """What the tests read elsewhere on this machine is an input, too."""
    code, change = OUTSIDE[kind]
    tests.run(code)
    assert tests.is_kept()
    change(tests)
    assert not tests.is_kept()


@pytest.mark.parametrize(
    "code",
    [
        "import os; p = os.environ['OUTSIDE'] + '/settings.ini'; open(p).read(); open(p, 'w').write('x = 2')",
        "import os; p = os.environ['OUTSIDE'] + '/settings.ini'; open(p).read(); os.remove(p)",
        (
            "import os, contextlib; p = os.environ['OUTSIDE'] + '/count'\n"
            "with contextlib.suppress(OSError): open(p).read()\nopen(p, 'w').write('1')"
        ),
    ],
)
def test_changed_by_the_tests(tests: Tests, code: str) -> None:
    """Tests that change what they read elsewhere are never used again: the next run would read something else."""
    tests.run(code)
    assert not list(tests.cache.folder.glob("*"))


def test_temporary_files(tests: Tests) -> None:
    """What the tests make for themselves is no input."""
    tests.run(
        "import tempfile, pathlib, os, contextlib\np = pathlib.Path(tempfile.mkdtemp())\n"
        "with contextlib.suppress(OSError): open(p / 'missing')\n"
        "(p / 'made').write_text('x'); (p / 'made').read_text(); os.listdir(p); (p / 'missing').write_text('')"
    )
    assert tests.is_kept()


@pytest.fixture
def service() -> Iterator[int]:
    """The port of a service of this machine that is no part of the tests."""
    for port in range(20_000, 20_200):
        with socket.socket() as server:
            try:
                server.bind(("127.0.0.1", port))
            except OSError:
                continue
            server.listen()
            yield port
            return


@pytest.mark.parametrize(
    "code",
    [
        (
            "import socket, contextlib\n"
            "with contextlib.suppress(OSError): socket.create_connection(('192.0.2.1', 9), 0.01)"
        ),
        "import socket, contextlib\nwith contextlib.suppress(OSError): socket.getaddrinfo('acme.invalid', 80)",
        "import socket, os; socket.create_connection(('127.0.0.1', int(os.environ['PORT'])))",
    ],
)
def test_another_service(tests: Tests, service: int, code: str) -> None:
    """Tests that ask another machine, or a service that they have not started, are never used again."""
    tests.run(code, PORT=str(service))
    assert not list(tests.cache.folder.glob("*"))


def test_own_service(tests: Tests) -> None:
    """A service that the tests start is a part of them."""
    tests.run("import socket; s = socket.create_server(('127.0.0.1', 0)); socket.create_connection(s.getsockname())")
    assert tests.is_kept()


@pytest.mark.skipif(os.name == "nt", reason="a library of POSIX")
def test_changed_by_another_program(tests: Tests) -> None:
    """A file elsewhere that changed while the tests ran, but not by them, is an input as they have read it."""
    tests.run(
        "import ctypes, os; c = ctypes.CDLL(None); path = os.environ['OUTSIDE'] + '/settings.ini'\n"
        "c.write(c.open(path.encode(), os.O_WRONLY), b'y', 1)\nopen(path).read()"
    )
    assert tests.is_kept()
    (tests.outside / "settings.ini").write_text("z = 2")
    assert not tests.is_kept()


@pytest.mark.parametrize("line", ["{", '{"process": 1, "read"', "null\n", '"read"\n'])
def test_incomplete_record(tests: Tests, line: str) -> None:
    """Where a part of the record is lost, all files count."""
    tests.run("open('data/a.txt').close()")
    with tests.record.open("a") as file:
        file.write(f"{line}\n")
    assert reads.read(tests.record, tests.environment).unseen == "a part of the record"


def test_nothing_recorded(tests: Tests) -> None:
    """Without a record it is unknown what was used: all of it."""
    recorded = reads.read(tests.record, tests.environment)
    assert recorded.unseen == "all processes"


def test_no_access_times(tests: Tests) -> None:
    """Where a file system notes no access, compiled code may have read all files."""
    tests.run("import ctypes; ctypes.CDLL(None)")
    recorded, inputs = reads.read(tests.record, tests.environment), tests.inputs()
    used = reads.used(recorded, inputs, tests.places, tests.release, shows=False)
    assert used is not None and used.files == inputs.files.keys()


def test_many_threads(tests: Tests) -> None:
    """Files that threads open at the same time are all recorded."""
    names = [f"many/{number}.txt" for number in range(200)]
    for name in names:
        tests.write(tests.tree / name, "x")
    tests.run(
        "import pathlib, concurrent.futures as c\nwith c.ThreadPoolExecutor(16) as pool:\n"
        "    list(pool.map(lambda p: p.read_text(), pathlib.Path('many').iterdir()))"
    )
    recorded = reads.read(tests.record, tests.environment)
    assert {str(tests.tree / name) for name in names} <= recorded.files.keys()


def test_no_descriptor_left(tests: Tests) -> None:
    """A file that is opened with the last descriptor is recorded later."""
    pytest.importorskip("resource")
    tests.run(
        "import resource\nresource.setrlimit(resource.RLIMIT_NOFILE, (40, 40))\nopened = []\n"
        "try:\n    while True: opened.append(open('README.md'))\nexcept OSError: pass\n"
        "opened.pop(); opened.append(open('data/a.txt')); opened.clear(); open('data/b.txt')"
    )
    recorded = reads.read(tests.record, tests.environment)
    assert {str(tests.tree / name) for name in (README, DATA, OTHER)} <= recorded.files.keys()
