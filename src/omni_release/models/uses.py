"""Whether a file uses a model name (calls it, has it as a constant or a default), or only mentions it."""

from __future__ import annotations

import ast
import enum
import io
import re
import tokenize
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import InitVar, dataclass, field
from pathlib import Path, PurePosixPath

from omni_release.file_roles import FileRoles, Role
from omni_release.models.names import PROSE, Occurrence


class Context(enum.StrEnum):
    """Where a model name occurs; the value is a phrase for a message."""

    USED = ""
    COMMENT = "in a comment"
    TEXT = "in a docstring or a text"
    UNQUOTED = "outside of a string"
    TABLE = "compared, or in a table of names"
    TEST = "in a test"
    EXAMPLE = "in an example"
    OUTSIDE = "in a file that does not ship"
    PROSE = "in prose"
    RECORDED = "in a recording"


_PYTHON = (".py", ".pyi")
_FRONT_END = (".js", ".jsx", ".cjs", ".mjs", ".ts", ".tsx", ".cts", ".mts", ".vue", ".svelte", ".html")
_SLASHES = (*_FRONT_END, ".json5", ".jsonc", ".go", ".java", ".kt", ".php")
_RECORDED = (".yaml", ".yml", ".json", ".har", ".txt")
_RECORDINGS = re.compile(r"(?:vcr_?)?(?:cassettes?|recordings?|recorded(?:[-_]\w+)?|__snapshots__|tapes?)")
_BY_ROLE = {Role.TEST: Context.TEST, Role.EXAMPLE: Context.EXAMPLE, Role.DOCS: Context.PROSE}
_NAME = r"[\w./@:-]*"
_KEY = re.compile(rf"{_NAME}(?:[\"'`]?\s*(?::(?:\s|$)|=(?!=)|=>)|[\"']\.\w)")
_HEADER = re.compile(r"\s*\[[^=]*$")
_TERNARY = re.compile(rf"\?\s*[\"'`]{_NAME}$")
_COMPARED = re.compile(
    rf"(?:[=!]==?|\bcase)\s*[\"'`]{_NAME}$|(?:startsWith|endsWith|includes|indexOf)\(\s*[\"'`]{_NAME}$"
)
_OF_THE_PAST = re.compile(
    r"deprecat|retired|legacy|sunset|removed|replace|obsolete|unsupported|shut_?down", re.IGNORECASE
)
_FAMILY = re.compile(r"(?:[\w.-]+/)?(?:gemini|imagen|nano-banana|dall-e|gpt|claude)-")
_LOOKUPS = {"startswith", "endswith", "removeprefix", "removesuffix", "replace", "find", "index", "count", "split"}
_LOOKUPS |= {"get", "pop", "setdefault", "compile", "match", "search", "fullmatch"}
_MANY = 4
"""How many elements a collection may have whose names are a choice; a larger one is a table of what there is."""

_TABLE = 12
"""How many models a file may name that chooses among them; a larger one is a table of what there is."""


def is_recording(path: str) -> bool:
    """Whether a file is a recorded answer of a service, by its folder."""
    folders = (part.lower() for part in PurePosixPath(path).parts[:-1])
    return PurePosixPath(path).suffix.lower() in _RECORDED and any(map(_RECORDINGS.fullmatch, folders))


@dataclass
class Reader:
    """Says for each occurrence in a project at `root` where it is; each Python file is parsed once.

    `occurrences` are all that the project has.
    """

    root: Path
    roles: FileRoles
    occurrences: InitVar[Sequence[Occurrence]] = ()
    _names: dict[str, set[str]] = field(default_factory=dict)
    _lines: dict[str, list[str]] = field(default_factory=dict)
    _modules: dict[str, PythonModule | None] = field(default_factory=dict)

    def __post_init__(self, occurrences: Sequence[Occurrence]) -> None:
        for occurrence in occurrences:
            self._names.setdefault(occurrence.path, set()).add(occurrence.name)

    def context(self, occurrence: Occurrence) -> Context:
        """Whether the name is used in code that ships, or where it is mentioned."""
        path, suffix = occurrence.path, PurePosixPath(occurrence.path).suffix.lower()
        if suffix in PROSE:
            return Context.PROSE
        if is_recording(path):
            return Context.RECORDED
        role = self.roles.role(path)
        if role in _BY_ROLE:
            return _BY_ROLE[role]
        ships = role in (Role.SHIPPED, Role.VENDORED) or (
            role is Role.OTHER and (suffix in _FRONT_END or PurePosixPath(path).name.startswith(".env"))
        )
        if not ships:
            return Context.OUTSIDE
        if self._is_alternative(occurrence):
            return Context.TABLE
        return self._in_python(occurrence) if suffix in _PYTHON else self._in_text(occurrence, suffix)

    def _is_alternative(self, occurrence: Occurrence) -> bool:
        """Whether the name is one of several in a pattern: `gpt-4o|gpt-4o-mini`."""
        lines = self._read(occurrence.path)
        line = lines[occurrence.line - 1] if occurrence.line <= len(lines) else ""
        start = occurrence.column - 1
        return "|" in (line[start - 1 : start], line[start + len(occurrence.name) :][:1])

    def _in_python(self, occurrence: Occurrence) -> Context:
        if occurrence.path not in self._modules:
            self._modules[occurrence.path] = PythonModule.parsed("\n".join(self._read(occurrence.path)))
        module = self._modules[occurrence.path]
        if module is None:
            return self._in_text(occurrence, ".py")
        within_table = len(self._names.get(occurrence.path, ())) > _TABLE
        return module.context(occurrence.line, occurrence.column, within_table=within_table)

    def _in_text(self, occurrence: Occurrence, suffix: str) -> Context:
        """By the syntax of the line: a comment, a key, one side of a comparison."""
        lines = self._read(occurrence.path)
        line = lines[occurrence.line - 1] if occurrence.line <= len(lines) else ""
        before, after = line[: occurrence.column - 1], line[occurrence.column - 1 + len(occurrence.name) :]
        if _is_comment(before, suffix) or (suffix in _SLASHES and _in_block(lines[: occurrence.line - 1], before)):
            return Context.COMMENT
        if _COMPARED.search(before) or (_KEY.match(after) and not _TERNARY.search(before)):
            return Context.TABLE
        if len(self._names.get(occurrence.path, ())) > _TABLE or (suffix == ".toml" and _HEADER.match(before)):
            return Context.TABLE
        return Context.USED

    def _read(self, path: str) -> list[str]:
        if path not in self._lines:
            try:
                data = (self.root / path).read_bytes()
            except OSError:
                data = b""
            self._lines[path] = data.decode("utf-8-sig", "replace").split("\n")
        return self._lines[path]


def _is_comment(before: str, suffix: str) -> bool:
    """Whether the text before a name on its line opens a comment, outside of quotes."""
    markers = ("//", "/*", "<!--") if suffix in _SLASHES else ("#", ";") if suffix in (".ini", ".cfg") else ("#",)
    if suffix == ".json":
        return False
    quote = ""
    for at, char in enumerate(before):
        if quote:
            quote = "" if char == quote and before[at - 1] != "\\" else quote
        elif char in "\"'`":
            quote = char
        elif before.startswith(markers, at) and (at == 0 or before[at - 1].isspace() or before[at - 1] in ";{},()"):
            return before[at : at + 2] != "/*" or "*/" not in before[at:]
    return False


def _in_block(above: list[str], before: str) -> bool:
    """Whether a block comment that an earlier line opens has not ended before the name."""
    if "*/" in before or "-->" in before:
        return False
    for line in reversed(above):
        if "*/" in line or "-->" in line:
            return False
        if line.lstrip().startswith(("/*", "<!--")):
            return True
    return False


@dataclass
class PythonModule:
    """The syntax of a module: its comments, its strings, and what each string is a part of."""

    lines: list[str]
    comments: dict[int, int]
    strings: list[ast.Constant]
    parents: dict[ast.AST, ast.AST]

    @classmethod
    def parsed(cls, text: str) -> PythonModule | None:
        """The module; None where it does not parse."""
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # an invalid escape is no finding of this check
                tree = ast.parse(text)
                tokens = list(tokenize.generate_tokens(io.StringIO(text).readline))
        except (SyntaxError, ValueError, RecursionError, MemoryError, tokenize.TokenError):
            return None
        parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
        strings = [node for node in parents if isinstance(node, ast.Constant) and isinstance(node.value, str)]
        comments = {token.start[0]: token.start[1] for token in tokens if token.type == tokenize.COMMENT}
        return cls(text.split("\n"), comments, strings, parents)

    def context(self, line: int, column: int, *, within_table: bool = False) -> Context:
        """The context of a name at this place (from 1, in characters).

        `within_table`: the module is a table of models, except for what its functions do.
        """
        if self.comments.get(line, column) < column - 1:
            return Context.COMMENT
        at = (line, len(self.lines[line - 1][: column - 1].encode()))
        around = [node for node in self.strings if _start(node) <= at < _end(node)]
        if not around:
            return Context.UNQUOTED
        node = max(around, key=_start)
        if re.search(r"\s", str(node.value).strip()):
            return Context.TEXT
        decided = next(filter(None, map(self._decide, self._upwards(node))), Context.USED)
        return Context.TABLE if within_table and not self._in_function(node) else decided

    def _in_function(self, node: ast.AST) -> bool:
        while (parent := self.parents.get(node)) is not None:
            if isinstance(parent, ast.FunctionDef | ast.AsyncFunctionDef):
                return True
            node = parent
        return False

    def _upwards(self, node: ast.AST) -> Iterator[tuple[ast.AST, ast.AST]]:
        """Each child with its parent, from a string up to its statement."""
        while (parent := self.parents.get(node)) is not None:
            yield node, parent
            if isinstance(parent, ast.stmt):
                return
            node = parent

    def _decide(self, step: tuple[ast.AST, ast.AST]) -> Context | None:
        """What the step from a child to its parent says; None where the next one decides."""
        child, parent = step
        if isinstance(parent, ast.Expr):
            return Context.TEXT if isinstance(child, ast.Constant | ast.JoinedStr) else None
        if isinstance(parent, ast.Compare | ast.MatchValue | ast.Set | ast.Raise | ast.Assert):
            return Context.TABLE
        if isinstance(parent, ast.Subscript) and child is parent.slice:
            return Context.TABLE
        if isinstance(parent, ast.Dict) and (child in parent.keys or _maps_models(parent, child)):
            return Context.TABLE
        if isinstance(parent, ast.List | ast.Tuple) and len(parent.elts) > _MANY:
            return Context.TABLE
        if isinstance(parent, ast.Call) and child in parent.args[:1] and _function(parent) in _LOOKUPS:
            return Context.TABLE
        if isinstance(parent, ast.AnnAssign) and child is parent.annotation:
            return Context.TABLE
        if isinstance(parent, ast.Assign | ast.AnnAssign) and (self._is_table(parent) or _is_of_the_past(parent)):
            return Context.TABLE
        return None

    def _is_table(self, assignment: ast.Assign | ast.AnnAssign) -> bool:
        """Whether it is a member of a large enumeration."""
        owner = self.parents.get(assignment)
        if not isinstance(owner, ast.ClassDef) or not any("Enum" in ast.unparse(base) for base in owner.bases):
            return False
        return sum(isinstance(statement, ast.Assign) for statement in owner.body) > _MANY


def _maps_models(mapping: ast.Dict, value: ast.AST) -> bool:
    """Whether the key of this value is a model's name as well: to look up another service's name for it, its price."""
    key = next((key for key, other in zip(mapping.keys, mapping.values, strict=True) if other is value), None)
    return isinstance(key, ast.Constant) and isinstance(key.value, str) and _FAMILY.match(key.value) is not None


def _is_of_the_past(assignment: ast.Assign | ast.AnnAssign) -> bool:
    """Whether the name of a variable says that it holds what there was."""
    targets = assignment.targets if isinstance(assignment, ast.Assign) else [assignment.target]
    return any(_OF_THE_PAST.search(ast.unparse(target)) for target in targets)


def _function(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def _start(node: ast.Constant) -> tuple[int, int]:
    return node.lineno, node.col_offset


def _end(node: ast.Constant) -> tuple[int, int]:
    return node.end_lineno or node.lineno, node.end_col_offset or node.col_offset
