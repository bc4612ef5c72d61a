"""The run of ast-grep: the files that it scans, and that no error of a file or a rule is ignored."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from omni_release import code, programs
from omni_release.code import scan
from omni_release.core.errors import Inconclusive
from tests.code.support import found
from tests.conftest import git

RULE = "id: no-print\nlanguage: Python\nmessage: why\nnote: what to do\nrule: {pattern: print($$$)}\n"
CATCHES = '<script lang="ts">\nconst a: number = 1;\n</script>\n'


def write(root: Path, name: str, content: str | bytes) -> Path:
    """Write a file below `root`."""
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


@pytest.fixture
def rule(tmp_path: Path) -> Path:
    """A rule of the project."""
    return write(tmp_path, "rules/own.yml", RULE)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project with one match of the rule."""
    write(tmp_path, "tree/a.py", 'é = "𝄞"; print(é)\n')
    return tmp_path / "tree"


def test_place_and_message(root: Path, rule: Path) -> None:
    """A finding has its place in characters from 1, and the rule's message and note; the default is an error."""
    (finding,) = found(root, rule, shipped=False)
    assert (finding.where, finding.rule, finding.severity.value) == ("a.py:1:10", "no-print", "error")
    assert finding.message == "why\n→ what to do"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id: bad\nlanguage: Python\nrule: {pattrn: x}\n", "unknown field `pattrn`"),
        ("id: bad\nlanguage: Cobol\nrule: {pattern: x}\n", "`language` must be one of Bash, C, Cpp, "),
        ("id: [bad\n", "line"),
        ("", "the file has no rule"),
        ("# nothing yet\n", "the file has no rule"),
        ("id: no-print\nlanguage: Python\nrule: {pattern: x}\n", "another rule has the id `no-print` too"),
    ],
)
def test_invalid_rule(text: str, message: str, root: Path, rule: Path) -> None:
    """An invalid rule is reported with its file, and all other rules run."""
    bad, match = found(root, rule, write(rule.parent, "worse.yml", text), shipped=False)
    assert (bad.path, bad.rule, bad.severity.value) == ("worse.yml", "rule-does-not-parse", "error")
    assert message in bad.message
    assert match.rule == "no-print"


def test_no_valid_rule(root: Path, tmp_path: Path) -> None:
    """Without a valid rule, the invalid one is the only finding."""
    (bad,) = found(root, write(tmp_path, "bad.yml", "nonsense"), shipped=False)
    assert bad.rule == "rule-does-not-parse"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("latin.py", b"print(1)\n# caf\xe9\n", "latin.py:2: skipped: byte 0xe9 is not UTF-8"),
        ("video.ts", b"G\0\0\0", "video.ts: skipped: binary"),
        ("min.js", b"try{a()}catch(e){};" * 280_000, "min.js: skipped: 5320000 bytes"),
        ("dense.js", b"try{a()}catch(e){};" * 2000, "dense.js: skipped: more than 300 bytes a line"),
        ("line.js", b"a();\n" * 10_000 + b"try{a()}catch(e){};" * 2000, "line.js:10001: skipped: a line of more"),
        ("chunk.js", b"try{a()}catch(e){};" * 100, "chunk.js: skipped: one line holds most of it"),
        ("web/dist/lib.js", b"/*! lib */\ntry {\n  a();\n} catch {}\n", "web/dist/lib.js: skipped: a bundle"),
        ("lib.js", b"/* Lib 0.7.6 - MIT x */\ntry {\n  a();\n} catch {}\n", "lib.js: skipped: a library"),
        ("data.py", b"x = [\n" + b"1,\n" * 400_000 + b"]\n", "data.py: skipped: 1200008 bytes"),
    ],
)
def test_skipped_file(name: str, content: bytes, message: str, root: Path, rule: Path) -> None:
    """A skipped file is reported with the reason, other files are scanned, and `ignore` leaves it out."""
    write(root, name, content)
    skipped, match = found(root, rule)
    assert message in f"{skipped.where}: {skipped.message}"
    assert match.rule == "no-print"
    (only,) = found(root, rule, ignored=(name,))
    assert only.rule == "no-print"


def test_one_sign_of_a_bundle(root: Path) -> None:
    """A licence banner alone, or a folder called build alone, does not make a file a bundle."""
    text = "export async function f() {\n  try {\n    await a();\n  } catch {}\n}\n"
    write(root, "licensed.js", f"/*! @license MIT */\n{text}")
    write(root, "web/build/plain.js", text)
    assert [f.path for f in found(root) if f.rule == "catch-is-silent"] == ["licensed.js", "web/build/plain.js"]


def test_built_site(root: Path) -> None:
    """Files next to names that end in a hash belong to a built site, below its page; sources do not."""
    text = "export async function f() {\n  try {\n    a.value = await b();\n  } catch {}\n}\n"
    for name in ("web/ui/index.html", "web/ui/app-7cd623a450cac627506e.js", "web/ui/assets/main-DRf3G_a1.js"):
        write(root, name, text)
    for name in ("web/ui/assets/page-0a1b2c3d.css", "web/ui/~party/debug/sandbox.js"):
        write(root, name, text)
    for name in ("web/index.html", "web/package.json", "web/src/one-component2.js", "web/src/two-component2.js"):
        write(root, name, text)
    found_in = [f.path for f in found(root) if f.rule == "catch-is-silent"]
    assert found_in == ["web/src/one-component2.js", "web/src/two-component2.js"]
    write(root, "index.html", "")
    for name in ("assets/a-0a1b2c3d.js", "assets/b-0a1b2c3e.js", "own.js"):
        write(root, name, text)
    found_in = [f.path for f in found(root) if f.rule == "catch-is-silent"]
    assert found_in == ["own.js", "web/src/one-component2.js", "web/src/two-component2.js"]


def test_tests_of_a_front_end(root: Path) -> None:
    """Tests of a front end are not scanned for silent errors."""
    text = "export async function f() {\n  try {\n    await a();\n  } catch {}\n}\n"
    for name in ("tests/a.js", "web/__tests__/b.js", "web/c.test.js"):
        write(root, name, text)
    assert not [f for f in found(root) if f.rule == "catch-is-silent"]


def test_field_declared_in_another_file(root: Path) -> None:
    """Where a class of another file declares the field as bytes, the finding is a notice."""
    write(root, "b.py", "def f(part):\n    return Event(thought_signature=part.thought_signature)\n")
    assert [f.severity.value for f in found(root) if f.rule == "bytes-as-text"] == ["error"]
    write(root, "events.py", "class Event:\n    thought_signature: bytes | None = None\n")
    assert [f.severity.value for f in found(root) if f.rule == "bytes-as-text"] == ["notice"]


def test_links(root: Path, rule: Path) -> None:
    """Links are not followed, neither in a loop nor out of the project."""
    (root / "loop").symlink_to(root, target_is_directory=True)
    (root / "outside.py").symlink_to(write(root.parent, "outside.py", "print(2)\n"))
    (root / "nowhere.py").symlink_to(root / "gone.py")
    assert [f.where for f in found(root, rule, shipped=False)] == ["a.py:1:10"]


def test_ignored_by_git(root: Path, rule: Path) -> None:
    """A tree that git ignores is not walked, however large; a tracked file is scanned, ignored or not."""
    git("init", "--quiet", cwd=root)
    write(root, ".gitignore", "node_modules/\nkept.py\n")
    write(root, "kept.py", "print(3)\n")
    git("add", "--force", "kept.py", cwd=root)
    for folder in range(10):
        (root / "node_modules" / str(folder)).mkdir(parents=True)
        for number in range(1000):
            os.close(os.open(root / "node_modules" / str(folder) / f"{number}.py", os.O_CREAT))
    write(root, "node_modules/0/0.py", "print(4)\n")
    assert [f.where for f in found(root, rule, shipped=False)] == ["a.py:1:10", "kept.py:1:1"]


def test_many_batches(root: Path, rule: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """More files than fit on a command line are scanned in several runs, each file once."""
    for number in range(20):
        write(root, f"more/{number:02}.py", "print(5)\n")
    monkeypatch.setattr(programs, "_ARGUMENTS", 60)
    assert [f.path for f in found(root, rule, shipped=False)] == ["a.py", *(f"more/{n:02}.py" for n in range(20))]


@pytest.mark.parametrize("name", ["-rf.py", "a b.py", "[x].py", "é.py", "{a,b}*.py"])
def test_odd_names(name: str, root: Path, rule: Path) -> None:
    """A file's name is neither taken for an option nor for a glob."""
    write(root, name, "print(6)\n")
    assert {f.path for f in found(root, rule, shipped=False)} == {"a.py", name}


def test_scripts_without_a_suffix(root: Path) -> None:
    """A shell script without a suffix is recognised by its first line."""
    write(root, "release", "#!/usr/bin/env bash\ntwine upload dist/*\n")
    write(root, "notes", "twine upload dist/*\n")
    assert [(f.path, f.line, f.rule) for f in found(root)] == [("release", 2, "publish-by-hand")]


def test_suppression_by_ast_grep(root: Path, rule: Path) -> None:
    """ast-grep's own comment suppresses without a last day: a warning."""
    write(root, "b.py", "# " + code._SUPPRESSION.decode() + "\nprint(7)\n")
    assert [(f.where, f.rule) for f in found(root, rule, shipped=False)] == [
        ("b.py:1", "unbounded-suppression"),
        ("a.py:1:10", "no-print"),
    ]


def test_no_ast_grep(root: Path, rule: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without ast-grep the scan is inconclusive, not passed."""
    monkeypatch.setattr(programs, "find_program", lambda _: str(root / "no-such-program"))
    with pytest.raises(Exception, match="cannot start"):
        found(root, rule)
    monkeypatch.undo()
    monkeypatch.setattr("sysconfig.get_path", lambda _: str(root))
    monkeypatch.setattr("sys.executable", str(root / "python"))
    monkeypatch.setenv("PATH", str(root))
    with pytest.raises(Inconclusive, match="is not installed"):
        programs.find_program("ast-grep")


def test_invalid_output(root: Path, rule: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line of ast-grep's output that is not valid JSON makes the scan inconclusive."""
    with pytest.raises(Inconclusive, match="cannot parse"):
        list(scan._parse_matches(['{"text": "x", "ruleId"']))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda folder: None, "names 'mine', which is not a folder"),
        (lambda folder: folder.mkdir(), "names 'mine', which has no rule files"),
        (lambda folder: write(folder, "a.yml.off", RULE), "names 'mine', which has no rule files"),
        (lambda folder: write(folder.parent, "mine", ""), "names 'mine', which is not a folder"),
    ],
)
def test_folder_without_rules(make: Callable[[Path], object], message: str, root: Path) -> None:
    """A missing or empty folder of rules is reported at the line of the settings."""
    write(root, "pyproject.toml", '[project]\nname = "acme"\n[tool.omni-release.audit]\nrules = "mine"\n')
    make(root / "mine")
    assert scan.project_rules(root, "mine") == ()
    (finding,) = scan.missing_rules(root, "mine")
    assert (finding.where, finding.severity.value, message in finding.message) == ("pyproject.toml:4", "error", True)
    assert not list(scan.missing_rules(root, ""))


def test_folder_outside_the_project(root: Path, rule: Path) -> None:
    """The folder may be outside the project: its rules are shown with relative paths."""
    assert [file.shown for file in scan.project_rules(root, "../rules")] == ["../rules/own.yml"]
    assert not list(scan.missing_rules(root, "../rules"))


def test_folder_named_like_a_rule(root: Path, rule: Path) -> None:
    """A folder named like a rule file is reported, and the other rules run."""
    (rule.parent / "folder.yml").mkdir()
    bad, match = found(root, rule, rule.parent / "folder.yml", shipped=False)
    assert (bad.path, "cannot be read" in bad.message, match.rule) == ("folder.yml", True, "no-print")


def test_languages(root: Path, tmp_path: Path) -> None:
    """ast-grep accepts each language that the message for a wrong one lists."""
    text = "---\n".join(f"id: r{n}\nlanguage: {name}\nrule: {{kind: ERROR}}\n" for n, name in enumerate(scan.LANGUAGES))
    assert not found(root, write(tmp_path, "each.yml", text), shipped=False)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not allow such names")
def test_name_that_is_not_utf_8(root: Path, rule: Path) -> None:
    """Such a file is skipped and reported, whatever its suffix; `ignore` leaves it out."""
    for name, text in ((b"caf\xe9.py", "print(1)\n"), (b"caf\xe9", "#!/bin/sh\nls\n")):
        Path(os.fsdecode(os.path.join(os.fsencode(root), name))).write_text(text, encoding="utf-8")
    *skipped, match = found(root, rule)
    assert [(f.path, f.rule, f.severity.value) for f in skipped] == [
        ("caf\\xe9", "not-utf-8", "warning"),
        ("caf\\xe9.py", "not-utf-8", "warning"),
    ]
    assert match.rule == "no-print"
    assert [f.rule for f in found(root, rule, ignored=("caf?", "caf?.py"))] == ["no-print"]
