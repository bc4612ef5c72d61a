"""All lists of requirements that a project declares, by their names and files."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.markers import InvalidMarker, Marker, UndefinedEnvironmentName
from packaging.utils import canonicalize_name

from omni_release import distributions
from omni_release.core.model import Project
from omni_release.core.toml import table
from omni_release.distributions import parsed_requirement
from omni_release.testing.pytest_settings import read_ini, read_toml
from omni_release.testing.requirement_lists import RequirementList, from_poetry

TEST_FILES = (
    *("requirements/tests.txt", "requirements/test.txt", "requirements/testing.txt", "requirements/pytest.txt"),
    *("requirements-tests.txt", "requirements-test.txt", "requirements-testing.txt"),
    *("requirements_tests.txt", "requirements_test.txt", "requirements_testing.txt"),
    *("test-requirements.txt", "tests-requirements.txt", "test_requirements.txt", "tests_requirements.txt"),
    *("testing-requirements.txt", "testing_requirements.txt", "requirements.test.txt", "requirements.tests.txt"),
    *("tests/requirements.txt", "test/requirements.txt", "testing/requirements.txt", "tests/requirements-test.txt"),
    *("requirements/tests.in", "requirements/test.in", "requirements-test.in", "requirements/requirements-test.txt"),
    *(
        "requirements/requirements-tests.txt",
        "requirements/test-requirements.txt",
        "requirements/requirements-testing.txt",
    ),
)
DEVELOPMENT_FILES = (
    *("requirements-dev.txt", "requirements_dev.txt", "dev-requirements.txt", "dev_requirements.txt"),
    *("requirements.dev.txt", "requirements-develop.txt", "requirements/dev.txt", "requirements/development.txt"),
    *("requirements/requirements-dev.txt", "requirements/ci.txt", "requirements/develop.txt", "requirements/main.txt"),
    *("requirements-ci.txt", "ci-requirements.txt", "ci/requirements.txt", "requirements.txt", "requirements/all.txt"),
    *("requirements-all.txt", "requirements/dev.in", "requirements-dev.in"),
)

_LOCK_FILES = ("uv.lock", "poetry.lock", "pdm.lock", "pylock.toml")


@dataclass(frozen=True)
class Named:
    """A list of requirements that has a name: `kind` is `dependency group` or `extra`."""

    kind: str
    name: str

    def __str__(self) -> str:
        return f"the {self.kind} `{self.name}`"


class Lists:
    """All lists of requirements that a project declares; `source` is the copy of it that is built."""

    def __init__(self, project: Project, wheel: Path, source: Path) -> None:
        self.root = project.root
        self.metadata = project.metadata
        self._name = project.name
        self._source = source
        self._provided = {canonicalize_name(project.name), *_required(wheel)}
        self.groups = dict(_groups(project.root, project.metadata))
        self.extras = dict(_extras(project.metadata, wheel))

    def provide(self, name: str) -> bool:
        """Whether this is the project, or what it requires without extras: it is there in any case."""
        return canonicalize_name(name) in self._provided

    def empty(self) -> RequirementList:
        """A list without requirements."""
        return RequirementList(self._name, self.root, self._source, self.groups, self.extras)

    def add(self, named: Named, to: RequirementList) -> None:
        """Add a group or an extra to a list."""
        if named.kind == "extra":
            to.add_extra(named.name)
        else:
            to.add_group(named.name)

    def called(self, names: Iterable[str]) -> Iterator[Named]:
        """The groups and extras with one of these names."""
        for name in names:
            if name in self.groups:
                yield Named("dependency group", name)
            if name in self.extras:
                yield Named("extra", name)

    def index(self) -> dict[str, tuple[str, str]]:
        """Each package that any list declares: its requirement, and where it is declared."""
        declared: dict[str, tuple[str, str]] = {}
        for extra, lines in self.extras.items():
            for line in lines:
                _record(declared, line, f"the extra `{extra}`")
        for group in self.groups:
            listed = self.empty()
            listed.add_group(group)
            for line in listed.packages:
                _record(declared, line, f"the dependency group `{group}`")
        for name in (*TEST_FILES, *DEVELOPMENT_FILES):
            if (self.root / name).is_file():
                listed = self.empty()
                listed.add_file(self.root / name)
                for line in listed.packages:
                    _record(declared, line, name)
        for line in table(self.metadata, "build-system").get("requires", []):
            _record(declared, str(line), "[build-system]")
        return declared


def locked_versions(root: Path) -> dict[str, str]:
    """The version of each package in the lock files of a project, but where several are for this Python."""
    versions: dict[str, set[str]] = {}
    for name in _LOCK_FILES:
        document = read_toml(root / name)
        for package in document.get("package") or document.get("packages") or ():
            if isinstance(package, dict) and {"name", "version"} <= package.keys() and _is_for_this_python(package):
                versions.setdefault(canonicalize_name(str(package["name"])), set()).add(str(package["version"]))
    return {name: stated.pop() for name, stated in versions.items() if len(stated) == 1}


def _is_for_this_python(package: Mapping[str, Any]) -> bool:
    """Whether one of the markers of a locked package, if it has any, is met here."""
    stated = package.get("resolution-markers") or package.get("marker") or package.get("markers") or ()
    markers = stated.values() if isinstance(stated, dict) else [stated] if isinstance(stated, str) else stated
    try:
        return not markers or any(Marker(str(marker)).evaluate({"extra": ""}) for marker in markers)
    except (InvalidMarker, UndefinedEnvironmentName):
        return True


def _record(declared: dict[str, tuple[str, str]], line: str, origin: str) -> None:
    if requirement := parsed_requirement(line):
        declared.setdefault(canonicalize_name(requirement.name), (str(requirement), origin))


def _groups(root: Path, metadata: Mapping[str, object]) -> Iterator[tuple[str, list[object]]]:
    """The lists for development, by name: PEP 735, and those of uv, pdm, poetry, rye and pipenv."""
    merged: dict[str, list[object]] = {}
    tool = table(metadata, "tool")
    for name, lines in (*table(metadata, "dependency-groups").items(), *table(tool, "pdm", "dev-dependencies").items()):
        merged.setdefault(canonicalize_name(name), []).extend(lines if isinstance(lines, list) else [])
    for owner in ("uv", "rye"):
        lines = table(tool, owner).get("dev-dependencies", [])
        if isinstance(lines, list) and lines:
            merged.setdefault("dev", []).extend(lines)
    poetry = table(tool, "poetry")
    by_name: list[tuple[str, Mapping[str, Any]]] = [("dev", table(poetry, "dev-dependencies"))]
    by_name += [(name, table(group, "dependencies")) for name, group in table(poetry, "group").items()]
    by_name += [("dev", table(read_toml(root / "Pipfile"), "dev-packages"))]
    for name, requirements in by_name:
        lines = [line for package, stated in requirements.items() for line in from_poetry(package, stated)]
        if lines:
            merged.setdefault(canonicalize_name(name), []).extend(lines)
    if required := _tests_require(root):
        merged.setdefault("tests", []).extend(required)
    yield from merged.items()


def _tests_require(root: Path) -> list[object]:
    """`tests_require` of setup.cfg, or of setup.py, where it is literal."""
    parser = read_ini(root / "setup.cfg")
    if parser is not None and parser.has_option("options", "tests_require"):
        return [line for line in re.split(r"[\n;]", parser.get("options", "tests_require") or "") if line.strip()]
    try:
        module = ast.parse((root / "setup.py").read_bytes())
    except (OSError, SyntaxError, ValueError):
        return []
    constants = {
        target.id: node.value
        for node in module.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    keywords = (keyword for node in ast.walk(module) if isinstance(node, ast.Call) for keyword in node.keywords)
    for keyword in keywords:
        if keyword.arg == "tests_require":
            value = constants.get(keyword.value.id) if isinstance(keyword.value, ast.Name) else keyword.value
            if isinstance(value, ast.List | ast.Tuple):
                return [e.value for e in value.elts if isinstance(e, ast.Constant) and isinstance(e.value, str)]
    return []


def _required(wheel: Path) -> Iterator[str]:
    """The names of what the wheel requires without extras."""
    stated = distributions.metadata(wheel).get_all("Requires-Dist", []) if wheel.is_file() else ()
    for requirement in filter(None, map(parsed_requirement, stated)):
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            yield canonicalize_name(requirement.name)


def _extras(metadata: Mapping[str, object], wheel: Path) -> Iterator[tuple[str, list[str]]]:
    """The extras of the project and their requirements: as its wheel has them, so those of every back end."""
    if not wheel.is_file():
        for name, lines in table(metadata, "project", "optional-dependencies").items():
            yield canonicalize_name(name), list(lines)
        return
    stated = distributions.metadata(wheel)
    requirements = [found for line in stated.get_all("Requires-Dist", []) if (found := parsed_requirement(line))]
    for extra in stated.get_all("Provides-Extra", []):
        lines = []
        for requirement in requirements:
            marker = requirement.marker
            if marker and marker.evaluate({"extra": extra}) and not marker.evaluate({"extra": ""}):
                lines.append(str(requirement).partition(";")[0].strip())
        yield canonicalize_name(extra), lines
