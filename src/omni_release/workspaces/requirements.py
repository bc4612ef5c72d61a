"""What a package requires of its siblings, and the folders that its requirements name by path: from its own files."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator, Mapping

from omni_release.core.toml import LocatedString, table
from omni_release.project import setup_files
from omni_release.versions.member import Member, canonical
from omni_release.versions.pep440 import parse
from omni_release.workspaces.model import Kind, Requirement

_FILE = "pyproject.toml"
_REQUIREMENT = re.compile(r"\s*([A-Za-z0-9](?:[\w.-]*[A-Za-z0-9])?)\s*(?:\[[^\]]*\])?\s*([^;#]*)")
_BUILD_WRITES = re.compile(r"\{\{?\s*\w*version\w*[^}]*\}\}?")
_POETRY_BOUND = re.compile(r"(\^|~(?!=))\s*v?(\d[\w.!+-]*)")
_PATH = re.compile(
    r"(?:file:/{0,3}(?:\$\{PROJECT_ROOT\}/)?|\{root(?P<parent>(?::parent)*):(?:uri|real)\}/|^\s*-e\s+(?!file:|\w+\+))"
    r"(?P<path>\.{0,2}/?[^\s;#\[\"'$]+)"
)

_Stated = tuple[Kind, str, object]  # for what, the extra or group, and the requirement as its file has it


def of_siblings(member: Member, names: Collection[str], root: str) -> tuple[Requirement, ...]:
    """What a package requires of the packages of these normalised names, in the order of its files.

    `root` is the workspace's folder below the repository's top, empty or as `python/`.
    """
    found = [*_in_pyproject(member, names, root), *_in_poetry(member, names, root), *_elsewhere(member, names, root)]
    unique = {(item.name, item.kind, item.specifier, item.path, item.line, item.group): item for item in found}
    return tuple(item for item in unique.values() if item.name != member.canonical)


def paths(member: Member) -> Iterator[str]:
    """The folders that the requirements of a package name, relative to the repository's top, as `packages/acme/`."""
    for stated in _paths_as_stated(member):
        inside = os.path.normpath(f"{member.at}{stated}").replace(os.sep, "/")
        if not inside.startswith("..") and not os.path.isabs(inside):
            yield "" if inside == "." else f"{inside}/"


def _paths_as_stated(member: Member) -> Iterator[str]:
    sources = [*member.table("tool", "uv", "sources").values()]
    poetry = [value for _, _, dependencies in _poetry_tables(member) for value in dependencies.values()]
    for source in (*sources, *poetry):
        for item in source if isinstance(source, list) else (source,):
            if isinstance(item, dict) and isinstance(item.get("path"), str):
                yield item["path"]
    strings = [value for _, _, value in _lists(member)]
    for environment in hatch_environments(member):
        for key in ("dependencies", "extra-dependencies"):
            strings += _strings(environment.get(key))
    for text in strings:
        if isinstance(text, str) and (match := _PATH.search(text)):
            yield "../" * (match["parent"] or "").count(":") + match["path"]


def hatch_environments(member: Member) -> list[Mapping[str, object]]:
    """The tables of hatch's environments: those of pyproject.toml, and those of hatch.toml."""
    in_file = table(member.checkout.toml(f"{member.at}hatch.toml"), "envs")
    environments = [*member.table("tool", "hatch", "envs").values(), *in_file.values()]
    return [environment for environment in environments if isinstance(environment, dict)]


def _strings(value: object) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def _lists(member: Member) -> Iterator[_Stated]:
    """The requirements that pyproject.toml lists as strings."""
    project = member.table("project")
    groups: list[tuple[Kind, str, object]] = [
        (Kind.RUNTIME, "", project.get("dependencies")),
        *((Kind.EXTRA, name, listed) for name, listed in table(project, "optional-dependencies").items()),
        (Kind.BUILD, "", member.table("build-system").get("requires")),
        *((Kind.DEVELOPMENT, name, listed) for name, listed in member.table("dependency-groups").items()),
        (Kind.DEVELOPMENT, "dev", member.table("tool", "uv").get("dev-dependencies")),
        *((Kind.DEVELOPMENT, name, listed) for name, listed in member.table("tool", "pdm", "dev-dependencies").items()),
    ]
    hook = member.table("tool", "hatch", "metadata", "hooks", "uv-dynamic-versioning")
    groups.append((Kind.RUNTIME, "", hook.get("dependencies")))
    groups += [(Kind.EXTRA, name, listed) for name, listed in table(hook, "optional-dependencies").items()]
    for kind, group, listed in groups:
        yield from ((kind, group, item) for item in _strings(listed))


def _in_pyproject(member: Member, names: Collection[str], root: str) -> Iterator[Requirement]:
    path = member.at + _FILE
    text = member.checkout.text(path)
    for kind, group, item in _lists(member):
        if text is not None and isinstance(item, LocatedString) and (found := _parsed(item, names)):
            line = text.text.count("\n", 0, max(item.start, item.near)) + 1
            yield _requirement(found, kind, item, path[len(root) :], line, group)


def _poetry_tables(member: Member) -> Iterator[tuple[Kind, str, Mapping[str, object]]]:
    poetry = member.table("tool", "poetry")
    yield Kind.RUNTIME, "", table(poetry, "dependencies")
    yield Kind.DEVELOPMENT, "dev", table(poetry, "dev-dependencies")
    for name in table(poetry, "group"):
        yield Kind.DEVELOPMENT, name, table(poetry, "group", name, "dependencies")


def _in_poetry(member: Member, names: Collection[str], root: str) -> Iterator[Requirement]:
    path = member.at + _FILE
    text = member.checkout.text(path)
    for kind, group, dependencies in _poetry_tables(member):
        for name, value in dependencies.items():
            if text is None or canonical(name) not in names:
                continue
            details = value if isinstance(value, dict) else {"version": value}
            version = str(details.get("version") or "*")
            match = re.search(rf"(?m)^[ \t]*[\"']?{re.escape(name)}[\"']?[ \t]*=", text.text)
            start = getattr(details.get("version"), "start", -1)
            start = start if start >= 0 else match.start() if match else 0
            line = text.text.count("\n", 0, start) + 1
            used = Kind.EXTRA if kind is Kind.RUNTIME and details.get("optional") == "true" else kind
            found = (canonical(name), _specifier_of_poetry(version), False)
            yield _requirement(found, used, f"{name} {version}", path[len(root) :], line, group)


def _specifier_of_poetry(version: str) -> str:
    """Poetry's constraint as PEP 440 has it; empty for any version, and for alternatives (`||`)."""
    parts = [part.strip() for part in version.split(",")]
    if version.strip() in ("*", "") or "|" in version:
        return ""
    return ",".join(_bounds(part) for part in parts if part != "*")


def _bounds(part: str) -> str:
    """One constraint: `^1.2` is `>=1.2,<2`, `~1.2` is `>=1.2,<1.3`, `1.2` is `==1.2`."""
    match = _POETRY_BOUND.fullmatch(part)
    lowest = parse(match[2]) if match else None
    if match is None or lowest is None:
        return part if re.match(r"[=<>!~]", part) else f"=={part}"
    release = lowest.release
    if match[1] == "^":
        at = next((index for index, number in enumerate(release) if number), len(release) - 1)
    else:
        at = min(1, len(release) - 1)
    highest = (*release[:at], release[at] + 1)
    return f">={lowest},<{'.'.join(map(str, highest))}"


def _elsewhere(member: Member, names: Collection[str], root: str) -> Iterator[Requirement]:
    """What setup.cfg, setup.py, and the files that setuptools or hatch take requirements from, state."""
    checkout, at = member.checkout, member.at
    for file in _requirement_files(member):
        text = checkout.text(at + file)
        for number, line in enumerate(text.text.splitlines(), 1) if text else ():
            if found := _parsed(line, names):
                yield _requirement(found, Kind.RUNTIME, line.strip(), (at + file)[len(root) :], number, "")
    texts = {name: checkout.text(at + name) for name in ("setup.cfg", "setup.py")}
    if not any(texts.values()):
        return
    setup = setup_files.of_texts(*(text.data if text else b"" for text in texts.values()))
    metadata = setup.metadata(member.name)
    stated = [(Kind.RUNTIME, "", item) for item in _strings(metadata.get("dependencies"))]
    for name, listed in table(metadata, "optional-dependencies").items():
        stated += [(Kind.EXTRA, name, item) for item in _strings(listed)]
    stated += [(Kind.BUILD, "", item) for item in _strings(setup.arguments.get("setup_requires"))]
    for kind, group, item in stated:
        if found := _parsed(item, names):
            lines = {name: _line_of(text.text, item) for name, text in texts.items() if text}
            file = next((name for name, line in lines.items() if line), "setup.py")
            yield _requirement(found, kind, item, (at + file)[len(root) :], lines.get(file) or 1, group)


def _requirement_files(member: Member) -> list[str]:
    dynamic = table(member.table("tool", "setuptools"), "dynamic", "dependencies").get("file")
    hook = member.table("tool", "hatch", "metadata", "hooks", "requirements_txt").get("files")
    return [dynamic] if isinstance(dynamic, str) else [*_strings(dynamic), *_strings(hook)]


def _line_of(text: str, item: str) -> int:
    """The line (from 1) of a requirement in a file; 0 where it is not there as a whole."""
    at = text.find(item)
    return text.count("\n", 0, at) + 1 if at >= 0 else 0


def _parsed(item: str, names: Collection[str]) -> tuple[str, str, bool] | None:
    """The sibling, the specifier, and whether the build writes it; None for a requirement of another project."""
    match = _REQUIREMENT.match(item)
    if not match or (name := canonical(match[1])) not in names:
        return None
    rest = match[2].strip().removeprefix("(").removesuffix(")")
    if _BUILD_WRITES.search(rest):
        return name, "", True
    return name, "" if rest.startswith("@") else re.sub(r"\s+", "", rest), False


def _requirement(
    found: tuple[str, str, bool], kind: Kind, stated: str, path: str, line: int, group: str
) -> Requirement:
    name, specifier, follows = found
    return Requirement(name, kind, specifier, str(stated), path, line, group, follows)
