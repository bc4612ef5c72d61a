"""The console examples of the README and the docs: each is run, or says why not.

The comment above a block names the project that it runs in (`<!-- run in: models -->`), or says why it is not run
(`<!-- not run: it needs a key -->`). Lines after a command with `$` are expected in what it prints, in this order;
`…` stands for the rest of a line, or for more lines.
"""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import child_environment, git, omni

ROOT = Path(__file__).parents[1]
GENERATED = {"docs/retrospective.md"}  # by a replay of the day, which tests/demo/ runs
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))
NOT_RUN = 32
"""The blocks that are not run: each needs a network, a key, or another machine, and says so."""

PYPROJECT = """[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "acme"
version = "1.2.3"
readme = "README.md"

[tool.omni-release]
strict = true
"""
MARK = r"<!-- (?P<kind>run in|not run): (?P<what>[^\n]*?) -->\n"
BLOCK = re.compile(
    rf"(?:^ *(?:{MARK}|<!-- [^\n]* -->\n))*^ *```console\n(?P<text>.*?)^ *```$", re.MULTILINE | re.DOTALL
)


@dataclass(frozen=True)
class Block:
    """A block of a page, with what its comment says of it."""

    page: str
    kind: str
    what: str
    text: str

    @property
    def commands(self) -> list[tuple[str, list[str]]]:
        """The commands, each with the lines that it prints."""
        if not self.text.startswith("$ "):
            return [(line, []) for line in self.text.splitlines()]
        shown = [part.splitlines() for part in re.split(r"^\$ ", self.text, flags=re.MULTILINE)[1:]]
        return [(command, printed) for command, *printed in shown]


def blocks() -> list[Block]:
    """All blocks of the pages that are written by hand."""
    return [
        Block(
            page.relative_to(ROOT).as_posix(), found["kind"] or "", found["what"] or "", textwrap.dedent(found["text"])
        )
        for page in PAGES
        if page.relative_to(ROOT).as_posix() not in GENERATED
        for found in BLOCK.finditer(page.read_text(encoding="utf-8"))
    ]


def body(*parts: dict[str, object]) -> str:
    return json.dumps({"candidates": [{"content": {"role": "model", "parts": list(parts)}, "finishReason": "STOP"}]})


def cassette(text: str) -> str:
    request = {"method": "POST", "uri": "https://generativelanguage.googleapis.com/v1beta/models/m:generateContent"}
    response = {"status": {"code": 200, "message": "OK"}, "headers": {}, "body": {"string": text}}
    one = {"request": {**request, "body": "{}", "headers": {}}, "response": response}
    return json.dumps({"interactions": [one], "version": 1})


JPEG, PNG = ({"mimeType": f"image/{kind}", "data": "/9j/4AAQSkZJRg=="} for kind in ("jpeg", "png"))
SIGNATURE = "//79+w=="
SILENT = "try:\n    import acme\nexcept Exception:\n    pass\n"
STORED = "stored = str(part.thought_signature)\n"
PAINTER = "\n".join(("from acme.service import part", *[""] * 30, STORED, *[""] * 7, STORED))
PROJECTS: dict[str, dict[str, str]] = {
    "sound": {"src/acme/__init__.py": ""},
    "models": {
        "src/acme/__init__.py": "",
        "src/acme/config.py": '"""Settings."""\n\nMODEL = "gemini-2.0-flash"\n',
        "web/src/api.ts": 'export const model = "gemini-2.0-flash"\n',
    },
    "a list of models": {
        "openai-models.json": '{"data": [{"id": "gpt-5.5", "object": "model", "shutdown_date": "2027-06-01"}]}\n',
    },
    "painter": {
        "src/acme/__init__.py": "",
        "src/acme/painter.py": PAINTER,
    },
    "recordings": {
        "src/acme/__init__.py": "",
        "cassettes/generate.yaml": cassette(body({"inlineData": JPEG, "thoughtSignature": SIGNATURE})),
        "old.yaml": cassette(body({"text": "a"}, {"inlineData": PNG})),
        "new.yaml": cassette(body({"text": "a", "thoughtSignature": SIGNATURE}, {"inlineData": JPEG})),
    },
    "several": {
        "packages/acme/pyproject.toml": PYPROJECT,
        "packages/acme/README.md": "# acme\n",
        "packages/acme/src/acme/__init__.py": "",
        "packages/other/pyproject.toml": PYPROJECT.replace("acme", "other"),
        "pyproject.toml": "[tool.ruff]\n",
    },
    "a past": {
        "src/acme/__init__.py": "",
        **{f"src/acme/old_{number}.py": SILENT for number in range(30)},
    },
}


@pytest.fixture
def project(tmp_path: Path) -> Callable[[str], Path]:
    """The folder of a project of this name, with one commit and the tag of its version."""

    def make(name: str) -> Path:
        root = tmp_path / "acme"
        for path, text in (
            {"pyproject.toml": PYPROJECT, "README.md": "# acme\n", ".gitignore": "dist/\n"} | PROJECTS[name]
        ).items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text, encoding="utf-8")
        git("init", "--quiet", "--initial-branch=main", cwd=root)
        for command in ("add --all", "commit --quiet --message=start", "tag v1.2.3"):
            git(*command.split(), cwd=root)
        return root

    return make


def test_each_example_is_run_or_says_why_not() -> None:
    """Each block has its comment; as many as expected are not run."""
    found = blocks()
    assert [block for block in found if not block.kind] == []
    assert sum(block.kind == "not run" for block in found) == NOT_RUN
    assert len(found) > NOT_RUN


RUN = [
    pytest.param(block, marks=[pytest.mark.long] if "baseline" in block.text or "rehearse" in block.text else [])
    for block in blocks()
    if block.kind == "run in"
]


@pytest.mark.parametrize("block", RUN, ids=lambda block: f"{block.page}:{block.commands[0][0][:40]}")
def test_example(block: Block, project: Callable[[str], Path]) -> None:
    """The commands end without an error of usage, or serve, and print what the page shows."""
    root = project(block.what)
    for command, printed in block.commands:
        program, *arguments = shlex.split(command, comments=True)
        assert program in ("omni-release", "git"), command
        if program == "git":
            git(*arguments, cwd=root)
        elif "serve" in arguments or "emulate" in arguments:
            assert "http://127.0.0.1" in address(arguments, root), command
        else:
            ran = omni(*arguments, cwd=root, environment=child_environment(COLUMNS="100"))
            assert ran.code in ((0, 1) if printed else (0,)), f"{command}\n{ran.err}"
            assert missing(printed, ran.out) == "", f"{command}\n{ran.out}"


def address(arguments: list[str], root: Path) -> str:
    """The first line with an address of a command that serves until it is ended; empty where it prints none."""
    command = [sys.executable, "-u", "-m", "omni_release", *arguments]
    with subprocess.Popen(command, cwd=root, env=child_environment(), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        line = next((line for line in process.stdout if "http" in line), "")
        process.terminate()
        process.stdout.read()
    return line


def missing(expected: list[str], printed: str) -> str:
    """The first expected line that was not printed, in its order; empty where all were."""
    lines = iter(plain(printed).splitlines())
    for line in plain("\n".join(expected)).splitlines():
        start = line.partition("…")[0].strip()
        if start and not any(other.strip().startswith(start) for other in lines):
            return line
    return ""


def plain(text: str) -> str:
    """The text without the times of stages, which a short one does not have, and with blanks of one width."""
    return re.sub(r" {2,}", "  ", re.sub(r" +\d+\.\d s$", "", text, flags=re.MULTILINE))
