"""What is written agrees with the code."""

from __future__ import annotations

import argparse
import json
import re
import tomllib
from pathlib import Path

import omni_release
from omni_release import lane_names
from omni_release.cli import command_reference, explain
from omni_release.cli.main import build_parser
from omni_release.core import errors, settings_reference, vendors
from omni_release.core.own_commands import COMMANDS
from omni_release.models import registry

ROOT = Path(__file__).parents[1]


def read(name: str) -> str:
    """A file of the project."""
    return (ROOT / name).read_text(encoding="utf-8")


def test_the_generated_page_is_up_to_date() -> None:
    """docs/checks.md is what `nox -s docs` writes."""
    assert read("docs/checks.md") == explain.page(lane_names.every())


def test_command_reference() -> None:
    """docs/commands.md is what `nox -s docs` writes, and has each command."""
    page = command_reference.page()
    assert read("docs/commands.md") == page
    assert [name for name in COMMANDS if f"\n### omni-release {name}\n" not in page] == []


def test_the_drawing_of_the_rooms_is_up_to_date() -> None:
    """docs/how-it-works.md draws the layers of the import contract: each row a layer, and each room in the table."""
    contracts = tomllib.loads(read("pyproject.toml"))["tool"]["importlinter"]["contracts"]
    (layers,) = (contract["layers"] for contract in contracts if contract["type"] == "layers")
    page = read("docs/how-it-works.md")
    rows = re.findall(r"direction LR\n(.*?)\n  end", page, re.DOTALL)
    assert [row.split() for row in rows] == [[room for room in layer.split() if room != "|"] for layer in layers]
    for room in {room for row in rows for room in row.split()} - {"__main__"}:
        assert f"`{room}/`" in page or f"`{room}.py`" in page, room


def test_the_reference_of_the_settings_is_up_to_date() -> None:
    """docs/settings.md and docs/settings.schema.json are what `nox -s docs` writes."""
    assert f"<!-- settings -->\n```toml\n{settings_reference.example()}```\n<!-- /settings -->" in read(
        "docs/settings.md"
    )
    assert json.loads(read("docs/settings.schema.json")) == settings_reference.json_schema()


def test_the_platforms_of_the_models_are_up_to_date() -> None:
    """docs/models.md is what `nox -s docs` writes."""
    assert f"<!-- platforms -->\n{registry.overview()}<!-- /platforms -->" in read("docs/models.md")
    assert f"<!-- vendors -->\n{vendors.overview()}<!-- /vendors -->" in read("docs/smoke.md")


def test_each_command_is_documented() -> None:
    """Each command stands in docs/start.md."""
    page = read("docs/start.md")
    for command in COMMANDS:
        assert f"`omni-release {command}" in page, command


def test_each_task_says_what_it_is() -> None:
    """Each task has a title, one sentence, and a remedy where it can fail."""
    for lane in lane_names.every():
        for task in lane.tasks:
            assert task.title, task.id
            assert task.remedy or task.kind == "step", task.id


def test_the_links_lead_somewhere() -> None:
    """Each relative link in the README and the docs names a file, and its anchor is in that page."""
    for page in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")):
        text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
        for link, _, anchor in re.findall(r"\]\(([^)#:]*)(#([^)]*))?\)", text):
            target = page.parent / link if link else page
            assert target.exists(), (page.name, link)
            assert not anchor or anchor in anchors(target), (page.name, link, anchor)


def test_each_page_is_in_the_navigation() -> None:
    """The site and its first page list each page once, in the same order."""
    listed = re.findall(r": ([\w/-]+\.md)$", read("mkdocs.yml"), re.MULTILINE)
    linked = re.findall(r"^\| \[[^]]+\]\(([\w/-]+\.md)\)", read("docs/index.md"), re.MULTILINE)
    assert listed == ["index.md", *linked]
    assert sorted(listed) == sorted(
        page.relative_to(ROOT / "docs").as_posix() for page in (ROOT / "docs").rglob("*.md")
    )


def anchors(page: Path) -> set[str]:
    """The anchors of a page as GitHub makes them: of its headings, and those that it sets itself."""
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    made = (re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings)
    return {*made, *re.findall(r'<a id="([^"]+)"></a>', text)}


def test_the_table_of_options_agrees_with_the_parsers() -> None:
    """Each row of the table in docs/start.md names the commands whose parsers have its options."""
    has = {command: options(command) for command in COMMANDS}
    of_lanes = {lane.name for lane in lane_names.every()}
    parts = {"rehearse", "build", "inspect", "tests", "publish", "verify"}
    table = read("docs/start.md").partition("### Options\n")[2].partition("\nWith ")[0]
    described: dict[str, set[str]] = {}
    for row in re.findall(r"^\| (`-.*?) \| (.*?) \| .* \|$", table, re.MULTILINE):
        base, _, excluded = row[1].partition("except ")
        excepted = set(re.findall(r"`([a-z]+)", excluded))
        named = set(re.findall(r"`([a-z]+)", base))
        named |= of_lanes if "lanes" in base else set(COMMANDS) if re.search(r"\ball\b", base) else set()
        named |= parts if "its parts" in base else set()
        for option in re.findall(r"`(-[-\w]+)", row[0]):
            described[option] = described.get(option, set()) | (named - excepted)
    assert len(described) == 19
    for option, commands in described.items():
        assert commands == {command for command in COMMANDS if option in has[command]}, option


def options(command: str) -> set[str]:
    """The options of a command, and of its subcommands."""
    found: set[str] = set()
    parsers: list[argparse.ArgumentParser] = [build_parser(command)]
    for parser in parsers:
        for action in parser._actions:
            found.update(action.option_strings)
            if isinstance(action, argparse._SubParsersAction):
                parsers += action.choices.values()
    return found


def test_exit_codes_are_those_of_the_page() -> None:
    """docs/stability.md has each exit code: pipelines rely on them."""
    rows = re.findall(r"^\| (\d+) \| (\w+)", read("docs/stability.md"), re.MULTILINE)
    names = {"EXIT_PASSED": "passed", "EXIT_FAILED": "failed", "EXIT_USAGE": "usage"}
    names |= {"EXIT_INCONCLUSIVE": "inconclusive", "EXIT_WAITING": "waiting", "EXIT_INTERRUPTED": "interrupted"}
    assert {name for name in vars(errors) if name.startswith("EXIT_")} == set(names)
    assert rows == [(str(getattr(errors, name)), word) for name, word in names.items()]


def test_each_document_has_a_version() -> None:
    """Whatever a command prints as JSON has `schema_version`, which one function adds."""
    package = Path(omni_release.__file__).parent
    sources = [*(package / "cli").glob("*.py"), package / "report" / "json_report.py"]
    texts = {path.name: path.read_text(encoding="utf-8") for path in sources}
    assert [name for name, text in texts.items() if "to_json(" in text] == []
    assert {name for name, text in texts.items() if "json.dump" in text and "SCHEMA_VERSION" not in text} == set()
    assert sum(text.count("to_output(") for text in texts.values()) > 10
