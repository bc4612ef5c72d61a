"""Do the packages that require this one still work with the built wheel?"""

from __future__ import annotations

import os
import re
import shlex
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from importlib import metadata
from pathlib import Path

from packaging.utils import canonicalize_name

from omni_release import distributions, environments, programs, source_tree
from omni_release.core.actions import Copy, Run
from omni_release.core.cache import Inputs
from omni_release.core.errors import Inconclusive, NotApplicable
from omni_release.core.model import Finding, Release, Severity
from omni_release.core.settings import Downstream
from omni_release.core.tasks import Rule, RuleClass, reports
from omni_release.core.world import World
from omni_release.environments import installer_config, installers
from omni_release.environments.import_findings import how_it_failed
from omni_release.environments.imports import START, Environment, is_module
from omni_release.environments.inputs import of_artifacts, without_places
from omni_release.testing.elsewhere import Tried, install, try_one

BROKEN = Rule("downstream-broken", RuleClass.RELEASE, "Release breaks a package that requires it")
EXCLUDES = Rule("downstream-excludes", RuleClass.QUALITY, "Package that requires this one does not allow the release")
BEFORE = Rule("downstream-broken-before", RuleClass.QUALITY, "Package was broken before this release")

_AT_ONCE = os.cpu_count() or 1
_GIT = re.compile(r"(?:git\+)?(?P<address>(?:https?|ssh|git|file)://\S+?|[\w.-]+@[\w.-]+:\S+?)(?:@(?P<ref>[^@/:]+))?")
_CLONING = 600.0  # seconds
_ERROR = re.compile(r"\b[A-Z]\w*(?:Error|Exception)\b|^FAILED |\berror: ")
"""What a line has that says why a program failed."""
_SOURCE = "Correct its `source` in [[tool.omni-release.downstream]]."


@reports(BROKEN, EXCLUDES, BEFORE)
def downstream_works(release: Release, world: World) -> Iterator[Finding]:
    """Dependents work with the release

    Each package of [[tool.omni-release.downstream]] is installed with the built wheel, and all else as its users get
    it. Its command passes, or without one it imports. What fails is tried again with the last release on the index:
    only what the built wheel breaks is an error.

    Fix: keep what the package uses, or raise the major version and tell its maintainers. The environment
    `downstream-NAME` of the run shows the error again.
    """
    dependents = release.project.settings.downstream
    if not dependents:
        raise NotApplicable("the settings have no [[tool.omni-release.downstream]]")
    unknown: list[str] = []
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for outcome in pool.map(lambda one: try_one(one.name, partial(_try, release, world, one)), dependents):
            yield from outcome.findings
            unknown += outcome.unknown
    if unknown:
        hint = "See the logs `downstream-NAME.log` of the run, and correct [[tool.omni-release.downstream]]."
        raise Inconclusive("\n".join(unknown), hint)


@dataclass(frozen=True)
class _Dependent:
    """A package to try: what uv installs, and the folder in which its command runs."""

    settings: Downstream
    requirement: str
    folder: Path

    @property
    def name(self) -> str:
        """The name of its environment."""
        return f"downstream-{canonicalize_name(self.settings.name)}"


def _try(release: Release, world: World, settings: Downstream) -> Tried:
    """Try one package with the built wheel, and where it fails, with the last release."""
    dependent = _fetched(release, world, settings)
    wheel = str(distributions.installable(release.dist))
    what = Finding(f"{settings.name} cannot be installed with this release", BROKEN.id)
    problem, unknown = _problem(release, world, dependent, dependent.name, what, wheel)
    if not unknown and (problem is None or problem.rule != EXCLUDES.id) and not _requires(release, dependent.name):
        unknown = (f"{settings.name} does not require {release.project.name}, so that it shows nothing",)
    if unknown or not problem:
        return Tried(unknown=unknown)
    return _compared(release, world, dependent, problem)


def _compared(release: Release, world: World, dependent: _Dependent, problem: Finding) -> Tried:
    """What a problem with the built wheel is, by what the package does with the last release on the index."""
    name, before = dependent.settings.name, f"{dependent.name}-before"
    what = Finding(f"{name} cannot be installed with the last release", BROKEN.id)
    earlier, unknown = _problem(release, world, dependent, before, what)
    if unknown or (earlier and earlier.rule == EXCLUDES.id):
        return Tried(unknown=unknown or (earlier.message if earlier else "",))
    own, version = distributions.name_and_version(distributions.installable(release.dist).name)
    installed = environments.installed_distributions(release.environment(before))
    used = next((entry for entry in installed if canonicalize_name(entry.partition("==")[0]) == own), "")
    if not used:
        return Tried(unknown=(f"{name} gets no {release.project.name} from the index, so that it shows nothing",))
    if earlier:
        message = f"{name} was broken before this release: {earlier.message.removeprefix(f'{name}: ')}"
        return Tried((Finding(message, BEFORE.id, Severity.WARNING),))
    if distributions.same_version(used.partition("==")[2], version):
        return Tried(unknown=(f"{name}: the index has {used} already: there is no release before it",))
    if problem.rule == EXCLUDES.id:
        return Tried((replace(problem, message=f"{problem.message} (its users keep {used})"),))
    return Tried((replace(problem, message=f"{problem.message}\nIt works with {used}"),))


def _requires(release: Release, name: str) -> bool:
    """Whether a distribution in the environment `name` requires the project, always or with an extra."""
    own = canonicalize_name(release.project.name)
    installed = metadata.distributions(path=[str(environments.site_packages(release.environment(name)))])
    stated = (distributions.parsed_requirement(text) for each in installed for text in each.requires or ())
    return any(requirement and canonicalize_name(requirement.name) == own for requirement in stated)


def _fetched(release: Release, world: World, settings: Downstream) -> _Dependent:
    """The package with its files, where they come from a folder or a repository. Raises Inconclusive."""
    extras = f"[{','.join(settings.extras)}]" if settings.extras else ""
    folder = release.work_dir / f"downstream-{canonicalize_name(settings.name)}"
    shutil.rmtree(folder, ignore_errors=True)
    if settings.source == "index":
        folder.mkdir(parents=True)
        return _Dependent(settings, f"{settings.name}{extras}", folder)
    if git := _GIT.fullmatch(settings.source):
        ref = ("--branch", git["ref"]) if git["ref"] else ()
        argv = ("git", "clone", "--quiet", "--depth=1", *ref, "--", git["address"], str(folder))
        environment = programs.git_env(world.environment) | {"GIT_TERMINAL_PROMPT": "0"}
        answer = world.processes.ask(*argv, cwd=release.work_dir, environment=environment, deadline=_CLONING)
        if answer is None or answer.code != 0:
            said = answer.err.strip() if answer else "it is not installed"
            raise Inconclusive(f"git does not clone {settings.source}: {said}", _SOURCE)
    else:
        root = (release.project.root / settings.source).resolve()
        if not root.is_dir():
            raise Inconclusive(f"there is no folder {root}", _SOURCE)
        world.files.copy(Copy(root, folder, tuple(source_tree.files(root, world.processes))))
    return _Dependent(settings, f"{settings.name}{extras} @ {folder.as_uri()}", folder)


def _problem(
    release: Release, world: World, dependent: _Dependent, name: str, what: Finding, *wheel: str
) -> tuple[Finding | None, tuple[str, ...]]:
    """What is wrong with a package in the environment `name`, with our `wheel` or without; and what is unknown."""
    world.processes.run(installers.create_environment(release, world, name))
    arguments = (*_refreshed(dependent.settings), dependent.requirement, *dependent.settings.requirements, *wheel)
    outcome = install(release, world, name, arguments, what, online=True)
    if outcome.findings:
        return replace(outcome.findings[0], rule=EXCLUDES.id, severity=Severity.WARNING), ()
    if outcome.unknown:
        return None, outcome.unknown
    if dependent.settings.command:
        return _command_problem(release, world, dependent, name)
    return _import_problem(release, world, dependent, name)


def _refreshed(settings: Downstream) -> tuple[str, str]:
    """The options of uv with which it asks the index for the newest release of a package: its cache can be older."""
    return "--upgrade-package", settings.name  # `--refresh-package` is refused under UV_OFFLINE


def _command_problem(
    release: Release, world: World, dependent: _Dependent, name: str
) -> tuple[Finding | None, tuple[str, ...]]:
    """The finding where the command of a package fails in an environment; what is unknown where it has no result."""
    settings = dependent.settings
    environment = release.environment(name)
    inner = environments.venv_env(world.environment, release.folder, environment)
    program = _program(settings.command[0], environments.scripts_folder(environment), inner["PATH"])
    if program is None:
        missing = f"{settings.name}: its environment has no `{settings.command[0]}`"
        return None, (f"{missing}: add the package that installs it to `requirements`",)
    log = release.logs / f"{name}-command.log"
    log.unlink(missing_ok=True)
    run = Run((program, *settings.command[1:]), dependent.folder, inner, log, settings.timeout, background=True)
    completed = world.processes.run(run)
    ended = f"`{shlex.join(settings.command)}` of {settings.name} {completed.ended(settings.timeout)}"
    if completed.timed_out:
        return None, (f"{ended}: raise its `timeout`",)
    if completed.code == 0:
        return None, ()
    tail = [line for line in completed.tail if line.strip()]
    said = next((line for line in reversed(tail) if _ERROR.search(line)), tail[-1] if tail else "")
    return Finding("\n".join((f"{ended}: {said.strip()}".rstrip(": "), *tail[-10:])), BROKEN.id), ()


def _program(name: str, scripts: Path, path: str) -> str | None:
    """The program of the environment, else that of the machine, which may be no program of another Python.

    A `pytest` of the machine would import the packages of its own environment, without the wheel.
    """
    if os.path.dirname(name):
        return name
    if found := shutil.which(name, path=str(scripts)):
        return found
    found = shutil.which(name, path=path)
    return None if found is None or _is_of_python(Path(found)) else found


def _is_of_python(program: Path) -> bool:
    """Whether a program is a script for a Python, a shim of pyenv, or an installed one on Windows."""
    try:
        with program.open("rb") as file:
            start = b"".join(file.readline(500) for _ in range(3))
    except OSError:  # that may be run and not read: no script
        return False
    return program.parent.name == "Scripts" or re.match(rb"(?is)#!.*(python|pypy|pyenv)", start) is not None


def _import_problem(
    release: Release, world: World, dependent: _Dependent, name: str
) -> tuple[Finding | None, tuple[str, ...]]:
    """The finding where a package does not import in an environment."""
    settings = dependent.settings
    environment = Environment(release, name)
    modules = _modules(environment.site, settings.name)
    if not modules:
        return None, (f"{settings.name} has no module to import: give it a `command`",)
    total = settings.timeout + START
    done = environment.import_all(world, modules, label="import", each=settings.timeout, total=total)
    for module in modules:
        failure = done[module].failure if module in done else None
        if failure and not failure.slow:
            return Finding(f"{settings.name}: `import {module}` {how_it_failed(failure)}", BROKEN.id), ()
        if module not in done or failure:
            return None, (f"{settings.name}: `import {module}` did not end in time: raise its `timeout`",)
    return None, ()


def _modules(site: Path, name: str) -> list[str]:
    """The packages and modules at the top of a distribution."""
    wanted = canonicalize_name(name)
    for distribution in metadata.distributions(path=[str(site)]):
        if distribution.name and canonicalize_name(distribution.name) == wanted:
            files = [file for file in distribution.files or () if file.suffix == ".py" and ".." not in file.parts]
            tops = {file.parts[0] if len(file.parts) > 1 else file.stem for file in files}
            return sorted(top for top in tops if is_module(top))
    return []


def downstream_inputs(release: Release, world: World) -> Inputs | None:
    """The inputs of the check: what uv would install for each package now, with the built wheel.

    None where a command runs, or files come from elsewhere: what these read is not recorded.
    """
    dependents = release.project.settings.downstream
    if not dependents or any(each.command or each.source != "index" for each in dependents):
        return None
    wheel = distributions.installable(release.dist)
    own = f"{distributions.name_and_version(wheel.name)[0]} @ {wheel.resolve().as_uri()}"
    lines = []
    for each in dependents:
        extras = f"[{','.join(each.extras)}]" if each.extras else ""
        label = f"downstream-{canonicalize_name(each.name)}-requirements"
        wanted = (own, f"{each.name}{extras}", *each.requirements)
        resolved = installers.resolution(release, world, label, wanted, *_refreshed(each), online=True)
        if resolved is None:
            return None
        lines.append(without_places(resolved, release))
    return of_artifacts(release, world, installer_config.dependency_env(world.environment, release.folder), *lines)
