"""`omni-release audit`: a rule of one's own, from the fix to the day on which the bug would come back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.cli.test_main import held_to_schema
from tests.conftest import omni

RULE = "id: no-print\nlanguage: Python\nmessage: why\nnote: what to do\nrule: {pattern: print($$$)}\n"
SETTINGS = '[tool.omni-release.audit]\nrules = "audit/rules"\n'


def project(root: Path, settings: str = "") -> Path:
    """A small project with two places of one pattern, of which one is waived."""
    (root / "pyproject.toml").write_text(f'[project]\nname = "acme"\nversion = "1.0"\n{settings}', encoding="utf-8")
    waiver = "  # omni-release: allow no-print until 2999-01-01 because it is a program"
    (root / "acme.py").write_text(f"def one():\n    print(1)\n\n\nprint(2){waiver}\n", encoding="utf-8")
    (root / "audit" / "rules").mkdir(parents=True)
    (root / "audit" / "rules" / "no-print.yml").write_text(RULE, encoding="utf-8")
    return root


def test_all_places_of_a_rule(tmp_path: Path) -> None:
    """`--rule` shows all places, waived ones too, and says how the rule joins the others."""
    ran = omni("audit", "--rule", "audit/rules/no-print.yml", cwd=project(tmp_path))
    assert ran.code == 1
    joins = '→ So that none comes back: put the file into a folder, and name it: `rules = "audit/rules"`'
    assert ran.out.removesuffix(" in [tool.omni-release.audit]\n").splitlines() == [
        "acme.py:2:5: why",
        "→ what to do  [no-print]",
        "acme.py:5:1: why",
        "→ what to do  [no-print]",
        "audit/rules/no-print.yml: 2 places in 1 file",
        joins,
    ]
    assert not (tmp_path / ".omni-release").exists()


def test_all_places_as_json(tmp_path: Path) -> None:
    """With --format json it is one document."""
    ran = omni("audit", "--rule", "audit/rules/no-print.yml", "--format", "json", cwd=project(tmp_path))
    assert [place["line"] for place in held_to_schema(ran, "audit")["places"]] == [2, 5]


def test_none_may_come_back(tmp_path: Path) -> None:
    """With its folder in the settings the rule is one of all: what is waived is a notice, what is mended passes."""
    root = project(tmp_path, SETTINGS)
    ran = omni("audit", "--format", "json", cwd=root)
    severities = [finding["severity"] for finding in ran.outcome("bug-patterns")["findings"]]
    assert (ran.code, severities) == (1, ["error", "notice"])
    (root / "acme.py").write_text("def one():\n    return 1\n", encoding="utf-8")
    assert omni("audit", cwd=root).code == 0
    assert omni("audit", "--rule", "audit/rules/no-print.yml", cwd=root).out.splitlines() == [
        "audit/rules/no-print.yml: 0 places in 0 files"
    ]


def test_a_rule_that_is_none(tmp_path: Path) -> None:
    """A file that holds no rule is a message with its line, and a wrong call; so is a file that is not there."""
    root = project(tmp_path, SETTINGS)
    (root / "audit" / "rules" / "cobol.yml").write_text(
        "id: a\nlanguage: Cobol\nrule: {pattern: x}\n", encoding="utf-8"
    )
    for name, said in (
        ("pyproject.toml", "omni-release: pyproject.toml:1: this rule was not looked for"),
        ("gone/gone.yml", "omni-release: gone/gone.yml: this rule was not looked for: it cannot be read: No such file"),
        ("audit/rules/cobol.yml", "omni-release: audit/rules/cobol.yml:2: this rule was not looked for"),
        ("audit/rules/cobol.yml", "a `language` is one of Bash, C, "),
    ):
        ran = omni("audit", "--rule", name, cwd=root)
        assert (ran.code, ran.out) == (2, "")
        assert said in ran.err


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    """The settings' folder is named where it is not there: never passed. All other rules are looked for."""
    root = project(tmp_path, SETTINGS.replace("audit/rules", "gone"))
    (root / "acme.py").write_text("import base64\ngenai.Client().models.list()\n", encoding="utf-8")
    ran = omni("audit", cwd=root)
    assert ran.code == 1
    assert (
        "pyproject.toml:5: error: `rules` in [tool.omni-release.audit] names 'gone', which is no folder here" in ran.out
    )
    assert "[bug-patterns/client-not-kept]" in ran.out


def test_bugs_of_the_first_user(case: Callable[[str], Path]) -> None:
    """The signature is found where an image is made and where it is changed; so is each silent `catch`."""
    ran = omni("audit", "--format", "json", cwd=case("broken-feature"))
    found = {(f["rule"], f["path"]) for f in ran.outcome("bug-patterns")["findings"]}
    lines = [f["line"] for f in ran.outcome("bug-patterns")["findings"] if f["rule"] == "bug-patterns/bytes-as-text"]
    assert found >= {
        ("bug-patterns/bytes-as-text", "src/acme_painter/painter.py"),
        ("bug-patterns/catch-is-silent", "web/src/components/PaintBox.vue"),
        ("bug-patterns/catch-is-silent", "web/src/components/HistoryList.vue"),
    }
    assert len(lines) == 2


def test_everything_that_went_wrong(case: Callable[[str], Path]) -> None:
    """The given-up package, the silent failure and the undeclared import of the same project are stopped too."""
    ran = omni("audit", "--format", "json", cwd=case("broken-feature"))
    wanted = {
        "abandoned-packages": ("abandoned-packages/deprecated-import", "src/acme_painter/titles.py", 8),
        "silent-failures": ("silent-failures/BLE001", "src/acme_painter/painter.py", 33),
        "imports-declared": ("imports-declared/undeclared", "src/acme_painter/thumbnails.py", 10),
        "bug-patterns": ("bug-patterns/except-only-logs", "src/acme_painter/painter.py", 42),
    }
    for check, found in wanted.items():
        assert ran.outcome(check)["status"] == "failed"
        assert found in {(f["rule"], f["path"], f["line"]) for f in ran.outcome(check)["findings"]}
