"""Build a project's distributions with its own back end, in one isolated environment that later builds reuse.

    python -m omni_release.scripts.build first SOURCE ENVIRONMENT DIST LOCAL REASON [VARIABLE ...]
    python -m omni_release.scripts.build again SOURCE ENVIRONMENT DIST FIRST REASON [VARIABLE ...]

`first` creates the environment, builds the sdist, and builds the wheel from the unpacked sdist, as an installer without
a wheel would. A wheel that no index takes, because it is for this machine alone, goes to LOCAL. `again` builds the same
two into DIST/again, and a wheel straight from the source into DIST/checkout, to compare them with those of the first
build in FIRST. Sdists are unpacked in the working directory. Where the build fails, the file REASON says why, with the
last lines of what failed. Next to DIST, `first` writes what it built with.
The back end gets none of the variables: they are for the installer alone. `NAME=VALUE` gives it another value.
"""

from __future__ import annotations

import collections
import csv
import dataclasses
import filecmp
import hashlib
import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
import threading
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

import build
import uv

from omni_release.core import build_place
from omni_release.scripts import ENVIRONMENT_FILE, REQUIREMENTS_FILE

Kind = Literal["sdist", "wheel"]

# PyPI takes wheels for these platforms; `linux_x86_64` does not say on which machines a wheel runs.
_OF_THIS_MACHINE = re.compile(r"-(?!any|win|macosx|manylinux|musllinux|ios|android|py|linux_armv[67]l)[^-]+\.whl$")
_LINES = 100
_CAUSE = re.compile(r"^\w[\w.]*(?:Error|Exception|Exit|NotFound)\b|\b(?:error|fatal)\b", re.IGNORECASE)
_TRACEBACK = "Traceback (most recent call last):"
_NOT_FOUND = ("No module named", "Cannot find module")  # of Python, and of pyproject_hooks
_SHOWN = 10  # lines of what failed
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_NAMED = 5


class Isolated:
    """The environment of the back end, see `build.env.IsolatedEnv`; installed from uv's cache if that is enough.

    Unlike `build.env.DefaultIsolatedEnv` it stays: a second build needs no installation, nor to ask the back end.
    """

    def __init__(self, folder: Path, withheld: Iterable[str] = ()) -> None:
        self._folder = folder
        named = [each.partition("=") for each in withheld]
        self._withheld = frozenset(name for name, equals, _ in named if not equals)
        self._given = {name: value for name, equals, value in named if equals}
        self._scripts = folder / ("Scripts" if os.name == "nt" else "bin")
        self.python_executable = str(self._scripts / ("python.exe" if os.name == "nt" else "python"))
        # The environment of an earlier build has all that this build needs.
        self.complete = folder.is_dir()

    def make_extra_environ(self) -> dict[str, str]:
        """Variables that are added to the environment of the hooks."""
        return {"PATH": f"{self._scripts}{os.pathsep}{os.environ.get('PATH', os.defpath)}"}

    def environ(self) -> dict[str, str]:
        """The variables for the hooks."""
        return {name: value for name, value in os.environ.items() if name not in self._withheld} | self._given

    def create(self) -> None:
        """Create the environment, in place of an earlier one."""
        self.complete = False
        self._uv("venv", "--clear", "--no-project", "--python", sys.executable, str(self._folder))

    def install(self, requirements: Iterable[str]) -> None:
        """Install the requirements of the back end."""
        if wanted := sorted(requirements):
            with (self._folder / REQUIREMENTS_FILE).open("a", encoding="utf-8") as file:
                file.writelines(f"{requirement}\n" for requirement in wanted)
            arguments = ("pip", "install", "--python", self.python_executable, *wanted)
            try:
                # Without output: a requirement that is not cached is not an error.
                self._uv(*arguments, "--offline", quiet=True)
            except Failed:
                self._uv(*arguments)

    def requirements(self) -> list[str]:
        """All that was asked for: by the project, and by its back end."""
        path = self._folder / REQUIREMENTS_FILE
        return sorted(set(path.read_text(encoding="utf-8").splitlines())) if path.is_file() else []

    def installed(self) -> list[dict[str, str]]:
        """What is installed: the name, the version and the hash of the files; `origin` where it is from no index."""
        folders = {"base": str(self._folder), "platbase": str(self._folder)}
        paths = {sysconfig.get_path(kind, "venv", folders) for kind in ("purelib", "platlib")}
        found = []
        for each in importlib.metadata.distributions(path=sorted(paths)):
            origin = {"origin": _origin(text)} if (text := each.read_text("direct_url.json")) else {}
            files = _hash_of_files(each.read_text("RECORD") or "")
            found.append({"name": each.name, "version": each.version, "files": files, **origin})
        return sorted(found, key=lambda each: each["name"].lower())

    def _uv(self, *arguments: str, quiet: bool = False) -> None:
        argv = [uv.find_uv_bin(), *arguments]
        ended = subprocess.run(argv, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)  # noqa: S603 - our own
        if not quiet:
            sys.stdout.buffer.write(ended.stdout)
            sys.stdout.buffer.flush()
        if ended.returncode:
            lines = _COLOUR.sub("", ended.stdout.decode("utf-8", "replace")).splitlines()
            raise Failed("the environment of the build could not be made: uv failed", *_last(lines))


def _last(lines: Iterable[str]) -> list[str]:
    """The last lines that are not empty."""
    return [line.rstrip() for line in lines if line.strip()][-_SHOWN:]


# What an installer adds to a package, different on each machine.
_BY_INSTALLERS = re.compile(r"\.\./.*|.*\.dist-info/(?:INSTALLER|REQUESTED|RECORD|direct_url\.json|uv_\w+\.json)")


def _hash_of_files(record: str) -> str:
    """The sha256 over the names and hashes of a package's files, as its RECORD lists them."""
    rows = (row for row in csv.reader(record.splitlines()) if len(row) > 1 and row[1])
    lines = sorted(f"{row[0]} {row[1]}\n" for row in rows if not _BY_INSTALLERS.fullmatch(row[0]))
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _origin(direct_url: str) -> str:
    """Where a package comes from that is from no index: its address, without a login, and its commit."""
    stated = json.loads(direct_url)
    commit = stated.get("vcs_info", {}).get("commit_id", "")
    address = re.sub(r"(?<=://)[^/@]*@", "", str(stated.get("url", "")))
    return f"{address}@{commit}" if commit else address


class Failed(Exception):
    """A build failed: what and why, in one line; and the last lines of what failed."""

    def __init__(self, message: str, *lines: str) -> None:
        super().__init__("\n".join((message, *lines)))
        self.message = message
        self.lines = lines


class Hooks:
    """Calls the hooks of the back end for one source tree. Their output is passed on as it comes."""

    def __init__(self, source: Path, isolated: Isolated) -> None:
        self._source = source
        self._isolated = isolated
        self._tail: collections.deque[str] = collections.deque(maxlen=_LINES)
        try:
            self._builder = build.ProjectBuilder.from_isolated_env(isolated, source, runner=self._run)
        except build.BuildException as error:
            raise Failed(str(error)) from None

    def build(self, kind: Kind, target: Path) -> Path:
        """Build it, with what the back end needs for it. Raises Failed with the last words of the back end."""
        hook = f"get_requires_for_build_{kind}"
        try:
            if not self._isolated.complete:
                self._isolated.install(self._builder.get_requires_for_build(kind))
            hook = f"build_{kind}"  # the next one
            return Path(self._builder.build(kind, str(target)))
        except build.BuildBackendException as error:
            if isinstance(error.exception, subprocess.CalledProcessError):
                cause, lines = self._cause() or str(error), _last(self._tail)
            else:  # it was not called: what it has printed before, a warning for example, is not why
                why = self._relative("".join(_last(str(error.exception).splitlines())[-1:]))
                cause, lines = str(error) if why in str(error) else f"{str(error).rstrip('.')}: {why}", []
            raise Failed(f"{hook} of the build back end failed: {cause}", *lines) from None
        except build.BuildException as error:
            raise Failed(f"{hook} of the build back end failed: {error}") from None

    def _cause(self) -> str:
        """The exception of the last traceback that the hook printed; else the last line with an error, or the last."""
        lines = [line for line in self._tail if line.strip()]
        begun = next((at for at in reversed(range(len(lines))) if lines[at].startswith(_TRACEBACK)), len(lines))
        raised = (line for line in lines[begun + 1 :] if not line[0].isspace())
        errors = (line for line in reversed(lines) if _CAUSE.search(line.strip()))
        return (next(raised, "") or next(errors, lines[-1] if lines else "")).strip()

    def _run(self, cmd: Sequence[str], cwd: str | None = None, extra_environ: Mapping[str, str] | None = None) -> None:
        """Run one hook; see `build.SubprocessRunner`."""
        self._tail.clear()
        variables = {**self._isolated.environ(), **(extra_environ or {})}
        process = subprocess.Popen(  # noqa: S603 - the project's own back end
            cmd, cwd=cwd, env=variables, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        reader = threading.Thread(target=self._pass_on, args=(process,), daemon=True)
        reader.start()
        code = process.wait()
        reader.join(timeout=5)  # a program that the back end left running may keep the pipe open
        if code:
            raise subprocess.CalledProcessError(code, cmd)

    def _pass_on(self, process: subprocess.Popen[bytes]) -> None:
        for line in process.stdout or ():
            sys.stdout.buffer.write(line)
            sys.stdout.buffer.flush()
            text = _COLOUR.sub("", line.decode("utf-8", "replace")).rstrip()
            self._tail.append(self._relative(text))

    def _relative(self, text: str) -> str:
        """The text with paths relative to the source tree."""
        return text.replace(f"{self._source}{os.sep}", "").replace(str(self._source), ".")


def sdist_and_wheel(source: Path, isolated: Isolated, target: Path) -> Path:
    """Build the sdist, and the wheel from it; the wheel."""
    return wheel_of(Hooks(source, isolated).build("sdist", target), source, isolated, target)


def wheel_of(sdist: Path, source: Path, isolated: Isolated, target: Path) -> Path:
    """Build the wheel from the sdist of `source`."""
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as scratch:
        with tarfile.open(sdist) as archive:
            if hasattr(tarfile, "data_filter"):
                archive.extractall(scratch, filter="data")
            else:  # before Python 3.11.4
                archive.extractall(scratch)  # noqa: S202 - the back end made it
        (unpacked,) = Path(scratch).iterdir()
        try:
            return Hooks(unpacked, isolated).build("wheel", target)
        except Failed as error:
            errors = (line for line in error.lines if _CAUSE.search(line.strip()))  # a warning is not why
            lacking = lacking_in_sdist(source, unpacked, "\n".join((error.message, *errors)))
            lines = ("This was the wheel built from the sdist.", *lacking, *error.lines)
            raise Failed(error.message, *lines) from None


def _back_end_paths(source: Path) -> tuple[str, ...]:
    """The folders in the tree from which the back end is imported, each with a slash at its end."""
    stated = tomllib.loads((source / "pyproject.toml").read_text(encoding="utf-8")).get("build-system", {})
    return tuple(f"{Path(folder).as_posix()}/" for folder in stated.get("backend-path", ()) if folder != ".")


def lacking_in_sdist(source: Path, unpacked: Path, error: str) -> Iterator[str]:
    """What to do about each file or folder that an error names, and that the checkout has and the sdist has not."""
    named: list[str] = []
    back_ends = _back_end_paths(source) if (source / "pyproject.toml").is_file() else ()
    for folder, folders, files in os.walk(source):
        inside = Path(folder).relative_to(source)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in (*folders, *sorted(files)):
            path = (inside / name).as_posix()
            if len(named) == _NAMED or (unpacked / path).exists() or path.startswith(tuple(f"{n}/" for n in named)):
                continue
            modules = {path, *(path.removeprefix(folder) for folder in back_ends)}
            found = any(f"{words} '{_dotted(name)}'" in error for name in modules for words in _NOT_FOUND)
            if found or re.search(rf"(?<![\w./-]){re.escape(path)}(?![\w.-])", error):
                named.append(path)
                yield f"→ Include {path} in the sdist: it is in the checkout, and the wheel is built from the sdist."


def _dotted(path: str) -> str:
    """The module of a file or folder."""
    return path.removesuffix(".py").replace("/", ".")


def empty(folder: Path) -> Path:
    """The folder, emptied or created."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def first(source: Path, isolated: Isolated, dist: Path, local: Path) -> None:
    """Build the distributions for the first time, and write what they were built with: see `builds.record`."""
    shutil.rmtree(local, ignore_errors=True)
    wheel = sdist_and_wheel(source, isolated, empty(dist))
    os.umask(umask := os.umask(0))
    epoch = os.environ.get("SOURCE_DATE_EPOCH", "")
    record = {
        "python": ".".join(map(str, sys.version_info[:3])),
        "implementation": sys.implementation.name,
        "platform": sysconfig.get_platform(),
        "epoch": int(epoch) if epoch.isdecimal() else None,
        "umask": f"{umask:03o}",
        "wheel": wheel.name,
        "requirements": isolated.requirements(),
        "installed": isolated.installed(),
        "place": dataclasses.asdict(build_place.here(os.environ)),
    }
    text = json.dumps(record, indent=2, ensure_ascii=False)
    dist.with_name(ENVIRONMENT_FILE).write_text(f"{text}\n", encoding="utf-8")
    if _OF_THIS_MACHINE.search(wheel.name):
        wheel.rename(empty(local) / wheel.name)


def again(source: Path, isolated: Isolated, dist: Path, first_dist: Path) -> None:
    """Build what the first build is compared with.

    Where the wheel from the checkout has the bytes of the first one, and the sdist those of the first one, the wheel
    from that sdist is known: it has been built twice with the same bytes.
    """
    shutil.rmtree(dist, ignore_errors=True)
    partial = dist.with_name(f"{dist.name}.partial")
    straight = Hooks(source, isolated).build("wheel", empty(partial / "checkout"))
    sdist = Hooks(source, isolated).build("sdist", empty(partial / "again"))
    if all(is_equal(path, first_dist / path.name) for path in (straight, sdist)):
        shutil.copyfile(straight, partial / "again" / straight.name)
    else:
        wheel_of(sdist, source, isolated, partial / "again")
    partial.rename(dist)


def is_equal(path: Path, other: Path) -> bool:
    """Whether there is such another file, with the same bytes."""
    return other.is_file() and filecmp.cmp(path, other, shallow=False)


def main(argv: list[str]) -> int:
    """Build as the arguments say; the exit code."""
    which, (source, folder, dist, other, reason), withheld = argv[0], map(Path, argv[1:6]), argv[6:]
    reason.unlink(missing_ok=True)
    isolated = Isolated(folder, withheld)
    try:
        if which == "first" or not isolated.complete:
            isolated.create()
            isolated.install(build.ProjectBuilder.from_isolated_env(isolated, source).build_system_requires)
        if which == "first":
            first(source, isolated, dist, local=other)
        else:
            again(source, isolated, dist, first_dist=other)
    except (build.BuildException, build.FailedProcessError, Failed) as error:
        reason.write_text(str(error), encoding="utf-8")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
