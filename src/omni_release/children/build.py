"""Build the sdist of a project and the wheel from that sdist, by its own back end, in one isolated environment.

    python -m omni_release.children.build PROJECT TARGET

`build` (pypa) does the work. The wheel is built from the UNPACKED SDIST: what people without a wheel would get.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path


def main(argv: list[str]) -> int:
    """Build; 0 where it worked."""
    import build
    import pyproject_hooks
    from build.env import DefaultIsolatedEnv

    project, target = Path(argv[0]), Path(argv[1])
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    try:
        with DefaultIsolatedEnv(installer="uv") as environment, tempfile.TemporaryDirectory() as scratch:
            builder = build.ProjectBuilder.from_isolated_env(
                environment, project, pyproject_hooks.default_subprocess_runner
            )
            environment.install(builder.build_system_requires)
            environment.install(builder.get_requires_for_build("sdist"))
            sdist = builder.build("sdist", str(target))
            with tarfile.open(sdist) as archive:
                if hasattr(tarfile, "data_filter"):
                    archive.extractall(scratch, filter="data")
                else:  # before 3.11.4; the archive is this very back end's own
                    archive.extractall(scratch)  # noqa: S202 - see above
            (unpacked,) = Path(scratch).iterdir()
            from_sdist = build.ProjectBuilder.from_isolated_env(
                environment, unpacked, pyproject_hooks.default_subprocess_runner
            )
            environment.install(from_sdist.get_requires_for_build("wheel"))
            from_sdist.build("wheel", str(target))
    except subprocess.CalledProcessError as error:  # the installer, whose output `build` keeps to itself
        print((error.stdout or b"").decode("utf-8", "replace"), (error.stderr or b"").decode("utf-8", "replace"))
        print(f"{error.cmd[0]} ended with exit code {error.returncode}", file=sys.stderr)
        return 1
    except (build.BuildException, build.BuildBackendException, build.FailedProcessError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
