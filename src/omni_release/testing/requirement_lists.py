"""Lists of requirements as projects write them: lines and arguments of pip, nested files, other tools' tables."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from omni_release.distributions import parsed_requirement

_DEEPEST = 10
_VALUED = {
    "-r": "file",
    "--requirement": "file",
    "--requirements": "file",
    "-c": "constraints",
    "--constraint": "constraints",
    "--constraints": "constraints",
    "-e": "line",
    "--editable": "line",
    "--group": "group",
    "--only-group": "group",
    "--extra": "extra",
    "--extra-index-url": "option",
    "-f": "skip",
    "--find-links": "skip",
    "-i": "skip",
    "--index-url": "skip",
    "--upgrade-strategy": "skip",
    "--python": "skip",
    "-p": "skip",
    "--no-binary": "skip",
    "--only-binary": "skip",
}
_LOCAL = re.compile(r"(?:file:)?(?P<path>[^\[;#]*)(?:\[(?P<extras>[^\]]*)\])?")
_ARCHIVE = re.compile(r"\.(?:whl|zip|tar\.gz)$")


def _contradicts(requirement: Requirement, other: Requirement | None) -> bool:
    """Whether a requirement excludes the exact version that another one of the same package asks for."""
    if other is None or canonicalize_name(other.name) != canonicalize_name(requirement.name) or other.marker:
        return False
    exact = [part.version for part in other.specifier if part.operator == "==" and not part.version.endswith("*")]
    return any(not requirement.specifier.contains(version, prereleases=True) for version in exact)


class RequirementList:
    """Collects requirements. The project itself in them, also as a path, adds its `extras` alone.

    A path of another package is one in `source`, a copy of the project at `root`: an install may write there.
    """

    def __init__(
        self, name: str, root: Path, source: Path, groups: Mapping[str, Iterable[object]], extras: Iterable[str]
    ) -> None:
        self._own = canonicalize_name(name)
        self._root = root
        self._source = source
        self._groups = groups
        self._known_extras = {canonicalize_name(extra) for extra in extras}
        self._seen: set[object] = set()
        self.extras: dict[str, None] = {}
        self.packages: dict[str, None] = {}
        self.constraints: dict[str, None] = {}
        self.options: dict[str, None] = {}

    def __bool__(self) -> bool:
        return bool(self.extras or self.packages)

    def includes(self, other: RequirementList) -> bool:
        """Whether all requirements of the other list are in this one."""
        return other.packages.keys() <= self.packages.keys() and other.extras.keys() <= self.extras.keys()

    def update(self, other: RequirementList) -> None:
        """Add all that the other list has."""
        for name in ("extras", "packages", "constraints", "options"):
            getattr(self, name).update(getattr(other, name))

    def add_arguments(self, words: Iterable[str], folder: Path | None = None) -> None:
        """Add the arguments of `pip install`; relative paths are those in `folder`."""
        folder = folder or self._root
        pending = [part for word in words for part in _split_option(word)]
        while pending:
            word = pending.pop(0)
            kind = _VALUED.get(word)
            if kind and pending:
                self._add(kind, pending.pop(0), folder)
            elif word == "--all-extras":
                self.extras.update(dict.fromkeys(sorted(self._known_extras)))
            elif word == "--pre":
                self.options["--prerelease=allow"] = None
            elif not word.startswith("-"):
                self.add_line(word, folder)

    def add_line(self, line: str, folder: Path | None = None) -> None:
        """Add one line of a requirements file, or of a list that other tools read."""
        line = re.sub(r"(^|\s)#.*", "", line).strip()
        if line.startswith("-"):
            option, _, rest = line.replace("=", " ", 1).partition(" ") if line.startswith("--") else _short(line)
            self.add_arguments((option, *([rest.strip()] if rest.strip() else [])), folder)
            return
        line = re.sub(r"\s+--(?:hash|config-settings?|global-option)[= ].*", "", line).strip()
        if line[:1] in ("'", '"') and line[-1:] == line[:1]:
            line = line[1:-1]
        line = line.replace("{root:uri}", self._source.as_uri())
        if not line or "{" in line:
            return
        if requirement := parsed_requirement(line):
            self._add_requirement(requirement)
        elif re.match(r"(?:git|hg|svn|bzr)\+|https?://", line):
            self.packages[_named(line)] = None
        else:
            self._add_path(line, folder or self._root)

    def add_file(self, path: Path, *, constraints: bool = False, depth: int = _DEEPEST) -> None:
        """Add all lines of a requirements file, and of those that it names."""
        if (path, constraints) in self._seen or len(self._seen) > 100 * depth:
            return
        self._seen.add((path, constraints))
        try:
            text = path.read_text(encoding="utf-8-sig", errors="replace")
        except OSError:
            return
        for line in text.replace("\\\n", " ").splitlines():
            if not constraints:
                self.add_line(line, path.parent)
                continue
            line = re.sub(r"(^|\s)(#|--hash).*", "", line).strip()
            found = parsed_requirement(line)
            if found and canonicalize_name(found.name) != self._own and not found.extras:
                self.constraints[line] = None
            elif nested := re.match(r"(?:-[cr]|--constraint|--requirement)[ =]\s*(\S+)", line):
                self.add_file(path.parent / nested[1], constraints=True)

    def add_group(self, name: str) -> None:
        """Add a dependency group (PEP 735), and those that it includes."""
        name = canonicalize_name(name)
        if ("group", name) in self._seen:
            return
        self._seen.add(("group", name))
        for entry in self._groups.get(name, ()):
            if isinstance(entry, str):
                self.add_line(entry)
            elif isinstance(entry, dict) and isinstance(included := entry.get("include-group"), str):
                self.add_group(included)

    def add_extra(self, name: str) -> None:
        """Add an extra of the project, if it has it."""
        if canonicalize_name(name) in self._known_extras:
            self.extras[canonicalize_name(name)] = None

    def _add(self, kind: str, value: str, folder: Path) -> None:
        if kind in ("file", "constraints"):
            if not re.match(r"[a-z]+://", value):
                self.add_file(folder / value, constraints=kind == "constraints")
        elif kind == "line":
            self.add_line(value, folder)
        elif kind == "group":
            self.add_group(value.rpartition(":")[2])
        elif kind == "extra":
            self.add_extra(value)
        elif kind == "option":
            self.options[f"--extra-index-url={value}"] = None

    def _add_requirement(self, requirement: Requirement) -> None:
        if canonicalize_name(requirement.name) != self._own:
            # A session of nox installs one version over another, of which no installer takes both at once.
            if not any(_contradicts(requirement, parsed_requirement(line)) for line in self.packages):
                self.packages[str(requirement)] = None
            return
        for extra in sorted(requirement.extras):
            self.add_extra(extra)

    def _add_path(self, line: str, folder: Path) -> None:
        """Add a package of the checkout by its path."""
        found = _LOCAL.match(line)
        if found is None or not found["path"].strip():
            return
        path = (folder / found["path"].strip()).resolve()
        if path == self._root.resolve():
            for extra in re.split(r"[\s,]+", found["extras"] or ""):
                self.add_extra(extra)
            return
        inside = (
            self._source / path.relative_to(self._root.resolve()) if path.is_relative_to(self._root.resolve()) else path
        )
        known = any((path / name).is_file() for name in ("pyproject.toml", "setup.py"))
        if known or (_ARCHIVE.search(path.name) and path.is_file()):
            self.packages[f"{inside}[{found['extras']}]" if found["extras"] else str(inside)] = None


def _split_option(word: str) -> tuple[str, ...]:
    """An option and its value: of `--group=tests`, `-rtests.txt` and `-r tests.txt`, too."""
    if word.startswith("--"):
        option, equals, value = word.partition("=")
        return (option, value) if equals else (word,)
    if word.startswith("-") and len(word) > 2 and word[:2] in _VALUED:
        return word[:2], word[2:].strip()
    return (word,)


def _short(line: str) -> tuple[str, str, str]:
    return line[:2], " ", line[2:].strip().strip("'\"")


def _named(url: str) -> str:
    """A URL as a requirement; with the name of its `#egg=`, where it has one."""
    egg = re.search(r"[#&]egg=([\w.-]+)", url)
    return f"{egg[1]} @ {url.partition('#')[0]}" if egg else url


def from_poetry(name: str, stated: object) -> Iterator[str]:
    """A requirement of a table of poetry's, as PEP 508. https://python-poetry.org/docs/dependency-specification/."""
    if isinstance(stated, list):
        for alternative in stated:
            yield from from_poetry(name, alternative)
        return
    details: Mapping[str, Any] = stated if isinstance(stated, dict) else {"version": stated}
    extras = ",".join(map(str, details.get("extras", ())))
    text = f"{name}[{extras}]" if extras else name
    if url := details.get("git") or details.get("url"):
        at = details.get("rev") or details.get("tag") or details.get("branch")
        prefix = "git+" if "git" in details and not str(url).startswith("git+") else ""
        text += f" @ {prefix}{url}" + (f"@{at}" if at and "git" in details else "")
    elif path := details.get("path"):
        yield f"./{path}" + (f"[{extras}]" if extras else "")
        return
    else:
        text += poetry_version(str(details.get("version") or "*"))
    markers = [f"({marker})" for marker in (details.get("markers"), *_python_markers(details.get("python"))) if marker]
    yield f"{text} ; {' and '.join(markers)}" if markers else text


def _python_markers(stated: object) -> Iterator[str]:
    for alternative in [str(stated)] if stated else []:
        parts = [poetry_version(part) for part in alternative.split("||")]
        clauses = [
            " and ".join(re.sub(r"^([<>=!~]+)(.*)$", r'python_full_version \1 "\2"', s) for s in p.split(",") if s)
            for p in parts
        ]
        yield " or ".join(filter(None, clauses))


def poetry_version(stated: str) -> str:
    """A version constraint of poetry's as a PEP 440 specifier: `^1.2` is `>=1.2,<2`, `~1.2` is `>=1.2,<1.3`."""
    return ",".join(filter(None, (_clause(part.strip()) for part in re.split(r",|(?<=\d)\s+(?=[<>=!~^])", stated))))


def _clause(part: str) -> str:
    if part in ("", "*") or "||" in part:
        return ""
    if part[0] in "^~" and not part.startswith("~="):
        version = part[1:].strip()
        numbers = [int(number) for number in re.findall(r"\d+", re.split(r"[a-zA-Z+-]", version)[0])]
        if part[0] == "^":
            at = next((n for n, number in enumerate(numbers) if number), len(numbers) - 1)
        else:
            at = min(1, len(numbers) - 1)
        upper = ".".join(map(str, [*numbers[:at], numbers[at] + 1])) if numbers else ""
        return f">={version},<{upper}" if upper else ""
    if part[0].isdigit():
        return f"=={part}"
    return re.sub(r"^(=)(?!=)", "==", part).replace(" ", "")
