"""The order of packages: batches, closures and cycles."""

from __future__ import annotations

from pathlib import Path

import pytest

from omni_release.core.errors import UsageError
from omni_release.workspaces import order
from omni_release.workspaces.model import Kind, Requirement, Workspace, WorkspacePackage


def workspace(**needs: str) -> Workspace:
    """Packages that need others: `a="b +c"` needs b at runtime, and c for an extra."""
    packages = {}
    for name, words in needs.items():
        kinds = {"+": Kind.EXTRA, "!": Kind.BUILD, "-": Kind.DEVELOPMENT}
        found = [(word.lstrip("+!-"), kinds.get(word[0], Kind.RUNTIME)) for word in words.split()]
        requirements = tuple(Requirement(other, kind, "", other, "pyproject.toml", 1) for other, kind in found)
        packages[name] = WorkspacePackage(name, name, name, "1.0", requirements=requirements)
    return Workspace(Path(), "acme", packages, {}, "")


@pytest.mark.parametrize(
    ("needs", "names", "expected"),
    [
        ({"a": "b c", "b": "d", "c": "!d", "d": ""}, "abcd", "d bc a"),
        ({"a": "b", "b": "c", "c": "", "x": ""}, "acx", "cx a"),  # a needs c through b, which is left out
        ({"a": "+b", "b": ""}, "ab", "b a"),
        ({"a": "+b", "b": "a"}, "ab", "a b"),  # an extra gives way
        ({"a": "+b", "b": "+a"}, "ab", "b a"),  # one of two extras gives way
        ({"a": "-b", "b": "-a"}, "ab", "ab"),
        ({"a": "b"} | {"b": ""}, "", ""),
    ],
)
def test_batches(needs: dict[str, str], names: str, expected: str) -> None:
    """Each batch needs earlier ones alone, also through packages that are left out."""
    assert " ".join("".join(batch) for batch in order.batches(workspace(**needs), names)) == expected


def test_cycles() -> None:
    """A cycle at runtime or through a build is an error that names its packages; each is reported once."""
    found = workspace(a="b", b="c", c="a x", x="", y="!z", z="y", w="a")
    assert order.cycles(found) == (("a", "b", "c"), ("y", "z"))
    with pytest.raises(UsageError, match=r"a → b → c → a\ny → z → y"):
        order.batches(found, found.packages)


def test_closures() -> None:
    """What packages need: at runtime and to build, or for what is asked."""
    found = workspace(a="b +e", b="c", c="", d="!c", e="")
    assert order.needs(found, ["a"]) == {"a", "b", "c"}
    assert order.needs(found, ["a"], Kind.EXTRA) == {"a", "e"}


@pytest.mark.parametrize(
    ("needs", "expected"),
    [
        ({"a": "b", "b": "c", "c": ""}, {"a": "bc", "b": "c", "c": ""}),
        ({"a": "-b", "b": ""}, {"a": "b", "b": ""}),  # its tests need it
        ({"a": "-b", "b": "a"}, {"a": "", "b": "a"}),  # what is for development gives way
        ({"a": "+b", "b": "-a"}, {"a": "b", "b": ""}),  # to an extra, too
    ],
)
def test_before(needs: dict[str, str], expected: dict[str, str]) -> None:
    """What a package is tested with is built before it, where no cycle arises."""
    found = order.before(workspace(**needs), needs)
    assert {name: "".join(sorted(names)) for name, names in found.items()} == expected
