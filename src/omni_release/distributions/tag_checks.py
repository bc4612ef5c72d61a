"""What native code of a wheel needs, against its tags: by auditwheel and abi3audit, where they are installed."""

from __future__ import annotations

import importlib.util
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from omni_release import distributions, programs
from omni_release.core.errors import NotApplicable
from omni_release.core.model import Finding, Release, Severity
from omni_release.core.tasks import Rule, RuleClass, reports
from omni_release.core.text import listed
from omni_release.core.world import World

_OLDER_NAMES = {"manylinux1": "manylinux_2_5", "manylinux2010": "manylinux_2_12", "manylinux2014": "manylinux_2_17"}
_PLATFORM = re.compile(r"(manylinux|musllinux)_(\d+)_(\d+)_")
_TOOLS = ("auditwheel", "abi3audit")


@reports(
    Rule("platform-tag", RuleClass.RELEASE, "Wheel needs a newer system than its tag says"),
    Rule("stable-abi", RuleClass.RELEASE, "Wheel tagged abi3 uses more than the stable ABI"),
)
def wheel_tags(release: Release, world: World) -> Iterator[Finding]:
    """Tags of wheels with native code are right

    auditwheel finds that a wheel runs where its manylinux or musllinux tag says, abi3audit that one with the tag abi3
    keeps to the stable ABI of its Python version. Each is asked where it is installed.

    Fix: build the wheel in an image of its tag, or let `auditwheel repair` tag it; for abi3, define Py_LIMITED_API.
    """
    wheels = [path for path in distributions.built(release.dist) if distributions.is_wheel(path.name)]
    wanted = [(wheel, tool) for wheel in wheels for tool in _TOOLS if _concerns(tool, wheel.name)]
    if not wanted:
        raise NotApplicable("no wheel has a manylinux, musllinux or abi3 tag")
    missing = sorted({tool for _, tool in wanted if importlib.util.find_spec(tool) is None})
    absent = [f"{tool} is not installed. {programs.install_command(tool)}" for tool in missing]
    if len(missing) == len({tool for _, tool in wanted}):
        raise NotApplicable("; ".join(absent))
    for wheel, tool in wanted:
        if tool not in missing:
            yield from (_platform if tool == "auditwheel" else _stable_abi)(release, world, wheel)
    for message in absent:
        yield Finding(message, severity=Severity.NOTICE)


def _concerns(tool: str, name: str) -> bool:
    *_, abi, platforms = name.removesuffix(".whl").split("-")
    return re.search("(?:many|musl)linux", platforms) is not None if tool == "auditwheel" else abi == "abi3"


def _platform(release: Release, world: World, wheel: Path) -> Iterator[Finding]:
    found = _report(release, world, "auditwheel", "show", "--json", str(wheel))
    needed = str(found.get("overall_tag", ""))
    for tag in wheel.name.removesuffix(".whl").rpartition("-")[2].split("."):
        stated, least = _version(tag), _version(needed)
        if stated and (least is None or (stated[0] == least[0] and stated < least)):
            libraries = listed(sorted(found.get("versioned_symbols") or {}))
            message = f"{wheel.name} is tagged {tag}, but its code needs {needed} (symbols of {libraries})"
            yield Finding(message, "platform-tag", distribution=wheel.name)
            return


def _version(tag: str) -> tuple[str, int, int] | None:
    """The C library that a platform tag names, and its version; None for a tag of this machine alone."""
    for older, newer in _OLDER_NAMES.items():
        tag = re.sub(rf"^{older}_", f"{newer}_", tag)
    match = _PLATFORM.match(tag)
    return (match[1], int(match[2]), int(match[3])) if match else None


def _stable_abi(release: Release, world: World, wheel: Path) -> Iterator[Finding]:
    specs = _report(release, world, "abi3audit", "--report", str(wheel)).get("specs", {})
    for spec in specs.values():
        for module in spec.get("wheel") or ():
            result = module["result"]
            symbols = [*result["non_abi3_symbols"], *result["future_abi3_objects"]]
            if symbols:
                what = f"is not of the stable ABI of Python {result['baseline']}"
                message = f"{wheel.name}: {module['name']} uses what {what}: {listed(sorted(symbols))}"
                yield Finding(message, "stable-abi", distribution=wheel.name, subjects=(module["name"],))


def _report(release: Release, world: World, tool: str, *arguments: str) -> dict[str, Any]:
    """The JSON that a tool prints. Raises ToolUnavailable where it prints none."""
    context = programs.ToolContext(release.work_dir, release.folder, release.folder, world.environment)
    argv = programs.module(sys.executable, tool, *arguments)
    completed, output = programs.run_tool(context, world.processes, argv, tool)
    start = output.find("{")
    try:
        document = json.JSONDecoder().raw_decode(output, start)[0] if start >= 0 else None
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise programs.unavailable(tool, completed.ended(programs.DEADLINE), output)
    return document
