"""What a project requires, wherever it says so: pyproject.toml, the built wheel, setup.cfg, setup.py, requirements."""

from __future__ import annotations

import ast
import configparser
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from omni_release import distributions
from omni_release.core.documents import parse_python
from omni_release.core.errors import OmniReleaseError
from omni_release.core.model import Release
from omni_release.core.toml import table
from omni_release.distributions import parsed_requirement

_EXTRA = re.compile(r"""\s*(?:and\s+)?\(?\bextra\s*==\s*["']([\w.-]+)["']\)?""")


@dataclass(frozen=True)
class Requirements:
    """The requirements of a project, and those of its extras; `source` is the file that states them."""

    runtime: tuple[str, ...]
    extras: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    source: str = "pyproject.toml"


def in_pyproject(metadata: Mapping[str, object]) -> bool:
    """Whether pyproject.toml states the dependencies, in [project] or in Poetry's own tables."""
    project = table(metadata, "project")
    dynamic = project.get("dynamic")
    if isinstance(dynamic, list) and {"dependencies", "optional-dependencies"}.intersection(map(str, dynamic)):
        return False
    return bool(project) or "poetry" in table(metadata, "tool")


def find(release: Release) -> Requirements | None:
    """The requirements of a project whose pyproject.toml does not state them; None where they cannot be read."""
    root, metadata = release.project.root, release.project.metadata
    return _of_wheel(release.dist) or _of_setuptools(root, metadata) or _of_setup_cfg(root) or _of_setup_py(root)


def _of_wheel(dist: Path) -> Requirements | None:
    """Those that the build has written into the wheel's metadata."""
    try:
        stated = distributions.metadata(distributions.installable(dist)).get_all("Requires-Dist", [])
    except OmniReleaseError:
        return None
    runtime: list[str] = []
    extras: dict[str, list[str]] = {}
    for requirement in stated:
        if match := _EXTRA.search(requirement):
            extras.setdefault(match[1], []).append(requirement[: requirement.find(";")])
        else:
            runtime.append(requirement)
    return Requirements(tuple(runtime), {name: tuple(listed) for name, listed in extras.items()}, "the wheel")


def _of_setuptools(root: Path, metadata: Mapping[str, object]) -> Requirements | None:
    """Those of the requirements files that [tool.setuptools.dynamic] names."""
    dynamic = table(metadata, "tool", "setuptools", "dynamic")
    runtime = _of_files(root, table(dynamic, "dependencies").get("file"))
    if runtime is None:
        return None
    named = {
        name: _of_files(root, entry.get("file"))
        for name, entry in table(dynamic, "optional-dependencies").items()
        if isinstance(entry, dict)
    }
    stated = table(metadata, "project", "optional-dependencies")
    extras = {name: tuple(map(str, listed)) for name, listed in stated.items() if isinstance(listed, list)}
    return Requirements(runtime, extras | {name: listed or () for name, listed in named.items()})


def _of_files(root: Path, names: object) -> tuple[str, ...] | None:
    paths = [names] if isinstance(names, str) else names if isinstance(names, list) else []
    try:
        texts = [(root / str(path)).read_text(encoding="utf-8") for path in paths]
    except (OSError, UnicodeDecodeError):
        return None
    return _valid(line for text in texts for line in text.splitlines()) if texts else None


def _of_setup_cfg(root: Path) -> Requirements | None:
    parser = configparser.RawConfigParser()
    try:
        parser.read_string((root / "setup.cfg").read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, configparser.Error):
        return None
    if not parser.has_option("metadata", "name"):
        return None  # the settings of tools alone: setup.py has the metadata
    if not parser.has_option("options", "install_requires") and "install_requires" in _text(root / "setup.py"):
        return None
    listed = parser.get("options", "install_requires", fallback="").strip()
    if listed.startswith("file:"):
        runtime = _of_files(root, [name.strip() for name in listed.removeprefix("file:").split(",")])
    else:
        runtime = _valid(listed.splitlines())
    if runtime is None:
        return None
    section = "options.extras_require"
    extras = dict(parser.items(section)) if parser.has_section(section) else {}
    return Requirements(runtime, {name: _valid(listed.splitlines()) for name, listed in extras.items()}, "setup.cfg")


def _of_setup_py(root: Path) -> Requirements | None:
    """Those that setup.py has as literals, in the call of setup() or in a variable; None where it computes them."""
    if (tree := parse_python(_text(root / "setup.py"))) is None:
        return None
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and _name(node.func) == "setup"]
    if not calls:
        return None
    values = {
        target.id: node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    given = {keyword.arg: keyword.value for keyword in calls[-1].keywords}
    try:
        runtime, extras = (
            ast.literal_eval(values.get(_name(node), node)) if (node := given.get(key)) is not None else ()
            for key in ("install_requires", "extras_require")
        )
    except ValueError:
        return None
    listed = extras if isinstance(extras, dict) else {}
    return Requirements(_lines(runtime), {str(name): _lines(entry) for name, entry in listed.items()}, "setup.py")


def _lines(value: object) -> tuple[str, ...]:
    if isinstance(value, str):
        return _valid(value.splitlines())
    return _valid(map(str, value)) if isinstance(value, list | tuple | set) else ()


def _name(node: ast.AST) -> str:
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""


def _valid(lines: Iterable[str]) -> tuple[str, ...]:
    """The lines that are requirements, without comments and options of pip."""
    found = []
    for line in lines:
        stated = re.sub(r"(?:^|\s)#.*", "", line).strip()
        if parsed_requirement(stated):
            found.append(stated)
    return tuple(found)
