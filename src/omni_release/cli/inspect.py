"""`inspect`: the rehearsal up to the inspection; with names or files, a look at released files without a checkout."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from omni_release.cli import lane
from omni_release.cli.parser import subcommand
from omni_release.core.errors import InvalidDistribution, UsageError

TYPE_CHECKING = False  # as the type checker knows it; importing typing slows the start down
if TYPE_CHECKING:
    from collections.abc import Sequence

    from omni_release.cli.parser import Commands
    from omni_release.core.model import Project


class Arguments(lane.Arguments):
    """The arguments of `inspect`."""

    what: Sequence[str] = ()


def add_parser(commands: Commands, name: str) -> None:
    """Add `inspect`."""
    examples = ("inspect", "inspect acme==1.2.3", "inspect dist/acme-1.2.3.tar.gz dist/acme-1.2.3-py3-none-any.whl")
    parser = subcommand(commands, name, lane.describe(name), *examples)
    help = "a release of the index (NAME or NAME==VERSION), or an sdist and a wheel; nothing is built"
    parser.add_argument("what", nargs="*", metavar="NAME|FILE", help=help)
    lane.add_options(parser, run=True, artifacts=True)
    parser.set_defaults(run=run)


def run(arguments: Arguments) -> int:
    """Inspect the distributions of a rehearsal, or those that are named; the exit code of the report.

    Raises UsageError where what is named is neither a file nor a release of the index.
    """
    import dataclasses
    import tempfile

    if not arguments.what:
        return lane.run(arguments)
    if arguments.artifacts or arguments.run_id:
        raise UsageError("`--run` and `--artifacts` are for a checkout", "Leave them out, or name no release.")
    with tempfile.TemporaryDirectory(prefix="omni-release-") as name:
        folder = Path(name)
        dist = folder / "dist"
        dist.mkdir()
        _collect(arguments.what, dist)
        project = _project(folder / "source", dist)
        return lane.start(dataclasses.replace(lane.request(arguments, project), artifacts=dist, mode="files"))


def _collect(what: Sequence[str], dist: Path) -> None:
    """Copy the files that are named, and download the releases, into `dist`."""
    import shutil

    from omni_release import distributions
    from omni_release.environments.installer_config import default_index
    from omni_release.index import downloads

    for name in what:
        path = Path(name)
        if path.is_file():
            if not path.name.endswith((".tar.gz", ".whl")):
                raise UsageError(f"{name} is neither an sdist nor a wheel", "Name a .tar.gz or a .whl.")
            shutil.copy(path, dist / path.name)
            continue
        if (named := distributions.named_release(name)) is None:
            raise UsageError(f"{name} is neither a file nor a release", "Name files, or NAME==VERSION.")
        sys.stderr.write(lane.shown(f"downloading {name} …\n"))
        downloads.download(default_index(os.environ), *named, dist)


def _project(source: Path, dist: Path) -> Project:
    """The project of the distributions: the unpacked sdist, or a folder that states name and version alone."""
    import dataclasses
    import shutil

    from omni_release import distributions, project
    from omni_release.core.settings import Settings
    from omni_release.distributions.archives import Archive

    source.mkdir()
    files = distributions.in_folder(dist)
    name, version = distributions.name_and_version(files[0].name)
    sdist = next((path for path in files if not distributions.is_wheel(path.name)), None)
    try:
        if sdist is not None:
            Archive(sdist, sdist.name, bounded=True).validate()
            for entry in distributions.contents(sdist):
                target = source / entry.name
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(entry.read())
            # Its own settings are not followed: they could name commands, and accept what is wrong.
            return project.load(source, Settings())
    except (InvalidDistribution, UsageError):  # the checks say what is wrong with it
        shutil.rmtree(source)
        source.mkdir()
    build = '[build-system]\nrequires = ["setuptools"]\nbuild-backend = "setuptools.build_meta"\n'
    stated = f'[project]\nname = "{name}"\nversion = "{version}"\n'
    (source / "pyproject.toml").write_text(build + stated, encoding="utf-8")
    return dataclasses.replace(project.load(source), packages=())
