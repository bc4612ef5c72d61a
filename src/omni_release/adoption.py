"""What a project needs in its files to use omni-release: proposals, each a new file or an addition to an old one.

Nothing that is there is changed or removed. A file that is not understood is refused, with the lines to add by hand.
"""

from __future__ import annotations

import ast
import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omni_release import __version__
from omni_release.core.documents import parse_python
from omni_release.core.errors import UsageError
from omni_release.core.settings import TABLE
from omni_release.core.toml import read_values

NOXFILE = "noxfile.py"
PYPROJECT = "pyproject.toml"
HOOKS = ".pre-commit-config.yaml"

_SESSIONS = ("release", "gate", "smoke")
_REGISTER = "omni_release.sessions.register"
_NEW_NOXFILE = f'''# /// script
# dependencies = ["nox", "omni-release"]
# ///
"""The nox sessions of this project: `nox -s release` rehearses a release."""

import omni_release.sessions

{_REGISTER}()
'''
_HOOK = f"""- repo: local
  hooks:
    - id: omni-release
      name: omni-release
      entry: omni-release gate
      language: python
      additional_dependencies: ["omni-release=={__version__}"]
      pass_filenames: false
      always_run: true
"""


@dataclass(frozen=True)
class Proposal:
    """A change of files: the new content by path, relative to the project. `note` is what a person must know of it."""

    id: str
    title: str
    files: Mapping[str, bytes]
    note: str = ""


def require_writable(root: Path, proposal: Proposal) -> None:
    """Raises UsageError where a file of the proposal cannot be written: read-only, a link, or no file at all."""
    for name in proposal.files:
        path = root / name
        existing = next(one for one in (path, *path.parents) if one.exists() or one.is_symlink())
        shown = name if existing == path else existing.as_posix()
        if existing.is_symlink():
            raise UsageError(f"{shown} is a link to {os.readlink(existing)}", "Add to that file by hand.")
        if existing.is_dir() == (existing == path):
            kind = "folder, not a file" if existing == path else "file, not a folder"
            raise UsageError(f"{shown} is a {kind}", "Move it away.")
        if not existing.stat().st_mode & 0o222 or not os.access(existing, os.W_OK):
            raise UsageError(f"{shown} is read-only", "Make it writable.")


def noxfile(root: Path) -> Proposal | None:
    """A noxfile with the sessions, or two lines for the one there is; None where it has them.

    Raises UsageError where the noxfile does not parse.
    """
    path = root / NOXFILE
    if not path.is_file():
        return Proposal("noxfile", "nox sessions", {NOXFILE: _NEW_NOXFILE.encode()})
    data = path.read_bytes()
    if b"omni_release" in data:
        return None
    tree = parse_python(data)
    if tree is None:
        raise UsageError(f"{NOXFILE} does not parse", "Correct it, then run the command again.")
    taken = {name for node in tree.body if isinstance(node, ast.FunctionDef) for name in _session_names(node)}
    names = [name for name in _SESSIONS if name not in taken]
    if "release" in taken:
        names.insert(0, "rehearse")
    note = f"{NOXFILE} has a session `release`: run `nox -s rehearse`." if "release" in taken else ""
    imports = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    lines = _lines(data, NOXFILE)
    end = _newline(data)
    after = max((node.end_lineno or 0 for node in (imports or tree.body[:1])), default=0)
    listed = ", ".join(f'"{name}"' for name in names)
    before, rest = _ended("".join(lines[:after]), end), "".join(lines[after:])
    text = (
        _ended(f"{before}import omni_release.sessions{end}{rest}", end)
        + f"{end}{_REGISTER}({listed}, default=False){end}"
    )
    if parse_python(text.encode()) is None:
        hint = f"Add to it:\nimport omni_release.sessions\n{_REGISTER}({listed}, default=False)"
        raise UsageError(f"{NOXFILE} has a form that cannot be added to", hint)
    return Proposal("noxfile", "two lines for the noxfile", {NOXFILE: text.encode()}, note)


def _session_names(function: ast.FunctionDef) -> Iterator[str]:
    """The name of the session that a function is, if it is one."""
    for decorator in function.decorator_list:
        if "session" not in ast.dump(decorator):
            continue
        keywords = decorator.keywords if isinstance(decorator, ast.Call) else []
        named = (keyword.value for keyword in keywords if keyword.arg == "name")
        yield next((str(value.value) for value in named if isinstance(value, ast.Constant)), function.name)


def settings(root: Path, *, advice: str = "") -> Proposal | None:
    """`[tool.omni-release]` with `strict`, and with a check that stays `advice`; None where the table is there.

    Raises UsageError where `tool` is a table in braces, which no table can be added to.
    """
    path = root / PYPROJECT
    data = path.read_bytes() if path.is_file() else b""
    document: Any = read_values(data.decode("utf-8-sig"))
    tool = document.get("tool", {})
    if isinstance(tool, dict) and "omni-release" in tool:
        return None
    end = _newline(data)
    before = _ended(data.decode("utf-8"), end) + end if data else ""
    text = f"{before}[{TABLE}]{end}strict = true{end}"
    expected: dict[str, Any] = {"strict": True}
    if advice:
        text += f'{end}[{TABLE}.severity]{end}{advice} = "warning"{end}'
        expected["severity"] = {advice: "warning"}
    try:
        written = read_values(text.removeprefix("\ufeff"))
    except tomllib.TOMLDecodeError:
        written = None
    if written != {**document, "tool": {**tool, "omni-release": expected}}:  # tool = { … }
        hint = "Add `omni-release = { strict = true }` to its table `tool`."
        raise UsageError(f"{PYPROJECT} has a form that cannot be added to: `tool` is an inline table", hint)
    return Proposal(
        "settings", "settings: with `strict`, quality rules block a release, too", {PYPROJECT: text.encode()}
    )


def hooks(root: Path) -> Proposal | None:
    """A pre-commit hook that runs the gate, in a new file or at the end of the list there is; None where it is there.

    Raises UsageError where the file cannot be read, or has another form.
    """
    import yaml

    path = root / HOOKS
    if not path.is_file():
        return Proposal("hooks", "a pre-commit hook", {HOOKS: f"repos:\n{_indented(_HOOK, '  ', chr(10))}".encode()})
    data = path.read_bytes()
    if b"omni-release" in data:
        return None
    hint = f"Add to its `repos`:\n{_HOOK}"
    try:
        before = yaml.safe_load(data)
    except yaml.YAMLError as error:
        raise UsageError(f"{HOOKS} is not valid YAML: {' '.join(str(error).split())}", "Correct it.") from None
    if not isinstance(before, dict) or not isinstance(before.get("repos"), list):
        raise UsageError(f"{HOOKS} has no list `repos`", hint)
    end = _newline(data)
    lines = _lines(data, HOOKS)
    begin = next((number for number, line in enumerate(lines) if line.startswith("repos:")), len(lines))
    last, indent = begin, "  "
    for number in range(begin + 1, len(lines)):
        line = lines[number]
        if line[:1] not in (" ", "-", "#", "\r", "\n"):
            break
        if line.lstrip().startswith("- ") and last == begin:
            indent = line[: len(line) - len(line.lstrip())]
        if line.strip() and not line.startswith("#"):
            last = number
    text = "".join((_ended("".join(lines[: last + 1]), end), _indented(_HOOK, indent, end), *lines[last + 1 :]))
    expected = {**before, "repos": [*before["repos"], *yaml.safe_load(_HOOK)]}
    try:
        written = yaml.safe_load(text)
    except yaml.YAMLError:
        written = None
    if written != expected:  # a list in brackets, anchors across the end, or another form
        raise UsageError(f"{HOOKS} has a form that cannot be added to", hint)
    return Proposal("hooks", "a pre-commit hook", {HOOKS: text.encode()})


def checklists(root: Path) -> Proposal | None:
    """The usual checklists; None where the project has any."""
    from omni_release.checklists import FOLDER, usual

    if any((root / FOLDER).glob("*.toml")):
        return None
    files = {f"{FOLDER}/{name}": data for name, data in usual().items()}
    return Proposal("checklists", "checklists: questions before and after a release", files)


def new_files(id: str, title: str, root: Path, contents: Mapping[str, str]) -> Proposal | None:
    """The files that do not exist yet; None where all do."""
    files = {path: text.encode() for path, text in contents.items() if not (root / path).exists()}
    return Proposal(id, title, files) if files else None


def _lines(data: bytes, name: str) -> list[str]:
    """The lines with their ends, as Python and YAML count them. Raises UsageError where it is not UTF-8."""
    try:
        return re.findall(r"[^\n]*\n|[^\n]+", data.decode("utf-8"))
    except UnicodeDecodeError:
        raise UsageError(f"{name} is not UTF-8", "Convert it to UTF-8.") from None


def _newline(data: bytes) -> str:
    return "\r\n" if b"\r\n" in data else "\n"


def _ended(text: str, end: str) -> str:
    return text if not text or text.endswith(("\n", "\r")) else text + end


def _indented(text: str, indent: str, end: str) -> str:
    return "".join(f"{indent}{line}{end}" for line in text.splitlines())
