"""What a noxfile's session of the tests installs, as far as it is written literally."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_NAMES = ("tests", "test", "pytest", "unit", "unit_tests", "unittests", "testing", "run_tests", "unit-tests")
_DEEPEST = 3


@dataclass(frozen=True)
class NoxSession:
    """The session `name`: the arguments of each of its installs, and the commands that it runs."""

    name: str = ""
    installs: tuple[tuple[str, ...], ...] = ()
    commands: tuple[tuple[str, ...], ...] = ()


def session_of_tests(path: Path) -> NoxSession:
    """The session of a noxfile that runs the tests; an empty one without any."""
    try:
        module = ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError):
        return NoxSession()
    sessions = {_session_name(node): node for node in module.body if isinstance(node, ast.FunctionDef)}
    sessions.pop("", None)
    name = next((name for name in _NAMES if name in sessions), "")
    name = name or next((n for n in sessions if n.replace("-", "_").split("_")[0] in ("test", "tests")), "")
    if not name:
        return NoxSession()
    calls = tuple(_calls(module, sessions[name], _DEEPEST))
    installs = tuple(words for method, called in calls for words in _install(method, called))
    return NoxSession(name, installs, tuple(words for method, words in calls if method.startswith("run")))


def _session_name(function: ast.FunctionDef) -> str:
    """The name of a nox session; empty for another function."""
    for decorator in function.decorator_list:
        called = decorator.func if isinstance(decorator, ast.Call) else decorator
        if (called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")) != "session":
            continue
        for keyword in decorator.keywords if isinstance(decorator, ast.Call) else []:
            if keyword.arg == "name" and isinstance(keyword.value, ast.Constant):
                return str(keyword.value.value)
        return function.name
    return ""


def _calls(module: ast.Module, function: ast.FunctionDef, depth: int) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The methods of the session that a function calls, or one of the module that gets it, and their literal words."""
    constants = _constants(module) | _constants(function)
    functions = {node.name: node for node in module.body if isinstance(node, ast.FunctionDef)}
    session = function.args.args[0].arg if function.args.args else "session"
    for statement in _unconditional(function.body):
        for call in (node for node in ast.walk(statement) if isinstance(node, ast.Call)):
            of_session = isinstance(call.func, ast.Attribute) and getattr(call.func.value, "id", "") == session
            if of_session and isinstance(call.func, ast.Attribute):
                yield call.func.attr, tuple(_words(call.args, constants))
            passed = any(isinstance(argument, ast.Name) and argument.id == session for argument in call.args)
            if isinstance(call.func, ast.Name) and passed and depth and call.func.id in functions:
                yield from _calls(module, functions[call.func.id], depth - 1)


def _install(method: str, words: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    if method == "install":
        yield words
    elif method in ("run", "run_install", "run_always"):
        if words[:1] in (("python",), ("python3",)) and words[1:2] == ("-m",):
            words = words[2:]
        if words[:2] in (("pip", "install"), ("uv", "sync")):
            yield words[2:]
        elif words[:3] == ("uv", "pip", "install"):
            yield words[3:]


def _unconditional(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements that always run: not those under an `if`, whose conditions are not evaluated."""
    for statement in body:
        if isinstance(statement, ast.With | ast.Try):
            yield from _unconditional(statement.body)
        elif not isinstance(statement, ast.If | ast.For | ast.While | ast.FunctionDef):
            yield statement


def _constants(node: ast.Module | ast.FunctionDef) -> dict[str, ast.expr]:
    """The values of names that are assigned once at this level."""
    assigned: dict[str, ast.expr] = {}
    for statement in node.body:
        if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
            if isinstance(statement.targets[0], ast.Name):
                assigned[statement.targets[0].id] = statement.value
        elif isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name) and statement.value:
            assigned[statement.target.id] = statement.value
    return assigned


def _words(nodes: list[ast.expr], constants: dict[str, ast.expr], depth: int = _DEEPEST) -> Iterator[str]:
    """The strings that are written literally, also behind a name; groups of `nox.project.dependency_groups`."""
    for node in nodes:
        if isinstance(node, ast.Starred):
            node = node.value
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
        elif isinstance(node, ast.List | ast.Tuple | ast.Set):
            yield from _words(node.elts, constants, depth)
        elif isinstance(node, ast.Name) and depth and node.id in constants:
            yield from _words([constants[node.id]], constants, depth - 1)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            if node.func.attr == "dependency_groups":
                yield from (word for group in _words(node.args[1:], constants, depth) for word in ("--group", group))
            elif node.func.attr == "split" and isinstance(node.func.value, ast.Constant) and not node.args:
                yield from str(node.func.value.value).split()
