"""What tox installs for its environment of the tests on this Python: tox.ini, setup.cfg, pyproject.toml, tox.toml.

https://tox.wiki/en/stable/config.html. tox's own parser needs tox; of its language, this reads what lists of
requirements use: inherited environments, generative names, conditional lines and references.
"""

from __future__ import annotations

import configparser
import itertools
import re
import shlex
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omni_release.core.toml import table
from omni_release.testing.pytest_settings import read_ini, read_toml

_BASE = "testenv"
_NAMES = ("py", "py3", "python", "tests", "test", "pytest", "unit")
_KEYS = ("deps", "extras", "dependency_groups", "constraints", "commands")
_LINES = ("deps", "constraints", "commands")
_REFERENCE = re.compile(r"\{\[([^\]]+)\]([^{}]+)\}")
_DEEPEST = 5


@dataclass(frozen=True)
class ToxEnvironment:
    """The environment called `name` in `file`: lines of `deps`, and the names of extras and dependency groups.

    `commands` are its command lines.
    """

    file: str = ""
    name: str = ""
    deps: tuple[str, ...] = ()
    extras: tuple[str, ...] = ()
    dependency_groups: tuple[str, ...] = ()
    constraints: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()


def environment_of_tests(root: Path, metadata: Mapping[str, object]) -> ToxEnvironment:
    """tox's environment for the tests of the project at `root`, whose parsed pyproject.toml is `metadata`."""
    for name, section in (("tox.ini", "tox"), ("setup.cfg", "tox:tox")):
        parser = read_ini(root / name)
        if parser is not None and (parser.has_section(section) or parser.has_section(_BASE)):
            return _from_ini(name, parser, section)
    tox = table(metadata, "tool", "tox")
    if isinstance(legacy := tox.get("legacy_tox_ini"), str):
        parser = configparser.RawConfigParser(strict=False, allow_no_value=True)
        try:
            parser.read_string(legacy)
        except configparser.Error:
            return ToxEnvironment()
        return _from_ini("pyproject.toml", parser, "tox")
    if tox:
        return _from_toml("pyproject.toml", tox)
    document = read_toml(root / "tox.toml")
    return _from_toml("tox.toml", document) if document else ToxEnvironment()


def _chosen(names: list[str], defined: set[str]) -> str:
    """The environment of the tests on this Python: one that names it, else one with a usual name."""
    major, minor = sys.version_info[:2]
    this = {f"py{major}{minor}", f"py{major}.{minor}", f"{major}.{minor}"}
    of_this = [name for name in names if this & set(name.split("-"))]
    if of_this:  # the one with the fewest further factors
        return min(of_this, key=lambda name: len(name.split("-")))
    usual = [name for name in names if name.split("-")[0] in _NAMES]
    of_any = [name for name in names if re.fullmatch(r"(py)?\d[\d.]*(-.*)?", name)]
    generic = of_any[0].split("-", 1)[1:] if of_any else []
    chosen = next(iter(usual), next((name for name in _NAMES if name in defined), ""))
    return chosen or "-".join((f"py{major}{minor}", *generic))


def _expanded(names: str) -> Iterator[str]:
    """The names of a generative list: `py{311,312}-{a,b}`, `py3{10-14}`."""
    for name in filter(None, map(str.strip, re.split(r"[\n,](?![^{]*\})", names))):
        parts = re.split(r"\{([^}]*)\}", name)
        choices = [[part] if n % 2 == 0 else list(_choices(part)) for n, part in enumerate(parts)]
        for combination in itertools.islice(itertools.product(*choices), 1000):
            yield "".join(combination).strip("-")


def _choices(text: str) -> Iterator[str]:
    for part in map(str.strip, text.split(",")):
        bounds = re.fullmatch(r"(\d{1,3})-(\d{1,3})", part)
        yield from map(str, range(int(bounds[1]), int(bounds[2]) + 1)) if bounds else (part,)


def _from_ini(file: str, parser: configparser.RawConfigParser, main: str) -> ToxEnvironment:
    listed = next((parser.get(main, key) for key in ("env_list", "envlist") if parser.has_option(main, key)), "")
    names = list(_expanded(_resolved(parser, listed or "", _DEEPEST)))
    sections = {
        name: section
        for section in parser.sections()
        if section.startswith(f"{_BASE}:")
        for name in _expanded(section.removeprefix(f"{_BASE}:"))
    }
    chosen = _chosen(names, set(sections))
    factors = set(chosen.split("-")) | {f"py{sys.version_info[0]}{sys.version_info[1]}"}
    order = [section for section in (sections.get(chosen), _BASE) if section]
    found: dict[str, tuple[str, ...]] = {}
    for key in _KEYS:
        spellings = (key, key.replace("_", "-"))
        value = next((parser.get(s, k) for s in order for k in spellings if parser.has_option(s, k)), None)
        lines = _resolved(parser, value or "", _DEEPEST).replace("\\\n", " ").splitlines()
        kept = tuple(filter(None, (_unless_conditional(line, factors) for line in lines)))
        found[key] = kept if key in _LINES else tuple(_split_names(kept))
    return ToxEnvironment(file, chosen, **found)


def _split_names(lines: tuple[str, ...]) -> Iterator[str]:
    yield from (name for line in lines for name in re.split(r"[\s,]+", line) if name and "{" not in name)


def _resolved(parser: configparser.RawConfigParser, text: str, depth: int) -> str:
    """The text with its references `{[section]key}` replaced, and the root's folder as `.`."""

    def replaced(reference: re.Match[str]) -> str:
        other, key = reference[1], reference[2].strip()
        value = parser.get(other, key) if depth and parser.has_option(other, key) else ""
        return _resolved(parser, value or "", depth - 1)

    text = _REFERENCE.sub(replaced, text)
    text = re.sub(r"\{(toxinidir|tox_root|toxworkdir)\}/?", "./", text)
    return re.sub(r"\{(?:env:[^:{}]+|posargs):([^{}]*)\}", r"\1", text)


def _unless_conditional(line: str, factors: set[str]) -> str:
    """The line without its condition; empty where that is not met, as `py27,!cov: mock` or `lint-!fix: ruff`."""
    line = re.sub(r"(^|\s)#.*", "", line).strip()
    condition = re.match(r"((?:!?[\w.]+|\{[^}]*\})(?:\s*[-,]\s*!?(?:[\w.]+|\{[^}]*\}))*)\s*:(?!//)\s*(.*)", line)
    if condition is None:
        return line
    for alternative in _expanded(condition[1]):
        wanted = [factor.strip() for factor in alternative.split("-")]
        if all((f[1:] not in factors) if f.startswith("!") else f in factors for f in wanted):
            return condition[2].strip()
    return ""


def _from_toml(file: str, tox: Mapping[str, Any]) -> ToxEnvironment:
    environments = table(tox, "env")
    names = [name for name in tox.get("env_list", []) if isinstance(name, str)]
    names += [name for item in tox.get("env_list", []) if isinstance(item, dict) for name in _product(item)]
    chosen = _chosen(names, set(environments))
    order = (table(environments, chosen), table(tox, "env_run_base"))
    found: dict[str, tuple[str, ...]] = {}
    for key in _KEYS:
        value: object = next((settings[key] for settings in order if key in settings), [])
        if key == "commands":  # lists of words
            lines = [tuple(_toml_words(tox, line, _DEEPEST)) for line in value] if isinstance(value, list) else []
            found[key] = tuple(map(shlex.join, lines))
            continue
        words = _toml_words(tox, value, _DEEPEST)
        found[key] = tuple(re.sub(r"\{(toxinidir|tox_root)\}/?", "./", word) for word in words)
    return ToxEnvironment(file, chosen, **found)


def _product(item: Mapping[str, Any]) -> Iterator[str]:
    """The names of a generated part of `env_list`: `{ product = [["3.12", "3.13"], ["a"]] }`."""
    lists = [part if isinstance(part, list) else [] for part in item.get("product", [])]
    yield from ("-".join(map(str, names)) for names in itertools.islice(itertools.product(*lists), 1000) if names)


def _toml_words(tox: Mapping[str, Any], value: object, depth: int) -> Iterator[str]:
    """The strings of a value, with references (`{ replace = "ref", … }`) replaced."""
    if isinstance(value, str):
        yield from value.splitlines()
    elif isinstance(value, list):
        yield from (word for part in value for word in _toml_words(tox, part, depth))
    elif isinstance(value, dict) and value.get("replace") == "posargs" and depth:
        yield from _toml_words(tox, value.get("default", []), depth - 1)
    elif isinstance(value, dict) and value.get("replace") == "ref" and depth:
        keys = value.get("of") or ["env", value.get("env"), value.get("key")]
        target: object = tox
        for key in keys if isinstance(keys, list) else []:
            target = target.get(key) if isinstance(target, dict) else None
        yield from _toml_words(tox, target, depth - 1)
