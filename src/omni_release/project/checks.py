"""Is this a project that can be released at all?"""

from __future__ import annotations

import platform
import re
from collections.abc import Iterator

from omni_release.core.model import Finding, Release
from omni_release.core.settings_reader import line_of, nearest_line
from omni_release.core.toml import table
from omni_release.core.world import World

_FILE = "pyproject.toml"
_SHORT = 100


def project_valid(release: Release, world: World) -> Iterator[Finding]:
    """pyproject.toml is valid, and names a package that is there.

    Mend the key named above: the rules are those of https://packaging.python.org/en/latest/specifications/pyproject-toml/.
    """
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    project = release.project
    text = (project.root / _FILE).read_text(encoding="utf-8-sig")
    yield from _schema(release, text)
    if "build-system" not in project.metadata:
        said = "there is no [build-system] table: installers would guess setuptools"
        yield Finding(said, "build-system", path=_FILE, line=1)
    if not project.packages:
        said = "no import package was found, in src/ or beside pyproject.toml: name it in `import-packages`"
        yield Finding(said, "import-package", path=_FILE)
    required = table(project.metadata, "project").get("requires-python")
    try:
        if isinstance(required, str) and platform.python_version() not in SpecifierSet(required, prereleases=True):
            said = f"requires-python is {required!r}, and this run is on Python {platform.python_version()}"
            yield Finding(said, "requires-python", path=_FILE, line=line_of(text, ("project", "requires-python")))
    except InvalidSpecifier:
        pass  # the schema has said so already


def _schema(release: Release, text: str) -> Iterator[Finding]:
    from validate_pyproject.api import Validator
    from validate_pyproject.errors import ValidationError

    standard = {key: value for key, value in release.project.metadata.items() if key in ("project", "build-system")}
    try:
        Validator(plugins=[])(standard)
    except ValidationError as error:
        keys = tuple(re.sub(r"\[\d+\]", "", str(error.name).strip("`").removeprefix("data.")).split("."))
        value = f": {error.value!r}" if isinstance(error.value, str) and len(error.value) < _SHORT else ""
        yield Finding(
            error.summary.replace("`data.", "`") + value, "pyproject", path=_FILE, line=nearest_line(text, keys)
        )
