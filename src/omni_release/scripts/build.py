"""Build a project's distributions with its own back end, in one isolated environment that later builds reuse.

    python -m omni_release.scripts.build first SOURCE ENVIRONMENT DIST [VARIABLE ...]
    python -m omni_release.scripts.build again SOURCE ENVIRONMENT DIST [VARIABLE ...]

`first` creates the environment, builds the sdist, and builds the wheel from the unpacked sdist, as an installer without
a wheel would. `again` builds the same two into DIST/again, and a wheel straight from the source into DIST/checkout, to
compare them. The back end gets none of the variables: they are for the installer alone.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import build
import uv


class Isolated:
    """The environment of the back end, see `build.env.IsolatedEnv`; installed from uv's cache if that is enough.

    Unlike `build.env.DefaultIsolatedEnv` it stays: a second build needs no installation, nor to ask the back end.
    """

    def __init__(self, folder: Path, withheld: Iterable[str] = ()) -> None:
        self._folder = folder
        self._withheld = frozenset(withheld)
        self._scripts = folder / ("Scripts" if os.name == "nt" else "bin")
        self.python_executable = str(self._scripts / ("python.exe" if os.name == "nt" else "python"))
        # The environment of an earlier build has all that this build needs.
        self.complete = folder.is_dir()

    def make_extra_environ(self) -> dict[str, str]:
        """Variables that are added to the environment of the hooks."""
        return {"PATH": f"{self._scripts}{os.pathsep}{os.environ.get('PATH', os.defpath)}"}

    def builder(self, source: Path) -> build.ProjectBuilder:
        """Runs the back end of the project at `source`."""
        return build.ProjectBuilder.from_isolated_env(self, source, runner=self._run_hook)

    def _run_hook(
        self, cmd: Sequence[str], cwd: str | None = None, extra_environ: Mapping[str, str] | None = None
    ) -> None:
        environment = {name: value for name, value in os.environ.items() if name not in self._withheld}
        subprocess.run(cmd, cwd=cwd, env=environment | dict(extra_environ or {}), check=True)  # noqa: S603 - the back end

    def create(self) -> None:
        """Create the environment, in place of an earlier one."""
        self.complete = False
        self._uv("venv", "--clear", "--no-project", "--python", sys.executable, str(self._folder))

    def install(self, requirements: Iterable[str]) -> None:
        """Install the requirements of the back end."""
        if wanted := sorted(requirements):
            arguments = ("pip", "install", "--python", self.python_executable, *wanted)
            try:
                # Without output: a requirement that is not cached is not an error.
                self._uv(*arguments, "--offline", output=subprocess.DEVNULL)
            except subprocess.CalledProcessError:
                self._uv(*arguments)

    def _uv(self, *arguments: str, output: int | None = None) -> None:
        subprocess.run([uv.find_uv_bin(), *arguments], check=True, stdout=output, stderr=output)  # noqa: S603 - our own


def sdist_and_wheel(source: Path, isolated: Isolated, target: Path) -> None:
    """Build the sdist, and the wheel from it."""
    builder = isolated.builder(source)
    if not isolated.complete:
        isolated.install(builder.get_requires_for_build("sdist"))
    sdist = builder.build("sdist", str(target))
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
        with tarfile.open(sdist) as archive:
            if hasattr(tarfile, "data_filter"):
                archive.extractall(scratch, filter="data")
            else:  # before Python 3.11.4
                archive.extractall(scratch)  # noqa: S202 - the back end made it
        (unpacked,) = Path(scratch).iterdir()
        wheel(unpacked, isolated, target)


def wheel(source: Path, isolated: Isolated, target: Path) -> None:
    """Build the wheel of a source tree."""
    builder = isolated.builder(source)
    if not isolated.complete:
        isolated.install(builder.get_requires_for_build("wheel"))
    builder.build("wheel", str(target))


def empty(folder: Path) -> Path:
    """The folder, emptied or created."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def main(argv: list[str]) -> int:
    """Build as the arguments say; the exit code."""
    which, (source, folder, dist), withheld = argv[0], map(Path, argv[1:4]), argv[4:]
    isolated = Isolated(folder, withheld)
    try:
        if which == "first" or not isolated.complete:
            isolated.create()
            isolated.install(isolated.builder(source).build_system_requires)
        if which == "first":
            sdist_and_wheel(source, isolated, empty(dist))
        else:
            shutil.rmtree(dist, ignore_errors=True)
            partial = dist.with_name(f"{dist.name}.partial")
            wheel(source, isolated, empty(partial / "checkout"))
            sdist_and_wheel(source, isolated, empty(partial / "again"))
            partial.rename(dist)
    except subprocess.CalledProcessError as error:
        print(f"{error.cmd[0]} ended with exit code {error.returncode}", file=sys.stderr)
        return 1
    except (build.BuildException, build.BuildBackendException, build.FailedProcessError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
