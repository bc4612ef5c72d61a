"""Extras of the project without which its tests cannot be imported: they are installed, and the tests run again.

Many projects run their tests with all extras, and say so in their pipeline alone. All of them may be large: only those
are added that declare a module which a test could not import.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from omni_release import distributions, environments
from omni_release.core.actions import Write
from omni_release.core.model import Release
from omni_release.core.world import World
from omni_release.environments import installers
from omni_release.environments.requirements import WheelRequirements
from omni_release.testing.results import FailedTest

_CANDIDATE = "candidate"
_ADDED = "omni-release-extras"  # a file in the environment
_IMPORT = re.compile(r"^[ \t>]*(?:import|from)[ \t]+([A-Za-z_][\w.]*)", re.MULTILINE)


def needed(release: Release, unmet: Iterable[tuple[FailedTest, str]]) -> tuple[str, ...]:
    """The extras for users that declare what these failed tests could not import; each with the name of the module.

    Empty where one of them needs something else, too: to install the extras would not let the tests run.
    """
    wheel = distributions.installable(release.dist)
    required = WheelRequirements.of(wheel, environments.site_packages(release.environment(_CANDIDATE)))
    found: list[str] = []
    for failure, module in unmet:
        declared = (required.declaration(name) for name in (module, *_written(failure.text, module)))
        extras = next((declaration.extras_of_users for declaration in declared if declaration.extras_of_users), ())
        if not extras:
            return ()
        found.append(extras[0])
    return tuple(dict.fromkeys(found))


def _written(text: str, module: str) -> Iterator[str]:
    """The modules below this one that import statements in a traceback name: the error names its top alone."""
    yield from (name for name in dict.fromkeys(_IMPORT.findall(text)) if name.startswith(f"{module}."))


def add(release: Release, world: World, extras: tuple[str, ...]) -> bool:
    """Install the wheel with these extras into the environment of the tests; whether that succeeded."""
    wheel = f"{distributions.installable(release.dist)}[{','.join(extras)}]"
    done = installers.succeeds(world, installers.install_dependencies(release, world, _CANDIDATE, wheel))
    if done:
        world.files.write(Write(release.environment(_CANDIDATE) / _ADDED, "\n".join(extras).encode()))
    return done


def were_added(release: Release) -> bool:
    """Whether `add` has changed the environment of the tests after it was made."""
    return (release.environment(_CANDIDATE) / _ADDED).is_file()
