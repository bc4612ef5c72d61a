"""`omni-release baseline`: written once from a rehearsal, then it only shrinks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import omni

FILE = "omni-release-baseline.json"


SILENT = """

def f():
    try:
        g()
    except Exception:
        pass
"""


@pytest.mark.long
def test_from_red_to_green(case: Callable[[str], Path]) -> None:
    """The audit fails, the baseline accepts what it found, the audit passes; what is gone leaves the file."""
    root = case("sound")  # which is strict
    source = next((root / "src").glob("*/__init__.py"))
    source.write_text(source.read_text(encoding="utf-8") + SILENT, encoding="utf-8")
    assert omni("audit", cwd=root).code == 1
    written = omni("baseline", cwd=root)
    assert written.code == 0
    assert "silent-failures/BLE001" in written.out
    assert f"Next: git add {FILE}" in written.out
    passed = omni("audit", cwd=root)
    assert (passed.code, "2 in the baseline" in passed.out) == (0, True)
    again = omni("baseline", cwd=root)
    assert (again.code, "nothing is added" in again.err, "--update" in again.err) == (2, True, True)
    source.write_text(source.read_text(encoding="utf-8").removesuffix(SILENT), encoding="utf-8")
    gone = omni("audit", cwd=root)
    assert (gone.code, "baseline-outdated" in gone.out) == (0, True)
    assert omni("baseline", "--update", cwd=root).code == 0
    assert '"rule"' not in (root / FILE).read_text(encoding="utf-8")
    assert "baseline" not in omni("audit", cwd=root).out


@pytest.mark.parametrize(
    ("files", "arguments", "says"),
    [
        ({}, ("--update",), f"there is no {FILE} to update"),
        ({FILE: "{"}, (), "not valid JSON"),
        ({FILE: '{"version": 9, "findings": []}'}, (), "Upgrade omni-release."),
        ({FILE: '{"version": 1, "findings": []}'}, (), "nothing is added"),
    ],
)
def test_refused(files: dict[str, str], arguments: tuple[str, ...], says: str, tmp_path: Path) -> None:
    """A file that cannot be read, or that is there already, is a usage error; nothing is changed."""
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "acme"\nversion = "1.0"\n', encoding="utf-8")
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    ran = omni("baseline", *arguments, cwd=tmp_path)
    assert (ran.code, says in ran.err) == (2, True)
    assert {name: (tmp_path / name).read_text(encoding="utf-8") for name in files} == files
    assert not (tmp_path / ".omni-release").exists()
