"""What lies in the distributions that should not."""

from __future__ import annotations

import fnmatch
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from omni_release import distributions, programs, source_tree
from omni_release.core import redaction
from omni_release.core.errors import Inconclusive, NotApplicable
from omni_release.core.model import Finding, Project, Release, Severity
from omni_release.core.toml import table
from omni_release.core.world import Completed, World

# Names that are never meant for a package: what they are, by shell patterns on the last part or on any folder.
_NEVER = {
    ".env": "settings with secrets",
    ".env.*": "settings with secrets",
    ".pypirc": "credentials of an index",
    ".netrc": "credentials",
    "id_rsa": "a private key",
    "id_ed25519": "a private key",
    "*.pem": "a certificate or a key",
    "*.pyc": "compiled Python",
    "__pycache__": "compiled Python",
    ".DS_Store": "a leftover of the file manager",
    "Thumbs.db": "a leftover of the file manager",
    "*.swp": "a leftover of an editor",
    "*~": "a leftover of an editor",
    "*.orig": "a leftover of a merge",
    "*.rej": "a leftover of a patch",
    ".idea": "an editor's settings",
    ".vscode": "an editor's settings",
    ".git": "the repository itself",
    ".venv": "a virtual environment",
    "node_modules": "installed packages of npm",
    ".pytest_cache": "a cache",
    ".mypy_cache": "a cache",
    ".ruff_cache": "a cache",
    ".coverage": "coverage data",
    ".omni-release": "the run folder",
}

_MEANT = (".env.example", ".env.sample", ".env.template")

_INFO = re.compile(r"(?P<name>[^/]+?)-(?P<version>[^/-]+)\.(?:dist-info|egg-info)/")


def no_stray_files(release: Release, world: World) -> Iterator[Finding]:
    """Nothing lies in the distributions that should not: keys, `.env` files, caches, editor files, other versions.

    Tell the back end to leave it out (`exclude`), or remove it from the checkout. A key that was ever in a published
    file must be revoked.
    """
    for path in distributions.in_folder(release.dist):
        _, version = distributions.name_and_version(path.name)
        for entry in distributions.contents(path):
            for part in PurePosixPath(entry.name).parts if entry.name != _UV_BUILD else ():
                if why := _never(part):
                    yield Finding(f"{path.name} holds {entry.name}: {why}", "stray-file")
                    break
            info = _INFO.match(entry.name) if distributions.is_wheel(path.name) else None
            if info and not distributions.same_version(info["version"], version):
                yield Finding(f"{path.name} holds {entry.name}, of version {info['version']}", "stray-version")
            for line, what in redaction.find_keys(entry.read()):
                yield Finding(f"{path.name} holds what looks like {what}: {entry.name}:{line}", "key-inside")


def sdist_tracked_files(release: Release, world: World) -> Iterator[Finding]:
    """The sdist holds nothing that git does not know.

    Commit the file, or leave it out of the sdist. What the build makes itself is named in `generated` of
    [tool.omni-release], where it is not told from the back end's settings.
    """
    found = source_tree.working_tree(release.project.root, world.processes)
    if found is None or release.commit is None:
        raise NotApplicable("the project is in no git repository, or has no commit yet")
    sdist = next(
        (path for path in distributions.in_folder(release.dist) if not distributions.is_wheel(path.name)), None
    )
    if sdist is None:
        raise NotApplicable("there is no sdist")
    tracked = {str(file) for file in source_tree.tracked(release.project.root, world.processes)}
    inside = set(distributions.names(sdist))
    generated = _generated(release.project)
    for name in sorted(inside - tracked):
        if not any(fnmatch.fnmatch(name, pattern) for pattern in generated):
            said = f"{sdist.name} holds {name}, which git does not know"
            yield Finding(said, "untracked-in-sdist", path=name if (release.project.root / name).exists() else None)
    left_out = sorted(tracked - inside)
    if left_out:
        shown = ", ".join(left_out[:10]) + (f" and {len(left_out) - 10} more" if len(left_out) > 10 else "")
        yield Finding(f"not in the sdist: {shown}", "left-out-of-sdist", Severity.NOTICE)


def _never(part: str) -> str | None:
    if part in _MEANT:
        return None
    return next((why for pattern, why in _NEVER.items() if fnmatch.fnmatchcase(part, pattern)), None)


def _generated(project: Project) -> tuple[str, ...]:
    """Patterns of what a build adds to an sdist: the standard's own, what back ends declare, what the settings name."""
    tool = project.metadata
    hooks = table(tool, "tool", "hatch", "build", "hooks", "vcs"), table(tool, "tool", "setuptools_scm")
    declared = [value for hook in hooks for key, value in hook.items() if key in _VERSION_FILES]
    declared.append(table(tool, "tool", "pdm", "version").get("write_to"))
    for target in ((), ("targets", "sdist"), ("targets", "wheel")):
        build = table(tool, "tool", "hatch", "build", *target)
        more = build.get("artifacts", [])
        declared += more if isinstance(more, list) else []
        declared += list(table(build, "force-include").values())
    named = [str(Path(str(value)).as_posix()).lstrip("/") for value in declared if value]
    return ("PKG-INFO", "*.egg-info/*", "setup.cfg", _UV_BUILD, *named, *project.settings.generated)


_UV_BUILD = "pyproject.toml.orig"  # uv_build writes its own pyproject.toml, and keeps the project's under this name

_VERSION_FILES = {"version-file", "version_file", "write_to"}


_DEADLINE = 120.0

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")

_CONTENTS = re.compile(r"^(?P<path>.+\.whl): (?P<rule>W\d{3}): (?P<said>.+)$")

# May well be meant: duplicate files, a path that cannot be imported, several top-level entries, one without Python.
_MAY_BE_MEANT = {"W002", "W004", "W009", "W010"}


def wheel_contents(release: Release, world: World) -> Iterator[Finding]:
    """check-wheel-contents finds nothing wrong with the wheels.

    What each W… means: https://check-wheel-contents.readthedocs.io
    """
    wheels = [str(path) for path in distributions.in_folder(release.dist) if distributions.is_wheel(path.name)]
    config = ("--config", str(release.project.root / "pyproject.toml"))
    told = _asked(release, world, "check_wheel_contents", *config, *wheels)
    matches = list(filter(None, map(_CONTENTS.match, told.lines)))
    told.must_say(bool(matches))
    for match in matches:
        name = match["path"].replace("\\", "/").rpartition("/")[2]
        severity = Severity.WARNING if match["rule"] in _MAY_BE_MEANT else Severity.ERROR
        yield Finding(f"{name}: {match['said']}", match["rule"], severity)


def twine_check(release: Release, world: World) -> Iterator[Finding]:
    """twine check --strict passes: the index will be able to render the description.

    Render it at home: `python -m readme_renderer README.rst`, or `python -m twine check --strict` on the run's dist/.
    """
    paths = [str(path) for path in distributions.in_folder(release.dist)]
    told = _asked(release, world, "twine", "check", "--strict", *paths)
    told.must_say(any(line.startswith("Checking ") and "FAILED" in line for line in told.lines))
    name, said = "", [""]
    for line in (*told.lines, "Checking "):
        if line.startswith("Checking "):
            if any(said):
                yield Finding(f"{name}: {' '.join(filter(None, said))}", "twine-check")
            name, _, verdict = line.removeprefix("Checking ").rpartition(": ")
            name, said = name.replace("\\", "/").rpartition("/")[2], [verdict.removeprefix("PASSED")]
        else:
            said.append(line.strip())


@dataclass(frozen=True)
class _ToolOutput:
    """What a tool said, line by line, and how it ended."""

    module: str
    completed: Completed
    lines: tuple[str, ...]
    log: Path

    def must_say(self, complaint: bool) -> None:  # noqa: FBT001 - whether it complained is all that it takes
        """Raises CannotTell where the tool came to no verdict: it neither passed, nor said what is wrong."""
        if self.completed.code != 0 and not (self.completed.code == 1 and complaint):
            said = self.completed.ended(_DEADLINE)
            raise Inconclusive(
                "\n".join((f"{self.module} {said} without a verdict", *self.completed.tail[-5:])), f"See {self.log}."
            )


def _asked(release: Release, world: World, module: str, *arguments: str) -> _ToolOutput:
    """All that a tool says."""
    place = programs.ToolContext(release.work_dir, release.folder, release.folder, world.environment)
    argv = (sys.executable, "-m", module, *arguments)
    completed, said = programs.run_tool(place, world.processes, argv, module, {"COLUMNS": "400"}, deadline=_DEADLINE)
    lines = tuple(_COLOUR.sub("", line).rstrip() for line in said.splitlines())
    return _ToolOutput(module, completed, lines, release.logs / f"{module}.log")
