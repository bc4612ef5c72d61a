"""What a user reads is written in the field's language."""

from __future__ import annotations

import ast
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]

# Words and turns that no other tool of the field writes; each has a plain form (docs/glossary.md).
DIALECT = re.compile(
    r"(?<![\w-])(?:told|tells (?:of|us)|untold|anew|mend(?:s|ed|ing)?|nobody|somebody|whoever|for ever|makers"
    r"|goes over|stands (?:in|at|on|beside|so|above|below|there)|stood so|named above|stands above|as it should"
    r"|gone on with|goes on with|go on with|given up|is not here|could not be told|cannot be told|did not tell"
    r"|lies in|lie in|that there (?:is|are)\b(?! no)|it says that|beforehand|may not be led)(?![\w-])",
    re.IGNORECASE,
)


def source_strings() -> Iterator[tuple[str, str]]:
    """Each string of the source, docstrings included, with the place where it is written."""
    for path in sorted((ROOT / "src").rglob("*.py")):
        name = path.relative_to(ROOT)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield f"{name}:{node.lineno}", node.value


def source_comments() -> Iterator[tuple[str, str]]:
    """Each comment and each name in the source, with its place; the words of a name are split.

    Only of the files that have one of the words at all: it takes seconds to tokenize the others.
    """
    for path in sorted((ROOT / "src").rglob("*.py")):
        if DIALECT.search(re.sub("[_-]", " ", path.read_text(encoding="utf-8"))) is None:
            continue
        with path.open("rb") as file:
            for token in tokenize.tokenize(file.readline):
                if token.type in (tokenize.COMMENT, tokenize.NAME):
                    yield f"{path.relative_to(ROOT)}:{token.start[0]}", token.string.replace("_", " ")


def pages() -> Iterator[tuple[str, str]]:
    """Each line of the pages and of the files that ship with the package, with its place."""
    shipped = [path for path in (ROOT / "src").rglob("*") if path.suffix in (".toml", ".yml")]
    docs = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), ROOT / ".pre-commit-hooks.yaml"]
    for path in sorted(docs + shipped):
        if path.name != "CHANGELOG.md":
            for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
                yield f"{path.relative_to(ROOT)}:{number}", line


def test_no_dialect() -> None:
    """Messages, help, docstrings, comments, names and pages use plain words."""
    found = [
        f"{place}: {match[0]!r} in {text.strip()[:80]!r}"
        for place, text in (*source_strings(), *source_comments(), *pages())
        for match in DIALECT.finditer(text)
    ]
    assert not found, "\n".join(found)


def test_the_glossary_is_short() -> None:
    """One word for each idea, and not many ideas."""
    terms = re.findall(r"^\| \*\*", (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert 10 <= len(terms) <= 30
