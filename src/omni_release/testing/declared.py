"""What the tests need, from where the project declares it.

The first of these that has something decides:

1. `requirements` in the settings;
2. dependency groups and extras called `test` (or as usual), with what tox, nox or hatch install for the tests;
3. requirements files for tests;
4. the same for development.

To it come the plug-ins that pytest's own settings need, and what the tests import, if any other list declares it.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from packaging.utils import canonicalize_name

from omni_release.core.model import Project
from omni_release.core.toml import table
from omni_release.distributions import parsed_requirement
from omni_release.testing import nox_sessions, tox_environments, used
from omni_release.testing.named_lists import DEVELOPMENT_FILES, TEST_FILES, Lists, Named, locked_versions
from omni_release.testing.pytest_settings import PytestSettings, read_toml
from omni_release.testing.requirement_lists import RequirementList

_TESTS = ("test", "tests", "testing", "pytest", "unit", "unit-test", "unit-tests", "unittest", "test-suite")
_DEVELOPMENT = ("dev", "develop", "development", "devel", "ci", "dev-test", "dev-dependencies", "all", "full")
_HATCH = ("hatch-test", "test", "tests", "testing", "default", "dev")
_HATCH_TEST = ("pytest", "pytest-mock", "pytest-rerunfailures", "pytest-xdist[psutil]")  # what hatch adds by itself
_RUNNERS = ("hypothesis", "nose2", "testtools", "unittest2", "zope-testrunner")
# Parts of lists for development that no test needs, unless it names them.
_OTHER_TOOLS = re.compile(
    r"(mkdocs|sphinx|types-|flake8|pylint|mdx-|cogapp).*|mypy|ruff|black|isort|pre-commit|pyright|ty|twine|build|furo"
    r"|bandit|tox|nox|hatch|poetry|wheel|bump2version|bumpversion|codecov|coveralls|commitizen|towncrier|myst-parser"
    r"|jupyter.*|notebook|ipykernel|pyupgrade|autoflake|pip-tools|pip-audit|safety|interrogate|pydocstyle|codespell"
)
_CONSTRAINTS = ("constraints.txt", "requirements/constraints.txt", "tests/constraints.txt")


@dataclass(frozen=True)
class Declared:
    """What the tests need: `extras` of the project, `packages` (PEP 508 or paths) and their `constraints`.

    `options` are more arguments of `uv pip install`; `locked` are the versions that lock files have of the packages;
    `source` says where all that is declared.
    """

    extras: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    constraints: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    locked: tuple[str, ...] = ()
    source: str = ""


def declared(
    project: Project, wheel: Path, source: Path, settings: PytestSettings, tests: Iterable[PurePosixPath]
) -> Declared:
    """What the `tests` (files of the project) need. `source` is the copy of the project that is built."""
    lists = Lists(project, wheel, source)
    found, sources, of_tests = _decided(lists)
    text = used.text_of(project.root, tests)
    for tool in [line for line in found.packages if _is_other_tool(line, text)] if not of_tests else []:
        del found.packages[tool]
    _add_plugins(found, sources, lists, settings)
    _add_used(found, sources, lists, text)
    for name in _CONSTRAINTS:
        if found and (project.root / name).is_file():
            found.add_file(project.root / name, constraints=True)
    names = ", ".join(_TESTS[:3])
    return Declared(
        tuple(found.extras),
        tuple(found.packages),
        tuple(found.constraints),
        tuple(found.options),
        tuple(_locked(lists, found)),
        "; ".join(sources) or f"none declared (no group, extra, tox.ini or noxfile, no requirements file for {names})",
    )


def _decided(lists: Lists) -> tuple[RequirementList, list[str], bool]:
    """The list that decides, where it is declared, and whether it is for tests alone."""
    found, sources = lists.empty(), []
    for named in tuple(lists.called(_TESTS)) or tuple(_nearly_called(lists)):
        lists.add(named, found)
        sources.append(str(named))
    decided = bool(sources)
    for origin, more in _of_runners(lists):
        complete = _runs_tests(lists, more)
        if (decided or complete) and not found.includes(more):
            found.update(more)
            sources.append(origin)
        decided = decided or complete
    if decided:
        return found, sources, True
    for files, names in ((TEST_FILES, ()), ((), _DEVELOPMENT), (DEVELOPMENT_FILES, ())):
        for origin, listed in _alternatives(lists, files, names):
            if listed and (files is TEST_FILES or _runs_tests(lists, listed)):
                return listed, [origin], files is TEST_FILES
    return found, sources, True


def _nearly_called(lists: Lists) -> Iterator[Named]:
    """The groups and extras whose name begins as one of the tests: the shortest of them."""
    names = sorted((n for n in {*lists.groups, *lists.extras} if n.startswith("test")), key=len)
    yield from lists.called(names[:1])


def _alternatives(lists: Lists, files: Iterable[str], names: Iterable[str]) -> Iterator[tuple[str, RequirementList]]:
    for name in files:
        if (lists.root / name).is_file():
            listed = lists.empty()
            listed.add_file(lists.root / name)
            yield name, listed
    for named in lists.called(names):
        listed = lists.empty()
        lists.add(named, listed)
        yield str(named), listed


def _is_other_tool(line: str, text: str) -> bool:
    """Whether a requirement is of a tool that the code in `text` does not name."""
    found = parsed_requirement(line)
    name = canonicalize_name(found.name) if found else ""
    return _OTHER_TOOLS.fullmatch(name) is not None and not re.search(rf"\b{re.escape(name)}\b", text)


def _runs_tests(lists: Lists, listed: RequirementList) -> bool:
    """Whether a list, which is not for tests alone, has what runs tests."""
    return any(name.startswith("pytest") or name in _RUNNERS for name in _names(lists, listed))


def _names(lists: Lists, listed: RequirementList) -> frozenset[str]:
    """The normalised names of all packages in a list, and in its extras."""
    lines = [*listed.packages, *(line for extra in listed.extras for line in lists.extras[extra])]
    return _normalised(lines)


def _normalised(lines: Iterable[str]) -> frozenset[str]:
    """The normalised names of these requirements."""
    return frozenset(canonicalize_name(found.name) for line in lines if (found := parsed_requirement(line)))


def _of_runners(lists: Lists) -> Iterator[tuple[str, RequirementList]]:
    """What tox, nox and hatch install for the tests."""
    tox = tox_environments.environment_of_tests(lists.root, lists.metadata)
    listed = lists.empty()
    for line in tox.deps:
        listed.add_line(line)
    for extra in tox.extras:
        listed.add_extra(extra)
    for group in tox.dependency_groups:
        listed.add_group(group)
    for line in tox.constraints:
        listed.add_file(lists.root / line, constraints=True)
    if listed:
        yield f"`{tox.name}` in {tox.file}", listed
    nox = nox_sessions.session_of_tests(lists.root / "noxfile.py")
    listed = lists.empty()
    for words in nox.installs:
        listed.add_arguments(words)
    if listed:
        yield f"the session `{nox.name}` in noxfile.py", listed
    yield from _of_hatch(lists)


def _of_hatch(lists: Lists) -> Iterator[tuple[str, RequirementList]]:
    """https://hatch.pypa.io/latest/config/environment/overview/."""
    for file, environments in (
        ("pyproject.toml", table(lists.metadata, "tool", "hatch", "envs")),
        ("hatch.toml", table(read_toml(lists.root / "hatch.toml"), "envs")),
    ):
        name = next((name for name in _HATCH if name in environments), "")
        if not name:
            continue
        listed = lists.empty()
        template = str(table(environments, name).get("template", "default"))
        if name == "hatch-test" and "dependencies" not in table(environments, name):
            listed.add_arguments(_HATCH_TEST)
        for settings in (table(environments, template), table(environments, name)):
            for line in (*settings.get("dependencies", ()), *settings.get("extra-dependencies", ())):
                listed.add_line(str(line))
            for extra in settings.get("features", ()):
                listed.add_extra(str(extra))
            for group in settings.get("dependency-groups", ()):
                listed.add_group(str(group))
        if listed:
            yield f"the hatch environment `{name}` in {file}", listed


def _locked(lists: Lists, found: RequirementList) -> Iterator[str]:
    """Constraints to the locked versions of what the tests need; not of what users install with the project."""
    stated = locked_versions(lists.root)
    names = {"pytest", *_names(lists, found)}
    yield from (f"{name}=={stated[name]}" for name in sorted(names & stated.keys()) if not lists.provide(name))


def _add_plugins(found: RequirementList, sources: list[str], lists: Lists, settings: PytestSettings) -> None:
    """The plug-ins that pytest's own settings need."""
    for plugin, setting in settings.plugins():
        requirement = parsed_requirement(plugin)
        name = canonicalize_name(requirement.name) if requirement else ""
        if name and name not in _names(lists, found) and not lists.provide(name):
            found.add_line(plugin)
            sources.append(f"{name} for {setting} in {settings.file}")


def _add_used(found: RequirementList, sources: list[str], lists: Lists, text: str) -> None:
    """What the tests, whose code is `text`, use: where any list declares it."""
    index = lists.index()
    missing = {name for name in index.keys() - _names(lists, found) - {"pytest"} if not lists.provide(name)}
    for name in used.distributions_used(text, missing) if missing else ():
        requirement, origin = index[name]
        found.add_line(requirement)
        sources.append(f"{name}, which the tests use, from {origin}")
    modules = {canonicalize_name(module) for module in used.imported(text)} - sys.stdlib_module_names
    # An extra may be named after the module that it brings, such as `bson` of pymongo.
    for extra in sorted(modules & lists.extras.keys()):
        packages = _normalised(lists.extras[extra])
        needed = {name for name in packages if not lists.provide(name)} - _names(lists, found)
        if needed and not lists.provide(extra):
            found.add_extra(extra)
            sources.append(f"the extra `{extra}`, named as a module that the tests use")
    if used.runs_pip(text) and "pip" not in _names(lists, found):
        found.add_line("pip")
