"""What a waiver can name: all that findings are called, and nothing else."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from omni_release import lanes, project
from omni_release.code import checks as code_checks
from omni_release.core import waivers
from omni_release.core.errors import SettingsError

SOURCE = Path(waivers.__file__).parents[1]
NAMED_AT = {"Finding": 1, "_finding": 1, "_at": 2, "_left_out": 2, "_notice": 1}
"""Where a call has the name of what is found."""
WAIVER = '[project]\nname = "acme"\nversion = "1.0"\n[[tool.omni-release.waiver]]\nreason = "x"\nuntil = 2999-01-01\n'


def assigned(tree: ast.AST, name: str) -> Iterator[ast.expr]:
    """What a name is given, anywhere in a module: also as a part of tuples."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Assign):
            continue
        for target in node.targets:
            if isinstance(target, ast.Name) and target.id == name:
                yield node.value
            elif isinstance(target, ast.Tuple):
                for at, part in enumerate(target.elts):
                    if isinstance(part, ast.Name) and part.id == name:
                        yield from (each.elts[at] for each in ast.walk(node.value) if isinstance(each, ast.Tuple))


def called() -> Iterator[str]:
    """What findings are called where they are made, as far as it stands there."""
    for path in SOURCE.rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            name = getattr(node.func, "id", getattr(node.func, "attr", "")) if isinstance(node, ast.Call) else ""
            if name in NAMED_AT and isinstance(node, ast.Call):
                by_place = node.args[NAMED_AT[name] :][:1]
                for given in (*by_place, *(word.value for word in node.keywords if word.arg == "rule")):
                    found = [given, *(assigned(tree, given.id) if isinstance(given, ast.Name) else ())]
                    yield from (str(one.value) for one in found if isinstance(one, ast.Constant))


def test_all_that_is_found_is_known() -> None:
    """Whatever a finding is called in the code, a waiver can name; and nothing is listed that is nowhere found."""
    made = {name for name in called() if re.fullmatch(r"[a-z]+(-[a-z0-9]+)*", name)}
    tasks = {task.id for lane in lanes.every() for task in lane.tasks}
    assert len(made) > 90
    assert made <= waivers.FOUND | tasks
    words = " ".join(path.read_text(encoding="utf-8") for path in SOURCE.rglob("*.py") if path.name != "known_rules.py")
    assert not [name for name in waivers.FOUND if name not in words and not name.startswith("credentials-")]
    assert set(code_checks.RULES) <= waivers.FOUND


@pytest.mark.parametrize(
    "name",
    ["version-drift", "W004", "index-file-exists", "BLE001", "bytes-as-text", "tests-pass", "no-print", "mine/tried"],
)
def test_what_there_is(name: str, tmp_path: Path) -> None:
    """A finding's name, a linter's code, a rule of the audit, a task, a rule and an item of the project's own."""
    settings = f'check = "{name}"\n[tool.omni-release.audit]\nrules = "mine"\n'
    (tmp_path / "pyproject.toml").write_text(WAIVER + settings, encoding="utf-8")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "one.yml").write_text("id: no-print.py\nlanguage: Python\n", encoding="utf-8")
    (tmp_path / "checklists").mkdir()
    (tmp_path / "checklists" / "mine.toml").write_text('[[item]]\nid = "tried"\nsays = "x"\n', encoding="utf-8")
    found = project.load(tmp_path)
    waivers.validate(found, *lanes.waiver_names(lanes.lane("gate"), found))


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("bytes-as-txt", "Did you mean `bytes-as-text`?"),
        ("version_drift", "Did you mean `version-drift`?"),
        ("test-pass", "Did you mean `tests-pass`?"),
        ("qqqqqq", "Name a check's id"),
    ],
)
def test_what_there_is_not(name: str, hint: str, tmp_path: Path) -> None:
    """It is told at its line, with the nearest right name."""
    (tmp_path / "pyproject.toml").write_text(f'{WAIVER}check = "{name}"\n', encoding="utf-8")
    found = project.load(tmp_path)
    with pytest.raises(SettingsError) as told:
        waivers.validate(found, *lanes.waiver_names(lanes.lane("version"), found))
    assert told.value.message.startswith(f"pyproject.toml:7: `check` in [[tool.omni-release.waiver]] names {name!r}")
    assert told.value.hint.startswith(hint)
