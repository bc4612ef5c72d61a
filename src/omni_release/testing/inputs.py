"""What the outcome of the tests depends on, and what they have used of it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from omni_release import environments, testing
from omni_release.core.actions import Run
from omni_release.core.cache import Inputs, Used, digest
from omni_release.core.model import Release
from omni_release.core.world import World
from omni_release.environments import inputs as environment_inputs
from omni_release.testing import copied_files, extras, reads, results, tagged
from omni_release.testing.commands import command

_CANDIDATE = "candidate"
_REPORT = "tests.junit.xml"


def inputs_of_tests(release: Release, world: World) -> Inputs | None:
    """The inputs of the tests: the copy that they run in, what is installed, their command and its variables.

    Of the files of the copy, and those of the project's own wheel, only those that they use must be the same.
    """
    run = command(release, world, release.folder / _REPORT)
    packages = environment_inputs.installed(release, _CANDIDATE)
    if packages is None:
        return None
    found = places(release, world)
    files = {name: _content(path, release) for name, path in found.items()}
    reads.mark(path for name, path in found.items() if name.startswith(reads.TREE))  # last: a hash is made by reading
    return Inputs(digest((_exact(release, run), packages)), files | _times(found))


def _exact(release: Release, run: Run) -> str:
    project = release.project
    return digest(
        (
            environment_inputs.tool(),
            str(project.root),
            f"{project.name} {project.packages} {project.compiled} {project.settings.tests}",
            *(environment_inputs.without_places(word, release) for word in run.argv),
            environment_inputs.variables(run.environment, release),
        )
    )


def places(release: Release, world: World) -> dict[str, Path]:
    """The path of each file that the tests see, by its name in their inputs."""
    copied = copied_files.copied(release, world)
    tree = {f"{reads.TREE}{file.as_posix()}": release.tests_tree / file for file in copied}
    own = environment_inputs.own_files(release, _CANDIDATE)
    site = environments.site_packages(release.environment(_CANDIDATE))
    for tests in copied_files.installed_tests(release, world):
        own |= {f"{tests.installed}/{file.as_posix()}": site / tests.installed / file for file in tests.files}
    return tree | {f"{reads.SITE}{name}": path for name, path in own.items()}


def _content(path: Path, release: Release) -> str:
    """The kind, the permissions and the content of a file; that of a script without the path of its environment."""
    if path.parent == environments.scripts_folder(release.environment(_CANDIDATE)) and path.is_file():
        return digest((environment_inputs.without_places(os.fsdecode(path.read_bytes()), release),))
    return environment_inputs.of_file(path)


def _times(found: Mapping[str, Path]) -> dict[str, str]:
    """The times of the files in the copy, which has those of the checkout."""
    return {
        f"{reads.TIME}{name}": str(path.lstat().st_mtime_ns)
        for name, path in found.items()
        if name.startswith(reads.TREE) and os.path.lexists(path)
    }


def used_by_tests(release: Release, world: World, inputs: Inputs) -> Used | None:
    """What the tests have used of their inputs; None where something else decides their outcome, as a machine they ask.

    Where a program may have read files that no process has recorded, it is all of them. What is compared with the
    checkout, with packages of another day, or with more extras, depends on more, even if that makes it a warning.
    """
    if results.read(release.folder / _REPORT).failures or tagged.was_run(release) or extras.were_added(release):
        return None
    environment = release.environment(_CANDIDATE)
    recorded = reads.read(testing.reads_file(release), environment)
    program = command(release, world, release.folder / _REPORT).argv[3]
    if not recorded.unseen and not reads.is_observed(program, environment):
        recorded = recorded.by(program)
    shows = reads.accesses_show(release.work_dir)
    return reads.used(recorded, inputs, places(release, world), release, shows=shows)
