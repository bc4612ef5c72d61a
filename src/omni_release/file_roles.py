"""What a file of a checkout is for: it ships, or it tests, documents, shows or serves the development of what ships."""

from __future__ import annotations

import enum
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from omni_release.core.model import Project
from omni_release.core.toml import table

TEST_FOLDERS = frozenset(("test", "tests", "testing"))
"""The names of folders with modules of tests."""

_TESTS = TEST_FOLDERS | {"test_data", "testdata", "__tests__", "__mocks__", "cassettes", "fixtures", "e2e"}
_TESTS_IN_PACKAGE = _TESTS - {"testing", "fixtures", "cassettes"}  # `acme.testing` is for the users of acme
_TEST_FILE = re.compile(r"(?:test_.*|.*_tests?|conftest)\.pyi?|.*[.-](?:test|tests|spec|stories)\.\w+|.*_test\.go")
_EXAMPLES = re.compile(
    r"(?:code[_-]?)?(?:examples?|samples?|demos?|tutorials?|notebooks?|cookbooks?|recipes?|playgrounds?|quickstarts?"
    r"|templates?|skeleton|snippets)|.*\{\{.*"
)
_DOCS = re.compile(r"(?:docs?|documentation)(?:[-_].*)?")
_DOCS_AT_TOP = re.compile(r"(?:website|site|www|news|changes|changelog\.d|newsfragments)(?:[-_].*)?")
_VENDORED = re.compile(r"_?(?:vendor(?:ed)?|third[-_]?party|externals?|extern|node_modules|site-packages)")
_DEVELOPMENT = re.compile(
    r"\.(?!env\b).*|bench(?:mark)?s?|scripts?|tools?|ci|dev|devtools|build[-_]?tools|maint(?:enance)?"
)
_DEVELOPMENT_FILE = re.compile(
    r"\.(?!env\b).*|(?:noxfile|setup|tasks|fabfile|dodo|conftest|hatch_build|build|release|runtests|bootstrap)\.py"
    r"|tox\.(?:ini|toml)|\w*makefile.*|justfile|dangerfile.*|docker.*|containerfile|procfile|.*compose.*\.ya?ml",
    re.IGNORECASE,
)


class Role(enum.StrEnum):
    """What a file is for."""

    SHIPPED = "shipped"
    VENDORED = "vendored"
    TEST = "test"
    EXAMPLE = "example"
    DOCS = "documentation"
    DEVELOPMENT = "development"
    OTHER = "other"


@dataclass(frozen=True)
class FileRoles:
    """The files and folders of a project that ship: its import packages, and what its build configuration names.

    Where none are known, every file that is not for something else ships.
    """

    shipped: tuple[PurePosixPath, ...]

    def role(self, path: str | PurePosixPath) -> Role:
        """The role of a file, by its path relative to the project."""
        path = PurePosixPath(path)
        for top in self.shipped:
            if path == top:
                return Role.SHIPPED
            if path.is_relative_to(top):
                return _role_in_package(path.relative_to(top))
        role = _role_outside(path)
        return Role.SHIPPED if role is Role.OTHER and not self.shipped else role


def is_test(path: PurePosixPath) -> bool:
    """Whether a file is of tests, wherever it is: by its name, or by a folder that it is in."""
    return is_test_module(path) or not _TESTS.isdisjoint(part.lower() for part in path.parts[:-1])


def is_test_module(path: PurePosixPath) -> bool:
    """Whether a file is a module of tests by its own name."""
    return _TEST_FILE.fullmatch(path.name.lower()) is not None


def of_project(project: Project) -> FileRoles:
    """The roles of a project's files."""
    packages = [PurePosixPath(package.path.as_posix()) for package in project.packages]
    return FileRoles(tuple(dict.fromkeys((*packages, *_configured(project.metadata)))))


def _configured(metadata: Mapping[str, object]) -> Iterator[PurePosixPath]:
    """The files and folders that the settings of the back end put into the wheel, besides the import packages."""
    wheel = table(metadata, "tool", "hatch", "build", "targets", "wheel")
    names = [*table(wheel, "force-include"), *table(wheel, "shared-data"), *table(wheel, "shared-scripts")]
    for key in ("packages", "only-include", "include"):
        listed = wheel.get(key)
        names += [name for name in listed if isinstance(name, str)] if isinstance(listed, list) else []
    for files in table(metadata, "tool", "setuptools", "data-files").values():
        names += [name for name in files if isinstance(name, str)] if isinstance(files, list) else []
    for name in names:
        path = PurePosixPath(re.split(r"[*?\[]", name)[0].strip("/"))
        if path.parts and ".." not in path.parts and path.name not in ("src", "lib", "python"):
            yield path


def _role_in_package(path: PurePosixPath) -> Role:
    """The role of a file, by its path relative to its import package."""
    folders = [part.lower() for part in path.parts[:-1]]
    if any(map(_VENDORED.fullmatch, folders)):
        return Role.VENDORED
    if not _TESTS_IN_PACKAGE.isdisjoint(folders) or is_test_module(path):
        return Role.TEST
    return Role.EXAMPLE if "examples" in folders or "{{" in str(path) else Role.SHIPPED


def _role_outside(path: PurePosixPath) -> Role:
    folders, name = [part.lower() for part in path.parts[:-1]], path.name.lower()
    if any(map(_VENDORED.fullmatch, folders)):
        return Role.VENDORED
    if is_test(path):
        return Role.TEST
    if any(map(_EXAMPLES.fullmatch, folders)) or name.endswith(".ipynb"):
        return Role.EXAMPLE
    if any(map(_DOCS.fullmatch, folders)) or any(map(_DOCS_AT_TOP.fullmatch, folders[:1])):
        return Role.DOCS
    if any(map(_DEVELOPMENT.fullmatch, folders[:1])) or _DEVELOPMENT_FILE.fullmatch(name):
        return Role.DEVELOPMENT
    return Role.OTHER
