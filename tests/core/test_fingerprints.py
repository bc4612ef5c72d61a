"""A finding keeps its fingerprint while its file changes elsewhere, and loses it where its statement changes."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from omni_release.core.fingerprints import Fingerprint, fingerprints
from omni_release.core.model import Finding

MODULE = '''"""A module of OLD-MODEL."""

MODELS = {"fast": "OLD-MODEL", "good": "new-model"}


class Painter:
    """Paints."""

    # OLD-MODEL was slow
    name = "OLD-MODEL"

    def paint(self, prompt):
        """Paint.

        With OLD-MODEL or another.
        """
        try:
            return self.client.call(prompt, model="OLD-MODEL", size=1)
        except Exception:
            pass


def other(model="OLD-MODEL"):
    if model == "OLD-MODEL":
        return None
'''


def findings_in(text: str, name: str = "a.py", word: str = "OLD-MODEL") -> list[Finding]:
    """A finding at each place of the word."""
    return [
        Finding("it", "check/rule", path=name, line=number, column=line.index(word) + 1)
        for number, line in enumerate(text.splitlines(), 1)
        if word in line
    ]


def prints_of(root: Path, text: str, name: str = "a.py", word: str = "OLD-MODEL") -> list[Fingerprint]:
    """The fingerprints of the findings at each place of the word in a file with this text."""
    (root / name).write_text(text, encoding="utf-8")
    return fingerprints(findings_in(text, name, word), root)


LINES = st.sampled_from(["", "# a comment", "import os", "x = 1", "def new():\n    return 'OLD'", "class A: pass"])


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 40), LINES), max_size=8))
def test_edits_elsewhere(tmp_path_factory: pytest.TempPathFactory, edits: list[tuple[int, str]]) -> None:
    """Lines that are added between the statements of a module make no old finding new."""
    root = tmp_path_factory.mktemp("edits")
    tops = [0, *(node.end_lineno or 0 for node in ast.parse(MODULE).body)]
    lines = MODULE.split("\n")
    for place, line in sorted(((tops[place % len(tops)], line) for place, line in edits), reverse=True):
        lines.insert(place, line)
    assert prints_of(root, "\n".join(lines)) == prints_of(root, MODULE)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('{"fast": "OLD-MODEL", "good": "new-model"}', '{\n    "new": "x",\n    "fast": "OLD-MODEL",\n}'),
        ("call(prompt, model=", "call(\n                prompt,  # why\n                model="),
        ('name = "OLD-MODEL"', "name   =   'OLD-MODEL'  # for now"),
        ("With OLD-MODEL or", "Another line.\n\n        With OLD-MODEL or"),
        ("return None", "return 1"),
        ('"""Paints."""', '"""Paints well."""\n    size = 2'),
        ("            pass", "            # one reason\n            pass"),
        ("class Painter:", "class Painter(Base):"),
    ],
)
def test_changes_that_keep_it(tmp_path: Path, old: str, new: str) -> None:
    """Formatting, comments, other items of a collection, and other statements of a definition do not count."""
    assert old in MODULE
    changed = MODULE.replace(old, new)
    assert sorted(prints_of(tmp_path, changed)) == sorted(prints_of(tmp_path, MODULE))
    handlers = prints_of(tmp_path, changed, word="Exception"), prints_of(tmp_path, MODULE, word="Exception")
    assert handlers[0] == handlers[1]


@pytest.mark.parametrize(
    ("old", "new", "word"),
    [
        ("            pass", "            return None", "except Exception"),
        ("except Exception", "except BaseException as error", "Exception"),
        ("def other", "def another", 'model == "OLD'),
        ('name = "OLD', 'title = "OLD', "OLD-MODEL"),
        ('model == "OLD-MODEL"', 'model in ("OLD-MODEL", "x")', "if model"),
    ],
)
def test_changes_that_make_it_new(tmp_path: Path, old: str, new: str, word: str) -> None:
    """Another statement, or another definition around it, is another finding."""
    assert old in MODULE
    after = prints_of(tmp_path, MODULE.replace(old, new), word=word if word in MODULE.replace(old, new) else "model in")
    assert set(after) != set(prints_of(tmp_path, MODULE, word=word))


def test_equal_findings_are_numbered(tmp_path: Path) -> None:
    """Two equal statements of one definition have two numbers; of two definitions, the same number twice."""
    one = prints_of(
        tmp_path, "def f():\n    use('OLD-MODEL')\n    use('OLD-MODEL')\n\n\ndef g():\n    use('OLD-MODEL')\n"
    )
    assert [(item.within, item.number) for item in one] == [("f", 0), ("f", 1), ("g", 0)]


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        ("README.md", "# A\n\nUse OLD-MODEL here.\n", "# A\n\nMore.\n\n  Use  OLD-MODEL here.\n"),
        ("a.ts", "const m = 'OLD-MODEL';\n", "// x\nfunction f() {}\n    const m='OLD-MODEL';\n"),
        ("broken.py", "def (\nm = 'OLD-MODEL'\n", "def (\n\n\n  m  =  'OLD-MODEL'\n"),
        ("empty.toml", "a = 'OLD-MODEL'", "\n\na='OLD-MODEL'\n"),
    ],
)
def test_other_files(tmp_path: Path, name: str, before: str, after: str) -> None:
    """Elsewhere the line counts, without its blanks."""
    assert prints_of(tmp_path, after, name) == prints_of(tmp_path, before, name)


def test_findings_without_a_place(tmp_path: Path) -> None:
    """Without a line the message counts, without numbers and names of distributions: they change with the version."""
    first, second = (Finding(f"acme-{v}-py3-none-any.whl has {v} of it", "check/rule") for v in ("1.0", "1.1"))
    assert fingerprints([first], tmp_path) == fingerprints([second], tmp_path)
    assert fingerprints([first], tmp_path) != fingerprints([Finding("something else", "check/rule")], tmp_path)
    gone = Finding("it", "check/rule", path="gone.py", line=3)
    assert fingerprints([gone], tmp_path)[0].path == "gone.py"
