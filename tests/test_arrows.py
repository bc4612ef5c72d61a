"""Imports run one way."""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator
from pathlib import Path

import pytest

import omni_release

SOURCE = Path(omni_release.__file__).parent


def modules() -> dict[str, Path]:
    """The package's modules, by their dotted names."""
    found = {path: path.relative_to(SOURCE.parent).with_suffix("").parts for path in SOURCE.rglob("*.py")}
    return {".".join(parts[:-1] if parts[-1] == "__init__" else parts): path for path, parts in found.items()}


ALL = modules()


def imported(path: Path) -> Iterator[str]:
    """The package's own modules that a file names, wherever in it."""
    for node in ast.walk(ast.parse(path.read_bytes())):
        names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        names += [f"{names[0]}.{alias.name}" for alias in node.names] if isinstance(node, ast.ImportFrom) else []
        names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        yield from (name for name in names if name in ALL and name != "omni_release")


def below(place: str) -> set[str]:
    """A module, or all of a folder's."""
    return {name for name in ALL if f"omni_release.{place}" == name or name.startswith(f"omni_release.{place}.")}


@functools.cache
def arrows() -> dict[str, frozenset[str]]:
    """What each module imports."""
    return {name: frozenset(imported(path)) for name, path in ALL.items()}


def importers(place: str) -> set[str]:
    """Who imports a module, or something of a folder, from outside."""
    inside = below(place)
    assert inside, place
    found = {name for name, others in arrows().items() if name not in inside and inside & others}
    return {name.removeprefix("omni_release.") for name in found}


ASK_BACK = {"checks.checklists", "checklists.signing"}
"""What asks which tasks there are."""


@pytest.mark.parametrize(
    ("place", "known_to"),
    [
        ("cli", {"__main__"}),
        ("run", {"cli"}),
        ("ports", {"cli", "run"}),
        ("engine", {"run"}),
        ("settings.reader", {"settings"}),
        (
            "journal.home",
            {
                "cli",
                "run",
                "audit.command",
                "checklists.command",
                "checklists.signing",
                "publishing.parts",
                "steps.clean",
            },
        ),
        ("lanes", {"arguments", "cli", "explain", "run", "sessions", "publishing.parts", "waivable", *ASK_BACK}),
        ("own_tasks", {"lanes", "run"}),
        ("checks", {"lanes", "own_tasks", "versions.command"}),  # the last for projects that no lane can go by
        ("steps", {"lanes", "own_tasks", "checks.local", "checks.rehearsed"}),
        ("rehearsal", {"checks.index_rules", "cli", "ports.index"}),
        ("contract", {"arguments", "cli", "checks.contract"}),
        ("lifecycle", {"cli", "checks.models"}),
        ("index.client", {"ports.index"}),
        ("index.responses", {"index.client", "index.places", "index.status", "publishing.sending"}),
        ("index.session", {"index.client", "index.places", "index.status"}),
        ("index.status", {"ports.index"}),
        ("index.places", {"publishing.parts"}),  # before there is a run
    ],
)
def test_who_knows_whom(place: str, known_to: set[str]) -> None:
    """What stands near the top is known to those above it alone: the seams' real parts are handed in."""
    assert importers(place) <= known_to


@pytest.mark.parametrize(
    ("module", "known"),
    [
        ("errors", set()),
        ("toml_lines", set()),
        ("settings.reader", {"errors", "toml_lines"}),
        ("settings", {"settings.reader"}),
        ("model", {"errors", "settings"}),
        ("actions", {"model"}),
        ("seams", {"actions", "errors", "model"}),
        ("tasks", {"actions", "model", "seams"}),
    ],
)
def test_what_the_nouns_know(module: str, known: set[str]) -> None:
    """What all the rest is made of knows next to nothing of the house."""
    assert arrows()[f"omni_release.{module}"] == {f"omni_release.{name}" for name in known}


def test_no_module_is_left_out_of_the_page() -> None:
    """Each module at the top, and each room, stands in docs/how-it-works.md."""
    page = (Path(__file__).parents[1] / "docs" / "how-it-works.md").read_text(encoding="utf-8")
    rooms = [f"{path.name}/" for path in SOURCE.iterdir() if (path / "__init__.py").is_file()]
    for name in (*rooms, *(path.name for path in SOURCE.glob("[!_]*.py"))):
        assert f"`{name}`" in page, name
