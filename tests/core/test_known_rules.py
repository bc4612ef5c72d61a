"""What a waiver can name: checks and the rules that they declare, and nothing else."""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from omni_release import __version__, lane_names, lanes, project
from omni_release.core import waivers
from omni_release.core.errors import SettingsError
from omni_release.core.tasks import ENGINE_RULES, Rule

SOURCE = Path(waivers.__file__).parents[1]
NAMED_AT = {"Finding": 1, "_finding": 1, "_at": 2, "_skipped": 2, "_notice": 1}
"""The position of the rule among the arguments of a call."""
WAIVER = '[project]\nname = "acme"\nversion = "1.0"\n[[tool.omni-release.waiver]]\nreason = "x"\nuntil = 2999-01-01\n'


def assigned(tree: ast.AST, name: str) -> Iterator[ast.expr]:
    """The values that are assigned to a name anywhere in a module, also as a part of tuples."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Assign):
            continue
        for target in node.targets:
            if isinstance(target, ast.Name) and target.id == name:
                yield node.value
            elif isinstance(target, ast.Tuple):
                for at, part in enumerate(target.elts):
                    if isinstance(part, ast.Name) and part.id == name:
                        yield from (part.elts[at] for part in ast.walk(node.value) if isinstance(part, ast.Tuple))


def literal_rules() -> Iterator[str]:
    """The names of rules that findings get in the source, as far as they are literals."""
    for path in SOURCE.rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            name = getattr(node.func, "id", getattr(node.func, "attr", "")) if isinstance(node, ast.Call) else ""
            if name in NAMED_AT and isinstance(node, ast.Call):
                by_place = node.args[NAMED_AT[name] :][:1]
                for argument in (*by_place, *(word.value for word in node.keywords if word.arg == "rule")):
                    values = [argument, *(assigned(tree, argument.id) if isinstance(argument, ast.Name) else ())]
                    yield from (str(value.value) for value in values if isinstance(value, ast.Constant))


def rule_objects() -> Iterator[Rule]:
    """All rules that a module of the source holds, also in tuples and in mappings."""
    for path in SOURCE.rglob("*.py"):
        if "Rule(" in path.read_text(encoding="utf-8"):
            module = importlib.import_module(
                ".".join(("omni_release", *path.relative_to(SOURCE).with_suffix("").parts))
            )
            for value in vars(module).values():
                values = value.values() if isinstance(value, dict) else value if isinstance(value, tuple) else (value,)
                yield from (rule for rule in values if isinstance(rule, Rule))


@pytest.fixture
def declared(tmp_path: Path) -> set[Rule]:
    """The rules of all tasks of a project that has a command and a checklist of its own, and those of the engine."""
    command = '[[tool.omni-release.command]]\nname = "build"\nrun = "true"\n'
    (tmp_path / "pyproject.toml").write_text(f'[project]\nname = "acme"\nversion = "1.0"\n{command}', encoding="utf-8")
    (tmp_path / "checklists").mkdir()
    (tmp_path / "checklists" / "mine.toml").write_text('[[item]]\nid = "tried"\nsays = "x"\n', encoding="utf-8")
    (tmp_path / "checklists" / "broken.toml").write_text("[[", encoding="utf-8")
    tasks = [task for lane in lane_names.every(project.load(tmp_path)) for task in lane.tasks]
    return {*ENGINE_RULES, *(rule for task in tasks for rule in task.rules)}


def test_every_rule_is_declared(declared: set[Rule]) -> None:
    """A finding has a rule that its check declares, or none: a waiver can name every finding."""
    tasks = {task.id for lane in lane_names.every() for task in lane.tasks}
    ids = {rule.id for rule in declared}
    literals = {name for name in literal_rules() if re.fullmatch(r"[a-z]+(-[a-z0-9]+)*", name)}
    assert literals - tasks - ids == set()
    assert {rule.id for rule in rule_objects()} - ids == set()


@pytest.mark.parametrize(
    "name",
    ["version-drift", "W004", "index-file-exists", "BLE001", "bytes-as-text", "tests-pass", "no-print", "mine/tried"],
)
def test_known_names(name: str, tmp_path: Path) -> None:
    """A rule, one of a linter, a bug pattern, a task, and a bug pattern and a checklist item of the project's own."""
    settings = f'check = "{name}"\n[tool.omni-release.audit]\nrules = "mine"\n'
    (tmp_path / "pyproject.toml").write_text(WAIVER + settings, encoding="utf-8")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "one.yml").write_text("id: no-print.py\nlanguage: Python\n", encoding="utf-8")
    (tmp_path / "checklists").mkdir()
    (tmp_path / "checklists" / "mine.toml").write_text('[[item]]\nid = "tried"\nsays = "x"\n', encoding="utf-8")
    found = project.load(tmp_path)
    lane_names.validate(lanes.lane("gate"), found)


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("bytes-as-txt", "Did you mean `bytes-as-text`?"),
        ("version_drift", "Did you mean `version-drift`?"),
        ("test-pass", "Did you mean `tests-pass`?"),
        ("qqqqqq", "Name the id of a check"),
    ],
)
def test_unknown_names(name: str, hint: str, tmp_path: Path) -> None:
    """The error has the line, and suggests the nearest known name."""
    (tmp_path / "pyproject.toml").write_text(f'{WAIVER}check = "{name}"\n', encoding="utf-8")
    found = project.load(tmp_path)
    with pytest.raises(SettingsError) as raised:
        lane_names.validate(lanes.lane("version"), found)
    assert raised.value.message.startswith(f"pyproject.toml:7: `check` in [[tool.omni-release.waiver]] names {name!r}")
    assert raised.value.hint.startswith(hint)


def test_preview_ends_with_its_minor_version() -> None:
    """A rule is in preview in the minor version that it came with, and no longer; a step has none."""
    now = ".".join(__version__.split(".")[:2])
    tasks = [task for lane in lane_names.every() for task in lane.tasks]
    previews = [(task, rule) for task in tasks for rule in task.rules if rule.preview]
    assert [(task.id, rule.id) for task, rule in previews if rule.preview != now or task.kind == "step"] == []


def test_inconclusive_results_have_a_way_out() -> None:
    """Whatever leaves a result unknown names the setting or the command that ends it."""
    kinds = ("Inconclusive", "PermanentRefusal", "ToolUnavailable")
    for path in sorted(SOURCE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in kinds:
                hint = node.args[1] if len(node.args) > 1 else ast.Constant("")
                assert not (isinstance(hint, ast.Constant) and hint.value == ""), f"{path.name}:{node.lineno}"
