"""The order in which the packages of a workspace are built and released: what is needed comes first."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from graphlib import TopologicalSorter

from omni_release.core.errors import UsageError
from omni_release.workspaces.model import Kind, Workspace

_FIRM = (Kind.RUNTIME, Kind.BUILD)


def batches(workspace: Workspace, names: Iterable[str]) -> tuple[tuple[str, ...], ...]:
    """The packages of these names in batches: each needs only packages of earlier ones, directly or through others.

    What an extra requires comes first as well, unless it needs the package itself. Raises UsageError for a cycle.
    """
    wanted = frozenset(names)
    if found := cycles(workspace):
        lines = "\n".join(" → ".join((*cycle, cycle[0])) for cycle in found)
        raise UsageError(
            f"packages of the workspace need each other, so none of them can be released first:\n{lines}",
            "Remove one of these requirements, or move it to an extra.",
        )
    below: dict[str, frozenset[str]] = {}
    depth: dict[str, int] = {}
    edges = _edges(workspace, Kind.EXTRA)
    for name in TopologicalSorter(edges).static_order():
        nearest = (frozenset((other,)) if other in wanted else below[other] for other in edges[name])
        below[name] = frozenset().union(*nearest)
        if name in wanted:
            depth[name] = 1 + max((depth[other] for other in below[name]), default=-1)
    found_batches: list[list[str]] = [[] for _ in range(max(depth.values(), default=-1) + 1)]
    for name in sorted(depth):
        found_batches[depth[name]].append(name)
    return tuple(map(tuple, found_batches))


def before(workspace: Workspace, names: Iterable[str]) -> dict[str, frozenset[str]]:
    """Of these packages, those that are built before each, so that it can be tested with them: all that it needs.

    For its extras and its development, too, where no cycle arises. There must be no cycle at runtime or in builds.
    """
    wanted = frozenset(names)
    edges = _edges(workspace, Kind.EXTRA, Kind.DEVELOPMENT)
    return {name: (_closure(edges, (name,)) & wanted) - {name} for name in wanted}


def needs(workspace: Workspace, names: Iterable[str], *kinds: Kind) -> frozenset[str]:
    """These packages, and all that they need of the workspace: at runtime and to build, or for `kinds`."""
    return _closure({name: package.requires(*(kinds or _FIRM)) for name, package in workspace.packages.items()}, names)


def cycles(workspace: Workspace) -> tuple[tuple[str, ...], ...]:
    """The shortest cycle of each set of packages that need each other at runtime or to build, from its first name."""
    edges = {name: sorted(package.requires(*_FIRM) - {name}) for name, package in workspace.packages.items()}
    found: list[tuple[str, ...]] = []
    for name in _in_cycles(edges):
        if not any(name in cycle for cycle in found) and (cycle := _shortest(edges, name)):
            if not any(set(cycle) & set(other) for other in found):
                found.append(cycle)
    return tuple(found)


def _in_cycles(edges: Mapping[str, Collection[str]]) -> list[str]:
    """The packages that are left when those that need nothing, and those that nothing needs, are taken away."""
    left = set(edges)
    while True:
        needed = {other for name in left for other in edges[name]}
        going = {name for name in left if name not in needed or not left.intersection(edges[name])}
        if not going:
            return sorted(left)
        left -= going


def _shortest(edges: Mapping[str, Collection[str]], start: str) -> tuple[str, ...]:
    """The shortest way from a package back to itself; empty where there is none."""
    ways: list[tuple[str, ...]] = [(start,)]
    seen: set[str] = set()
    while ways:
        further: list[tuple[str, ...]] = []
        for way in ways:
            for other in edges[way[-1]]:
                if other == start:
                    return way
                if other not in seen:
                    seen.add(other)
                    further.append((*way, other))
        ways = further
    return ()


def _edges(workspace: Workspace, *kinds: Kind) -> dict[str, set[str]]:
    """What comes before each package: what it needs at runtime and to build, and for `kinds` where no cycle arises."""
    edges = {name: set(package.requires(*_FIRM)) - {name} for name, package in workspace.packages.items()}
    for kind in kinds:
        for name, package in workspace.packages.items():
            for other in sorted(package.requires(kind) - edges[name]):
                if name not in _closure(edges, (other,)):
                    edges[name].add(other)
    return edges


def _closure(edges: Mapping[str, Collection[str]], names: Iterable[str]) -> frozenset[str]:
    """These packages, and all that the edges lead to."""
    found: set[str] = set()
    left = list(names)
    while left:
        name = left.pop()
        if name not in found:
            found.add(name)
            left += edges[name]
    return frozenset(found)
