"""The shipped rules: each finds what its bad examples mark, and nothing in its good ones."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from omni_release.code import scan
from omni_release.core.model import Severity
from tests.code.support import found

EXAMPLES = Path(__file__).parent / "examples"
RULES = sorted({scan.rule_name(id) for rule in scan.shipped_rules() for id in rule.ids})
ENOUGH = 3


def in_all_languages(rule: str, into: Path) -> Path:
    """Copy a rule's examples; JavaScript ones are also copied as TypeScript and TSX."""
    folder = shutil.copytree(EXAMPLES / rule, into / rule)
    for script in list(folder.glob("*.js")):
        shutil.copy(script, script.with_suffix(".ts"))
        shutil.copy(script, script.with_suffix(".tsx"))
    return folder


def marked(folder: Path, kind: str) -> set[tuple[str, int]]:
    """The lines of the examples with a mark: `# bad` at their end, or `# bad below` above them."""
    return {
        (path.name, number + bool(found[2]))
        for path in folder.iterdir()
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if (found := re.search(rf"(#|//) {kind}( below)?$", line))
    }


@pytest.mark.parametrize("rule", RULES)
def test_examples(rule: str, tmp_path: Path) -> None:
    """At least three bad examples are found, and nothing in at least three good ones."""
    folder = in_all_languages(rule, tmp_path)
    findings = [(Path(f.path or "").name, f.line, f.severity) for f in found(folder) if f.rule == rule]
    assert {(name, line) for name, line, severity in findings if severity is Severity.ERROR} == marked(folder, "bad")
    assert {(name, line) for name, line, severity in findings if severity is Severity.NOTICE} == marked(folder, "meant")
    assert len(findings) == len(set(findings))
    for kind in ("bad", "good"):
        assert len(marked(EXAMPLES / rule, kind)) >= ENOUGH


def test_messages_and_notes() -> None:
    """Each rule has a message and a note, the same in all its parts; a part is an error, or a notice (`.meant`)."""
    for file in scan.shipped_rules():
        documents = file.text.split("\n---\n")
        texts = {
            tuple(re.findall(r"^(?:message|note): .*(?:\n  .*)*", document, re.MULTILINE)) for document in documents
        }
        assert len(texts) == 1, file.shown
        assert len(next(iter(texts))) == 2, file.shown
        kinds = [
            "info" if re.search(r"^id: \S+\.meant$", document, re.MULTILINE) else "error" for document in documents
        ]
        matching = [f"\nseverity: {kind}\n" in document for kind, document in zip(kinds, documents, strict=True)]
        assert all(matching) and "error" in kinds, file.shown


@pytest.mark.parametrize("rule", ["catch-is-silent", "promise-left-alone"])
def test_script_languages(rule: str) -> None:
    """A rule for TypeScript has the same body for JavaScript and TSX: a plain <script> is JavaScript."""
    (file,) = (file for file in scan.shipped_rules() if file.path.stem == rule)
    bodies = {
        re.sub(r"^(id|language): .*\n", "", document.strip(), flags=re.MULTILINE)
        for document in file.text.split("\n---\n")
    }
    assert len(bodies) == 1
    assert set(re.findall(r"^language: (\w+)", file.text, re.MULTILINE)) == {"TypeScript", "Tsx", "JavaScript"}
