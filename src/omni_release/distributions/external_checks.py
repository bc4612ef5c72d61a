"""What other tools say of the distributions, carried as findings of ours."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from omni_release.core.errors import CannotTell
from omni_release.core.model import Finding, Release, Severity
from omni_release.core.world import Completed, World
from omni_release.distributions import artifacts
from omni_release.environments import tools

_DEADLINE = 120.0
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_CONTENTS = re.compile(r"^(?P<path>.+\.whl): (?P<rule>W\d{3}): (?P<said>.+)$")
# May well be meant: duplicate files, a path that cannot be imported, several top-level entries, one without Python.
_MAY_BE_MEANT = {"W002", "W004", "W009", "W010"}


def wheel_contents_are_right(release: Release, world: World) -> Iterator[Finding]:
    """check-wheel-contents finds nothing wrong with the wheels.

    What each W… means: https://check-wheel-contents.readthedocs.io
    """
    wheels = [str(path) for path in artifacts.in_folder(release.dist) if artifacts.is_wheel(path.name)]
    config = ("--config", str(release.project.root / "pyproject.toml"))
    told = _asked(release, world, "check_wheel_contents", *config, *wheels)
    matches = list(filter(None, map(_CONTENTS.match, told.lines)))
    told.must_say(bool(matches))
    for match in matches:
        name = match["path"].replace("\\", "/").rpartition("/")[2]
        severity = Severity.WARNING if match["rule"] in _MAY_BE_MEANT else Severity.ERROR
        yield Finding(f"{name}: {match['said']}", match["rule"], severity)


def twine_check_passes(release: Release, world: World) -> Iterator[Finding]:
    """twine check --strict passes: the index will be able to render the description.

    Render it at home: `python -m readme_renderer README.rst`, or `python -m twine check --strict` on the run's dist/.
    """
    paths = [str(path) for path in artifacts.in_folder(release.dist)]
    told = _asked(release, world, "twine", "check", "--strict", *paths)
    told.must_say(any(line.startswith("Checking ") and "FAILED" in line for line in told.lines))
    name, said = "", [""]
    for line in (*told.lines, "Checking "):
        if line.startswith("Checking "):
            if any(said):
                yield Finding(f"{name}: {' '.join(filter(None, said))}", "twine-check")
            name, _, verdict = line.removeprefix("Checking ").rpartition(": ")
            name, said = name.replace("\\", "/").rpartition("/")[2], [verdict.removeprefix("PASSED")]
        else:
            said.append(line.strip())


@dataclass(frozen=True)
class _Told:
    """What a tool said, line by line, and how it ended."""

    module: str
    completed: Completed
    lines: tuple[str, ...]
    log: Path

    def must_say(self, complaint: bool) -> None:  # noqa: FBT001 - whether it complained is all that it takes
        """Raises CannotTell where the tool came to no verdict: it neither passed, nor said what is wrong."""
        if self.completed.code != 0 and not (self.completed.code == 1 and complaint):
            said = self.completed.ended(_DEADLINE)
            raise CannotTell(
                "\n".join((f"{self.module} {said} without a verdict", *self.completed.tail[-5:])), f"See {self.log}."
            )


def _asked(release: Release, world: World, module: str, *arguments: str) -> _Told:
    """All that a tool says."""
    place = tools.Place(release.workshop, release.folder, release.folder, world.environment)
    argv = (sys.executable, "-m", module, *arguments)
    completed, said = tools.ran(place, world.processes, argv, module, {"COLUMNS": "400"}, deadline=_DEADLINE)
    lines = tuple(_COLOUR.sub("", line).rstrip() for line in said.splitlines())
    return _Told(module, completed, lines, release.logs / f"{module}.log")
