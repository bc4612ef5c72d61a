"""Can this project be released at all?"""

from __future__ import annotations

import difflib
import logging
import platform
import re
from collections.abc import Container, Iterable, Iterator, Mapping
from typing import Any

from omni_release.core.model import Finding, Project, Release, Severity
from omni_release.core.settings_reader import line_of, nearest_line
from omni_release.core.tasks import Rule, RuleClass, reports
from omni_release.core.toml import read_values, table
from omni_release.core.world import World
from omni_release.distributions.import_names import ImportNames
from omni_release.project import former_names, found_packages
from omni_release.project.back_ends import compiles

SCHEMA = Rule("pyproject", RuleClass.RELEASE, "pyproject.toml does not follow the specification")
UNKNOWN_KEY = Rule("unknown-key", RuleClass.QUALITY, "[project] has a key that the specification does not have")
BUILD_SYSTEM = Rule("build-system", RuleClass.QUALITY, "No [build-system] table")
IMPORT_PACKAGE = Rule("import-package", RuleClass.RELEASE, "No import package was found")
# vermin does not check the lower bound: it called 9 of 12 sound public projects too new, for names and annotations that
# they use behind a condition (`if TYPE_CHECKING`, `sys.version_info`, `hasattr`).
REQUIRES_PYTHON = Rule("requires-python", RuleClass.RELEASE, "`requires-python` excludes this Python")

NOT_BUILDABLE = Rule("not-buildable", RuleClass.RELEASE, "Neither pyproject.toml nor setup.py")
SCRIPT = Rule("script", RuleClass.RELEASE, "Script does not name a function")

_FORMS = {"object": "a table", "array": "a list", "python-entrypoint-reference": "of the form `module:function`"}
"""The words of JSON schema in messages, and what they mean in TOML."""

_FILE = "pyproject.toml"
_SHORT = 100
_SIMILAR = 0.8  # of difflib, as `licence` and `license` are
_LETTERS = 2  # more or fewer: `dev-dependencies` is no misspelling of `dependencies`
# Source: https://packaging.python.org/en/latest/specifications/pyproject-toml/
_KEYS = (
    *("authors", "classifiers", "dependencies", "description", "dynamic", "entry-points", "gui-scripts"),
    *("import-names", "import-namespaces", "keywords", "license", "license-files", "maintainers", "name"),
    *("optional-dependencies", "readme", "requires-python", "scripts", "urls", "version"),
)
_SCRIPT = re.compile(r"\s*[\w.]+\s*:\s*[\w.]+\s*(?:\[.*\]\s*)?")


@reports(SCHEMA, UNKNOWN_KEY, BUILD_SYSTEM, NOT_BUILDABLE, IMPORT_PACKAGE, REQUIRES_PYTHON, SCRIPT)
def project_valid(release: Release, world: World) -> Iterator[Finding]:
    """pyproject.toml is valid

    pyproject.toml follows the specification and names a build system, the project allows this Python, its scripts name
    functions, and it has an import package.

    Fix: correct the reported key. Rules: https://packaging.python.org/en/latest/specifications/pyproject-toml/
    """
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    project = release.project
    file = project.root / _FILE
    text = file.read_text(encoding="utf-8-sig") if file.is_file() else ""
    stated = read_values(text)
    unknown = tuple(key for key in table(stated, "project") if key not in _KEYS)
    yield from former_names.find(project.root, stated, text)
    yield from _unknown_keys(unknown, text)
    yield from _schema_violation(stated, unknown, text)
    yield from _build_system(project)
    yield from _scripts(project, text)
    if _lacks_packages(project) and not (found := found_packages(project)).without_modules:
        message = f"no import package found in {found.looked_at}: name it in `import-packages` [tool.omni-release]"
        severity = Severity.WARNING if compiles(project.metadata) else Severity.ERROR
        yield Finding(message, IMPORT_PACKAGE.id, severity, project.stated_in)
    required = table(project.metadata, "project").get("requires-python")
    try:
        if isinstance(required, str) and platform.python_version() not in SpecifierSet(required, prereleases=True):
            message = f"requires-python is {required!r}, but this run uses Python {platform.python_version()}"
            line = line_of(text, ("project", "requires-python"))
            yield Finding(message, REQUIRES_PYTHON.id, path=project.stated_in, line=line)
    except InvalidSpecifier:
        pass  # reported as a violation of the schema


def _lacks_packages(project: Project) -> bool:
    """Whether no import package is known, and the project does not state that it has none (PEP 794)."""
    return not (project.packages or project.compiled or ImportNames.of_pyproject(project.metadata))


def _build_system(project: Project) -> Iterator[Finding]:
    """A finding with the lines to add where no build system is named: then installers use setuptools."""
    if "build-system" in project.metadata:
        return
    lines = '`[build-system]`, `requires = ["setuptools>=77"]`, `build-backend = "setuptools.build_meta"`'
    if (project.root / _FILE).is_file():
        message = f"no [build-system] table: installers would use setuptools. To keep that, add the lines {lines}"
        yield Finding(message, BUILD_SYSTEM.id, path=_FILE, line=1)
        return
    message = f"{project.stated_in} and no pyproject.toml: write one with the three lines {lines}"
    if (project.root / "setup.py").is_file():
        yield Finding(message, BUILD_SYSTEM.id, path=project.stated_in)
    else:
        yield Finding(f"pip cannot install it: {message}", NOT_BUILDABLE.id, path=project.stated_in)


def _scripts(project: Project, text: str) -> Iterator[Finding]:
    """A finding for each script that is not `module:function`: installers refuse the wheel."""
    for kind in ("scripts", "gui-scripts"):
        for name, value in table(project.metadata, "project", kind).items():
            if isinstance(value, str) and not _SCRIPT.fullmatch(value):
                message = f'the script `{name} = "{value}"` names no function: write it as module:function'
                line = line_of(text, ("project", kind, name))
                yield Finding(message, SCRIPT.id, path=project.stated_in, line=line)


def _unknown_keys(unknown: Iterable[str], text: str) -> Iterator[Finding]:
    """A finding for each key of [project] that is not of the specification: an error where it is a misspelt one.

    Back ends that build it ignore these keys: what a misspelt one states is lacking in the metadata.
    """
    for key in unknown:
        line = line_of(text, ("project", key))
        if meant := _misspelt(key):
            message = f"[project] must not have the key {key!r}: write {meant!r}"
            yield Finding(message, SCHEMA.id, path=_FILE, line=line)
        else:
            message = f"[project] must not have the key {key!r}: build back ends ignore it, or refuse the project"
            yield Finding(message, UNKNOWN_KEY.id, path=_FILE, line=line)


def _misspelt(key: str) -> str:
    """The key of the specification that this one is a misspelling of; empty where it is a word of its own."""
    meant = difflib.get_close_matches(key.lower().replace("_", "-"), _KEYS, n=1, cutoff=_SIMILAR)
    return meant[0] if meant and abs(len(meant[0]) - len(key)) <= _LETTERS else ""


def _schema_violation(stated: Mapping[str, Any], unknown: Container[str], text: str) -> Iterator[Finding]:
    from validate_pyproject.api import Validator
    from validate_pyproject.errors import ValidationError

    # It would print values of the file as they are.
    logging.getLogger("validate_pyproject").setLevel(logging.CRITICAL)
    standard = {key: value for key, value in stated.items() if key in ("project", "build-system")}
    if unknown:
        standard["project"] = {key: value for key, value in standard["project"].items() if key not in unknown}
    try:
        Validator(plugins=[])(standard)
    except ValidationError as error:
        keys = tuple(re.sub(r"\[\d+\]", "", str(error.name).strip("`").removeprefix("data.")).split("."))
        value = f": {error.value!r}" if isinstance(error.value, str) and len(error.value) < _SHORT else ""
        message = error.summary.replace("`data.", "`") + value
        for form, plain in _FORMS.items():
            message = message.replace(f"must be {form}", f"must be {plain}")
        yield Finding(message, SCHEMA.id, path=_FILE, line=nearest_line(text, keys))
