"""`omni-release audit`, with a rule of the project's own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.cli.test_main import validated
from tests.conftest import omni

RULE = "id: no-print\nlanguage: Python\nmessage: why\nnote: what to do\nrule: {pattern: print($$$)}\n"
SETTINGS = '[tool.omni-release.audit]\nrules = "audit/rules"\n'


def project(root: Path, settings: str = "") -> Path:
    """A small project with two places of one pattern, one of them waived."""
    (root / "pyproject.toml").write_text(f'[project]\nname = "acme"\nversion = "1.0"\n{settings}', encoding="utf-8")
    waiver = "  # omni-release: allow no-print until 2999-01-01 because it is a program"
    (root / "acme.py").write_text(f"def one():\n    print(1)\n\n\nprint(2){waiver}\n", encoding="utf-8")
    (root / "audit" / "rules").mkdir(parents=True)
    (root / "audit" / "rules" / "no-print.yml").write_text(RULE, encoding="utf-8")
    return root


def test_all_places_of_a_rule(tmp_path: Path) -> None:
    """`--rule` shows all places, waived ones too, and says how to keep the pattern out."""
    ran = omni("audit", "--rule", "audit/rules/no-print.yml", cwd=project(tmp_path))
    assert ran.code == 1
    hint = '→ To keep this pattern out, put the file into a folder and name it: `rules = "audit/rules"`'
    assert ran.out.removesuffix(" in [tool.omni-release.audit]\n").splitlines() == [
        "acme.py:2:5: why",
        "→ what to do  [no-print]",
        "acme.py:5:1: why",
        "→ what to do  [no-print]",
        "audit/rules/no-print.yml: 2 places in 1 file",
        hint,
    ]
    assert not (tmp_path / ".omni-release").exists()


def test_all_places_as_json(tmp_path: Path) -> None:
    """With --format json stdout is one document."""
    ran = omni("audit", "--rule", "audit/rules/no-print.yml", "--format", "json", cwd=project(tmp_path))
    assert [place["line"] for place in validated(ran, "audit")["places"]] == [2, 5]


def test_rules_of_the_project(tmp_path: Path) -> None:
    """A rule in the folder of the settings is part of the check: a waived place is a notice, a fixed one passes."""
    root = project(tmp_path, SETTINGS)
    ran = omni("audit", "--format", "json", cwd=root)
    severities = [finding["severity"] for finding in ran.outcome("bug-patterns")["findings"]]
    assert (ran.code, severities) == (1, ["error", "notice"])
    (root / "acme.py").write_text("def one():\n    return 1\n", encoding="utf-8")
    assert omni("audit", cwd=root).code == 0
    assert omni("audit", "--rule", "audit/rules/no-print.yml", cwd=root).out.splitlines() == [
        "audit/rules/no-print.yml: 0 places in 0 files"
    ]


def test_invalid_rule_files(tmp_path: Path) -> None:
    """A file without a valid rule, and a missing file, are usage errors that name the line."""
    root = project(tmp_path, SETTINGS)
    (root / "audit" / "rules" / "cobol.yml").write_text(
        "id: a\nlanguage: Cobol\nrule: {pattern: x}\n", encoding="utf-8"
    )
    for name, message in (
        ("pyproject.toml", "omni-release: pyproject.toml:1: rule skipped"),
        ("gone/gone.yml", "omni-release: gone/gone.yml: rule skipped: cannot be read: No such file"),
        ("audit/rules/cobol.yml", "omni-release: audit/rules/cobol.yml:2: rule skipped"),
        ("audit/rules/cobol.yml", "`language` must be one of Bash, C, "),
    ):
        ran = omni("audit", "--rule", name, cwd=root)
        assert (ran.code, ran.out) == (2, "")
        assert message in ran.err


def test_missing_rules_folder(tmp_path: Path) -> None:
    """A missing folder of rules is an error; all other rules still run."""
    root = project(tmp_path, SETTINGS.replace("audit/rules", "gone"))
    (root / "acme.py").write_text("import base64\ngenai.Client().models.list()\n", encoding="utf-8")
    ran = omni("audit", cwd=root)
    assert ran.code == 1
    assert "pyproject.toml:5: `rules` in [tool.omni-release.audit] names 'gone', which is not a folder" in " ".join(
        ran.out.split()
    )
    assert "bug-patterns/client-not-kept" in ran.out


def test_bug_patterns_in_an_example(case: Callable[[str], Path]) -> None:
    """The wrong use of a signature is found in both places, and each silent `catch`."""
    ran = omni("audit", "--format", "json", cwd=case("broken-feature"))
    found = {(f["rule"], f["path"]) for f in ran.outcome("bug-patterns")["findings"]}
    lines = [f["line"] for f in ran.outcome("bug-patterns")["findings"] if f["rule"] == "bug-patterns/bytes-as-text"]
    assert found >= {
        ("bug-patterns/bytes-as-text", "src/acme_painter/painter.py"),
        ("bug-patterns/catch-is-silent", "web/src/components/PaintBox.vue"),
        ("bug-patterns/catch-is-silent", "web/src/components/HistoryList.vue"),
    }
    assert len(lines) == 2


def test_other_problems_in_an_example(case: Callable[[str], Path]) -> None:
    """The abandoned package, the silent failure and the undeclared import of the same project are found."""
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
