"""The command that runs the tests, in an environment and a tree."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from omni_release import environments, scripts, testing
from omni_release.core.actions import Run
from omni_release.core.model import Release, importable
from omni_release.core.world import World
from omni_release.testing import copied_files, pytest_settings, used
from omni_release.testing.selection import selected

OPTIONS_VARIABLE = "OMNI_RELEASE_PYTEST_OPTIONS"
"""How many of pytest's last arguments are ours: see `warnings_recorder`."""

_LONGEST = 60_000  # characters of node ids on one command line; beyond that, the files are named


def command(
    release: Release,
    world: World,
    results: Path,
    *,
    environment: str = "candidate",
    tree: Path | None = None,
    log: str = "tests",
    nodes: tuple[str, ...] = (),
    variables: Mapping[str, str] | None = None,
    without: tuple[str, ...] = (),
) -> Run:
    """Run the tests in this environment and tree (the copy without modules), with pytest's report in `results`.

    `nodes` are node ids of pytest to run alone; `variables` are set in addition, those in `without`
    are not set.
    """
    tree = tree or release.tests_tree
    folder = release.environment(environment)
    tests = release.project.settings.tests
    inner = environments.venv_env(world.environment, release.folder, folder, tests.pass_env) | dict(variables or {})
    words = tests.command
    program: tuple[str, ...] = (shutil.which(words[0], path=inner["PATH"]) or words[0],)
    arguments = list(words[1:])
    if testing.uses_pytest(release.project):
        if _needs_root(release, world):
            program = (str(environments.python(folder)), "-m", "pytest")
        arguments = _arguments(release, tree, arguments, _shortened(nodes), world)
        own = _own_options(release, results)
        if nodes:  # their paths are those below the tree, which pytest may find another root for
            own.append(f"--rootdir={tree}")
        inner[OPTIONS_VARIABLE] = str(len(own))
        arguments += own
    inner = {name: value for name, value in inner.items() if name not in without}
    return Run(
        (sys.executable, "-I", str(scripts.program("process_group")), *program, *arguments),
        cwd=tree,
        environment=inner,
        log=release.logs / f"{log}.log",
        deadline=tests.timeout,
    )


def _arguments(release: Release, tree: Path, arguments: list[str], nodes: tuple[str, ...], world: World) -> list[str]:
    """The arguments of the project's command, and what to test."""
    if nodes:
        arguments = [word for word in arguments if word.startswith("-") or not (release.tests_tree / word).exists()]
        return [*arguments, *nodes]
    named = testing.named_tests(release.project, copied_files.copied(release, world))
    usual = release.project.settings.tests.command == ("pytest",)
    return [*arguments, *(named or (selected(release.project.root, release.project.metadata, tree) if usual else ()))]


def _own_options(release: Release, results: Path) -> list[str]:
    """The options that are ours; `warnings_recorder` takes them out of what tests see in `sys.argv`."""
    settings = pytest_settings.read(release.project.root, release.project.metadata)
    # It is of the source folder, which this copy leaves out.
    coverage = ("--no-cov",) if settings.measures_coverage() else ()
    # One module that cannot be collected, for want of a package, does not keep the others from running.
    # What a failed test prints can say why it failed, where a program that it starts has no network.
    keys = ("junit_family=xunit1", "junit_logging=all", "junit_log_passing_tests=false")
    options = (word for key in keys for word in ("-o", key))
    return [*coverage, f"--junitxml={results}", *options, "--continue-on-collection-errors"]


def _needs_root(release: Release, world: World) -> bool:
    """Whether the tests import from the root of the checkout, as `python -m pytest` allows."""
    tests = testing.files_of_tests(release.project, world)
    own = {name.partition(".")[0] for name in importable(release.project)}
    at_root = root_modules(release.tests_tree) - own
    return not at_root.isdisjoint(used.imported(used.text_of(release.project.root, tests)))


def root_modules(tree: Path) -> frozenset[str]:
    """The names of modules, and of folders with modules, at the top of a tree."""
    with os.scandir(tree) as entries:
        names = [entry.name for entry in entries if entry.name.endswith(".py") or entry.is_dir()]
    return frozenset(name.removesuffix(".py") for name in names if name.removesuffix(".py").isidentifier())


def _shortened(nodes: tuple[str, ...]) -> tuple[str, ...]:
    nodes = tuple(dict.fromkeys(nodes))
    if sum(map(len, nodes)) > _LONGEST:
        return tuple(dict.fromkeys(node.partition("::")[0] for node in nodes))
    return nodes
