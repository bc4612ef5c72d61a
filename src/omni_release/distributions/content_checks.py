"""Checks of what the distributions contain: stray files, secrets, and what other tools find."""

from __future__ import annotations

import fnmatch
import re
import sys
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from omni_release import distributions, programs, source_tree
from omni_release.core import redaction
from omni_release.core.errors import Inconclusive, NotApplicable
from omni_release.core.model import Finding, Project, Release, Severity
from omni_release.core.tasks import Rule, RuleClass, reports
from omni_release.core.toml import table
from omni_release.core.world import World

# Shell patterns of names that never belong in a package, for files and folders alike, and what they are.
_STRAY = {
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

_EXAMPLES = (".env.example", ".env.sample", ".env.template")
_UV_BUILD = "pyproject.toml.orig"  # uv_build writes its own pyproject.toml, and keeps the project's under this name
_INFO = re.compile(r"(?P<name>[^/]+?)-(?P<version>[^/-]+)\.(?:dist-info|egg-info)/")
_VERSION_FILES = {"version-file", "version_file", "write_to"}
_DEADLINE = 120.0
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_CONTENTS = re.compile(r"^(?P<path>.+\.whl): (?P<rule>W\d{3}): (?P<message>.+)$")
# Possibly intended: duplicate files, a path that cannot be imported, several top-level entries, one without Python.
_WARNINGS = {"W002", "W004", "W009", "W010"}


@reports(
    Rule("stray-file", RuleClass.RELEASE, "File does not belong in a distribution"),
    Rule("stray-version", RuleClass.RELEASE, "Wheel contains metadata of another version"),
    Rule("key-inside", RuleClass.RELEASE, "Distribution contains a secret"),
)
def no_stray_files(release: Release, world: World) -> Iterator[Finding]:
    """Distributions contain no stray files

    No distribution contains keys, `.env` files, caches, files of editors, or metadata of other versions.

    Fix: exclude the file in the settings of the build back end, or remove it from the checkout. Revoke every key that
    was in a published file.
    """
    for path in distributions.in_folder(release.dist):
        _, version = distributions.name_and_version(path.name)
        for entry in distributions.contents(path):
            for part in PurePosixPath(entry.name).parts if entry.name != _UV_BUILD else ():
                reason = next((why for pattern, why in _STRAY.items() if fnmatch.fnmatchcase(part, pattern)), None)
                if reason and part not in _EXAMPLES:
                    yield Finding(f"{path.name} contains {entry.name}: {reason}", "stray-file")
                    break
            info = _INFO.match(entry.name) if distributions.is_wheel(path.name) else None
            if info and not distributions.same_version(info["version"], version):
                yield Finding(f"{path.name} contains {entry.name} from version {info['version']}", "stray-version")
            for line, secret in redaction.find_keys(entry.read()):
                yield Finding(f"{path.name} seems to contain {secret}: {entry.name}:{line}", "key-inside")


@reports(
    Rule("untracked-in-sdist", RuleClass.RELEASE, "sdist contains an untracked file"),
    Rule("left-out-of-sdist", RuleClass.RELEASE, "sdist lacks tracked files"),
)
def sdist_tracked_files(release: Release, world: World) -> Iterator[Finding]:
    """sdist contains only tracked files

    Every file in the sdist is tracked by git, or is one that the build generates.

    Fix: commit the file or exclude it from the sdist; list a file that the build generates in `generated` of
    [tool.omni-release].
    """
    repository = source_tree.working_tree(release.project.root, world.processes)
    if repository is None or release.commit is None:
        raise NotApplicable("the project is not in a git repository, or has no commit yet")
    built = distributions.in_folder(release.dist)
    sdist = next((path for path in built if not distributions.is_wheel(path.name)), None)
    if sdist is None:
        raise NotApplicable("this build has no sdist")
    tracked = {str(file) for file in source_tree.tracked(release.project.root, world.processes)}
    inside = set(distributions.names(sdist))
    generated = _generated(release.project)
    for name in sorted(inside - tracked):
        if not any(fnmatch.fnmatch(name, pattern) for pattern in generated):
            path = name if (release.project.root / name).exists() else None
            yield Finding(f"{sdist.name} contains {name}, which git does not track", "untracked-in-sdist", path=path)
    left_out = sorted(tracked - inside)
    if left_out:
        listed = ", ".join(left_out[:10]) + (f" and {len(left_out) - 10} more" if len(left_out) > 10 else "")
        yield Finding(f"not in the sdist: {listed}", "left-out-of-sdist", Severity.NOTICE)


def _generated(project: Project) -> tuple[str, ...]:
    """Patterns of files that a build adds to an sdist: by the standard, the back end's settings, and ours."""
    tool = project.metadata
    hooks = table(tool, "tool", "hatch", "build", "hooks", "vcs"), table(tool, "tool", "setuptools_scm")
    declared = [value for hook in hooks for key, value in hook.items() if key in _VERSION_FILES]
    declared.append(table(tool, "tool", "pdm", "version").get("write_to"))
    for target in ((), ("targets", "sdist"), ("targets", "wheel")):
        build = table(tool, "tool", "hatch", "build", *target)
        artifacts = build.get("artifacts", [])
        declared += artifacts if isinstance(artifacts, list) else []
        declared += list(table(build, "force-include").values())
    named = [str(Path(str(value)).as_posix()).lstrip("/") for value in declared if value]
    return ("PKG-INFO", "*.egg-info/*", "setup.cfg", _UV_BUILD, *named, *project.settings.generated)


@reports(Rule(r"W\d{3}", RuleClass.RELEASE, "Rule of check-wheel-contents"))
def wheel_contents(release: Release, world: World) -> Iterator[Finding]:
    """check-wheel-contents passes

    check-wheel-contents, with the project's own settings for it, reports nothing about the wheels.

    Fix: change the files or the build settings as https://check-wheel-contents.readthedocs.io says for the rule, or
    ignore the rule in [tool.check-wheel-contents].
    """
    wheels = [str(path) for path in distributions.in_folder(release.dist) if distributions.is_wheel(path.name)]
    config = ("--config", str(release.project.root / "pyproject.toml"))
    lines = _run(release, world, _CONTENTS, "check_wheel_contents", *config, *wheels)
    for match in filter(None, map(_CONTENTS.match, lines)):
        name = match["path"].replace("\\", "/").rpartition("/")[2]
        severity = Severity.WARNING if match["rule"] in _WARNINGS else Severity.ERROR
        yield Finding(f"{name}: {match['message']}", match["rule"], severity)


@reports(Rule("twine-check", RuleClass.RELEASE, "twine check failed"))
def twine_check(release: Release, world: World) -> Iterator[Finding]:
    """twine check passes

    `twine check --strict` passes on all distributions: an index can render the description.

    Fix: correct the README; render it with `python -m readme_renderer README.rst` until it has no errors.
    """
    paths = [str(path) for path in distributions.in_folder(release.dist)]
    lines = _run(release, world, re.compile("^Checking .*FAILED"), "twine", "check", "--strict", *paths)
    name, message = "", [""]
    for line in (*lines, "Checking "):
        if line.startswith("Checking "):
            if any(message):
                yield Finding(f"{name}: {' '.join(filter(None, message))}", "twine-check")
            name, _, verdict = line.removeprefix("Checking ").rpartition(": ")
            name, message = name.replace("\\", "/").rpartition("/")[2], [verdict.removeprefix("PASSED")]
        else:
            message.append(line.strip())


def _run(release: Release, world: World, failure: re.Pattern[str], module: str, *arguments: str) -> tuple[str, ...]:
    """The output of a tool, by line. Raises Inconclusive where it fails, but no line matches `failure`."""
    context = programs.ToolContext(release.work_dir, release.folder, release.folder, world.environment)
    argv, variables = programs.module(sys.executable, module, *arguments), {"COLUMNS": "400"}
    completed, output = programs.run_tool(context, world.processes, argv, module, variables, deadline=_DEADLINE)
    lines = tuple(_COLOUR.sub("", line).rstrip() for line in output.splitlines())
    if completed.code != 0 and not (completed.code == 1 and any(map(failure.match, lines))):
        message = f"{module} {completed.ended(_DEADLINE)} without a verdict"
        raise Inconclusive("\n".join((message, *completed.tail[-5:])), f"See {release.logs / f'{module}.log'}.")
    return lines
