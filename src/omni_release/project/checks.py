"""Can this project be released at all?"""

from __future__ import annotations

import platform
import re
from collections.abc import Iterator

from omni_release.core.model import Finding, Release
from omni_release.core.settings_reader import line_of, nearest_line
from omni_release.core.tasks import Rule, RuleClass, reports
from omni_release.core.toml import table
from omni_release.core.world import World

SCHEMA = Rule("pyproject", RuleClass.RELEASE, "pyproject.toml does not follow the specification")
BUILD_SYSTEM = Rule("build-system", RuleClass.RELEASE, "pyproject.toml has no [build-system] table")
IMPORT_PACKAGE = Rule("import-package", RuleClass.RELEASE, "No import package was found")
REQUIRES_PYTHON = Rule("requires-python", RuleClass.RELEASE, "`requires-python` excludes this Python")

_FILE = "pyproject.toml"
_SHORT = 100


@reports(SCHEMA, BUILD_SYSTEM, IMPORT_PACKAGE, REQUIRES_PYTHON)
def project_valid(release: Release, world: World) -> Iterator[Finding]:
    """pyproject.toml is valid

    pyproject.toml follows the specification, has a build system, allows this Python, and has an import package.

    Fix: correct the reported key. Rules: https://packaging.python.org/en/latest/specifications/pyproject-toml/
    """
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    project = release.project
    text = (project.root / _FILE).read_text(encoding="utf-8-sig")
    yield from _schema_violation(release, text)
    if "build-system" not in project.metadata:
        message = "no [build-system] table: installers would use setuptools"
        yield Finding(message, BUILD_SYSTEM.id, path=_FILE, line=1)
    if not project.packages:
        message = "no import package found in src/ or next to pyproject.toml: name it in `import-packages`"
        yield Finding(message, IMPORT_PACKAGE.id, path=_FILE)
    required = table(project.metadata, "project").get("requires-python")
    try:
        if isinstance(required, str) and platform.python_version() not in SpecifierSet(required, prereleases=True):
            message = f"requires-python is {required!r}, but this run uses Python {platform.python_version()}"
            yield Finding(message, REQUIRES_PYTHON.id, path=_FILE, line=line_of(text, ("project", "requires-python")))
    except InvalidSpecifier:
        pass  # reported as a violation of the schema


def _schema_violation(release: Release, text: str) -> Iterator[Finding]:
    from validate_pyproject.api import Validator
    from validate_pyproject.errors import ValidationError

    standard = {key: value for key, value in release.project.metadata.items() if key in ("project", "build-system")}
    try:
        Validator(plugins=[])(standard)
    except ValidationError as error:
        keys = tuple(re.sub(r"\[\d+\]", "", str(error.name).strip("`").removeprefix("data.")).split("."))
        value = f": {error.value!r}" if isinstance(error.value, str) and len(error.value) < _SHORT else ""
        message = error.summary.replace("`data.", "`") + value
        yield Finding(message, SCHEMA.id, path=_FILE, line=nearest_line(text, keys))
