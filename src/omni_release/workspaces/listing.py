"""A workspace and its plan as a table, as JSON and as a Mermaid drawing: pure functions of both."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from omni_release.core.text import counted, listed
from omni_release.workspaces.model import Kind, WorkspacePackage
from omni_release.workspaces.plan import Plan, Problem, admits

_HEADINGS = ("package", "version", "last tag", "in a release now", "needs")


def table(plan: Plan) -> Iterator[str]:
    """The packages, one a line, and below them what prevents a release."""
    workspace = plan.workspace
    yield f"{workspace.name}   {counted(len(workspace.packages), 'package')}, by {workspace.found_by}"
    yield ""
    rows = [_HEADINGS, *(_row(package, plan) for package in workspace.packages.values())]
    yield from _columns(rows)
    for group, keys in workspace.groups.items():
        yield ""
        yield f"  one version: {', '.join(keys)} (group {group})"
    yield from problem_lines(plan)


def _row(package: WorkspacePackage, plan: Plan) -> tuple[str, ...]:
    firm = package.requires(Kind.RUNTIME, Kind.BUILD)
    extra = sorted(package.requires(Kind.EXTRA) - firm)
    needs = listed([*sorted(firm), *(f"{other} (extra)" for other in extra)], 3)
    version = package.version or ("by tag" if "tags" in package.no_version else "unknown")
    tag = plan.histories[package.key].tag
    return (package.name, version, tag or "–", plan.state(package).removeprefix("release: "), needs or "–")


def _columns(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        yield "  " + "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()


def problem_lines(plan: Plan) -> Iterator[str]:
    """What prevents the release, and what is only odd; each with its place and what to do."""
    for problems, mark, words in (
        (plan.problems, "✘", f"{counted(len(plan.problems), 'problem')} before a release:"),
        (plan.warnings, "⚠", f"{counted(len(plan.warnings), 'warning')}:"),
    ):
        if problems:
            yield ""
            yield f"  {words}"
        for problem in problems:
            yield f"  {mark} {problem.where}: {problem.message}"
            yield f"    Fix: {problem.hint}"


def order_lines(plan: Plan) -> Iterator[str]:
    """The batches of the plan, one a line, each package with the reason; then the problems."""
    if not plan.batches:
        yield f"{plan.workspace.name}: no package has changed since its last release"
    else:
        number = counted(len(plan.order), "package")
        yield f"{plan.workspace.name}: {number} in {counted(len(plan.batches), 'batch')}"
    for count, batch in enumerate(plan.batches, 1):
        yield ""
        yield f"  {count}."
        rows = [(package.name, package.version or "by tag", plan.reasons[key]) for key, package in _of(plan, batch)]
        yield from (f"  {line}" for line in _columns(rows))
    yield from problem_lines(plan)


def _of(plan: Plan, keys: Sequence[str]) -> Iterator[tuple[str, WorkspacePackage]]:
    return ((key, plan.workspace.packages[key]) for key in keys)


def document(plan: Plan) -> dict[str, Any]:
    """All that is known of the workspace: docs/workspace.schema.json."""
    workspace = plan.workspace
    return {
        "workspace": workspace.name,
        "found_by": workspace.found_by,
        "groups": {group: list(keys) for group, keys in workspace.groups.items()},
        "packages": [_package(package, plan) for package in workspace.packages.values()],
        "problems": _problems(plan.problems),
        "warnings": _problems(plan.warnings),
    }


def _package(package: WorkspacePackage, plan: Plan) -> dict[str, Any]:
    known = plan.histories[package.key]
    packages = plan.workspace.packages
    return {
        "name": package.name,
        "folder": package.folder,
        "version": package.version,
        "no_version": package.no_version,
        "group": package.group,
        "private": package.private,
        "last_tag": known.tag,
        "changed": known.changed,
        "uncommitted": known.uncommitted,
        "requires": [
            {
                "name": packages[item.name].name,
                "for": item.kind.value,
                "group": item.group,
                "requirement": item.stated,
                "where": item.where,
                "admits": admits(item, packages[item.name].version),
            }
            for item in package.requirements
        ],
        "release": plan.reasons.get(package.key, ""),
    }


def plan_document(plan: Plan) -> dict[str, Any]:
    """The release, for a program that runs it: docs/plan.schema.json."""
    packages = plan.workspace.packages
    return {
        "workspace": plan.workspace.name,
        "packages": [
            {
                "key": key,
                "name": packages[key].name,
                "folder": packages[key].folder,
                "version": packages[key].version,
                "last_tag": plan.histories[key].tag,
                "next_tag": _next_tag(packages[key], plan.histories[key].template),
                "reason": plan.reasons[key],
                "needs": sorted(packages[key].requires(Kind.RUNTIME, Kind.BUILD) & plan.reasons.keys()),
                "batch": number,
            }
            for number, batch in enumerate(plan.batches)
            for key in batch
        ],
        "order": list(plan.order),
        "batches": [list(batch) for batch in plan.batches],
        "left": [
            {"name": package.name, "why": plan.state(package)}
            for key, package in packages.items()
            if key not in plan.reasons
        ],
        "problems": _problems(plan.problems),
        "warnings": _problems(plan.warnings),
    }


def _next_tag(package: WorkspacePackage, template: str) -> str:
    """The tag of a package's release; empty where its version is not known."""
    version = package.version or ""
    return template.replace("{name}", package.name).replace("{version}", version) if version else ""


def _problems(problems: Sequence[Problem]) -> list[dict[str, str]]:
    return [
        {"package": problem.key, "where": problem.where, "message": problem.message, "hint": problem.hint}
        for problem in problems
    ]


def drawing(plan: Plan) -> Iterator[str]:
    """The packages and what they need, as a Mermaid flowchart; those that a release would contain are marked."""
    workspace = plan.workspace
    ids = {key: f"p{number}" for number, key in enumerate(workspace.packages)}
    yield "flowchart BT"
    for key, package in workspace.packages.items():
        label = f"{package.name} {package.version or ''}".strip().replace('"', "'")
        yield f'  {ids[key]}["{label}"]'
    for key, package in workspace.packages.items():
        yield from (f"  {ids[key]} {arrow} {ids[other]}" for other, arrow in _arrows(package))
    if plan.reasons:
        yield "  classDef released stroke-width:3px"
        yield f"  class {','.join(ids[key] for key in workspace.packages if key in plan.reasons)} released"


def _arrows(package: WorkspacePackage) -> Iterator[tuple[str, str]]:
    """What a package needs: at runtime and to build with a line, for an extra or for development with a dotted one."""
    firm = package.requires(Kind.RUNTIME, Kind.BUILD)
    yield from ((other, "-->") for other in sorted(firm))
    extra = package.requires(Kind.EXTRA) - firm
    yield from ((other, "-. extra .->") for other in sorted(extra))
    yield from ((other, "-. development .->") for other in sorted(package.requires() - firm - extra))
