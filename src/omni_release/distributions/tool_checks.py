"""Checks of the distributions by other tools: check-wheel-contents and twine."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from omni_release import distributions, programs
from omni_release.core.errors import ToolUnavailable, install_hint
from omni_release.core.model import Finding, Release, Severity
from omni_release.core.tasks import Rule, RuleClass, reports
from omni_release.core.text import listed
from omni_release.core.world import World
from omni_release.distributions.checks import HOLLOW

_DEADLINE = 120.0
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_CONTENTS = re.compile(r"^(?P<path>.+\.whl): (?P<rule>W\d{3}): (?P<message>.+)$")

_ADVICE = "W001|W002|W003|W004|W009|W010"
# Compiled Python, which `no-stray-files` reports, too. Duplicates, a file at the top, a path that cannot be imported,
# several top-level entries, a folder without modules: often as intended, as templates, data or a second package are.


@dataclass(frozen=True)
class _Reported:
    """A problem that check-wheel-contents reports about a wheel, with the files that it is about."""

    wheel: str
    rule: str
    message: str
    files: tuple[str, ...]


@reports(
    Rule("of-developers", RuleClass.RELEASE, "Wheel installs a folder for developers as a package"),
    Rule(_ADVICE, RuleClass.QUALITY, "Advice of check-wheel-contents"),
    Rule(rf"(?!{_ADVICE})W\d{{3}}", RuleClass.RELEASE, "Rule of check-wheel-contents", caused_by=(HOLLOW,)),
)
def wheel_contents(release: Release, world: World) -> Iterator[Finding]:
    """check-wheel-contents passes

    check-wheel-contents, with the project's own settings for it, reports nothing about the wheels. The project's own
    import packages may have any name, and there may be several.

    Fix: change the files or the build settings as https://check-wheel-contents.readthedocs.io says for the rule, or
    ignore the rule in [tool.check-wheel-contents].
    """
    wheels = [str(path) for path in distributions.built(release.dist) if distributions.is_wheel(path.name)]
    settings = (release.project.root / name for name in ("pyproject.toml", "setup.cfg"))
    config = next((("--config", str(path)) for path in settings if path.is_file()), ("--no-config",))
    lines = _run(release, world, _CONTENTS, "check_wheel_contents", *config, *wheels)
    own = {package.name.partition(".")[0] for package in release.project.packages}
    for found in _reported(lines):
        files = tuple(file for file in found.files if PurePosixPath(file.partition("/")[0]).stem not in own)
        if found.rule in _AT_THE_TOP and found.files and not files:
            continue
        # A project without import packages may install programs, or requirements alone.
        severity = Severity.WARNING if found.rule in ("W007", "W008") and not own else Severity.ERROR
        named = files if found.rule in _AT_THE_TOP else found.files
        if found.rule in _AT_THE_TOP:
            stray = tuple(name for name in named if name.rstrip("/").lower() in _OF_DEVELOPERS)
            if stray:
                message = f"{found.wheel}: Wheel installs for everyone what is for developers: {listed(stray)}"
                yield Finding(message, "of-developers", distribution=found.wheel, subjects=stray)
            named = tuple(name for name in named if name not in stray)
            if stray and not named:
                continue
        names = f": {listed(named)}" if named else ""
        message = f"{found.wheel}: {found.message}{names}"
        yield Finding(message, found.rule, severity, distribution=found.wheel, subjects=named)


_OF_DEVELOPERS = frozenset(
    ["bench", "benchmark", "benchmarks", "demo", "demos", "e2e", "integration_tests", "notebooks", "sample", "samples"]
)
"""Folders that no project means to install at the top, in addition to those of W005: docs, examples, tests."""

_AT_THE_TOP = ("W003", "W005", "W009", "W010")


def _reported(lines: Sequence[str]) -> Iterator[_Reported]:
    """What check-wheel-contents prints: a line for each problem, and an indented one for each file."""
    found: _Reported | None = None
    for line in (*lines, ""):
        match = _CONTENTS.match(line)
        if found is not None and line.startswith("  "):
            found = _Reported(found.wheel, found.rule, found.message, (*found.files, line.strip()))
        elif found is not None:
            yield found
            found = None
        if match:
            wheel = match["path"].replace("\\", "/").rpartition("/")[2]
            found = _Reported(wheel, match["rule"], match["message"].removesuffix(":"), ())


@reports(
    Rule("twine-check", RuleClass.RELEASE, "twine check failed"),
    Rule("twine-warning", RuleClass.QUALITY, "twine check warns"),
)
def twine_check(release: Release, world: World) -> Iterator[Finding]:
    """twine check passes

    `twine check` passes on all distributions: their metadata is valid, and an index can render the description.

    Fix: correct the README; render it with `python -m readme_renderer README.rst` until it has no errors. Invalid
    metadata comes from an old build back end, or from [project].
    """
    paths = [str(path) for path in distributions.in_folder(release.dist)]
    lines = _run(release, world, _TWINE_FAILED, "twine", "check", *paths)
    name, verdict, message = "", "", [""]
    for line in (*lines, "Checking "):
        if invalid := _INVALID.search(line):
            fix = "Correct it in [project], or require a newer build back end in [build-system]."
            yield Finding(f"{_checked(line)[0] or name}: {invalid[1]}\n→ {fix}", "twine-check")
            return  # twine looks at nothing after that
        if line.startswith("Checking "):
            text = " ".join(filter(None, message))
            if verdict.startswith("FAILED"):
                yield Finding(f"{name}: {verdict} {text}".rstrip(), "twine-check")
            elif text:
                yield Finding(f"{name}: {text}", "twine-warning")
            (name, verdict), message = _checked(line), []
        else:
            message.append(re.sub(r"^(?:WARNING|ERROR)\s+", "", line.strip()))


_TWINE_FAILED = re.compile("^Checking .*FAILED|.*InvalidDistribution")
_CHECKING = re.compile(r"Checking (.+?\.(?:whl|tar\.gz|zip)): *(.*)")
_INVALID = re.compile(r"(?:InvalidDistribution):\s*(.+)")


def _checked(line: str) -> tuple[str, str]:
    """The file name and the verdict in a line of twine: `Checking dist/acme-1.0.tar.gz: PASSED`."""
    match = _CHECKING.match(line)
    return (match[1].replace("\\", "/").rpartition("/")[2], match[2]) if match else ("", "")


def _run(release: Release, world: World, failure: re.Pattern[str], module: str, *arguments: str) -> tuple[str, ...]:
    """The output of a tool, by line. Raises ToolUnavailable where it fails, but no line matches `failure`."""
    context = programs.ToolContext(release.work_dir, release.folder, release.folder, world.environment)
    argv, variables = programs.module(sys.executable, module, *arguments), {"COLUMNS": "400"}
    completed, output = programs.run_tool(context, world.processes, argv, module, variables, deadline=_DEADLINE)
    lines = tuple(_COLOUR.sub("", line).rstrip() for line in output.splitlines())
    if completed.code != 0 and not (completed.code == 1 and any(map(failure.match, lines))):
        message = f"{module} {completed.ended(_DEADLINE)} without a verdict"
        hint = install_hint() if "No module named" in output else f"See {release.logs / f'{module}.log'}."
        raise ToolUnavailable("\n".join((message, *completed.tail[-5:])), hint)
    return lines
