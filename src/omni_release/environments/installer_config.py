"""The machine's default index: where pip or uv would look, had nobody started a rehearsal.

Of several answers the first counts: pip's variable, uv's variables, pip's files, uv's files, and where nothing is set
the one that pypi-simple (as pip and uv) is made with. A URL may have credentials in it: it is never printed.
"""

from __future__ import annotations

import configparser
import os
import sys
import tomllib
import urllib.parse
from collections.abc import Iterator, Mapping
from pathlib import Path

from omni_release import programs
from omni_release.core.errors import UsageError

_VARIABLES = ("PIP_INDEX_URL", "UV_DEFAULT_INDEX", "UV_INDEX_URL")


def default_index(environment: Mapping[str, str]) -> str:
    """The simple API's URL. Raises UsageError for one that nobody can be sent to by HTTP."""
    found = next(_said(environment), None)
    if found is None:
        import pypi_simple

        found = pypi_simple.PYPI_SIMPLE_ENDPOINT
    try:
        scheme = urllib.parse.urlsplit(found).scheme
    except ValueError:
        scheme = ""
    if scheme not in ("http", "https"):
        raise UsageError(
            "this machine's default index is not one that can be reached by http or https",
            f"Set {' or '.join(_VARIABLES)} to the simple API that dependencies come from.",
        )
    return found


def told_to_one(environment: Mapping[str, str]) -> dict[str, str]:
    """The variable that tells the default index to the one of pip and uv that knows none; empty where both do."""
    pip, uv = next(_said_to_pip(environment), None), next(_said_to_uv(environment), None)
    if pip and not uv:
        return {"UV_DEFAULT_INDEX": pip}
    return {"PIP_INDEX_URL": uv} if uv and not pip else {}


def _said_to_pip(environment: Mapping[str, str]) -> Iterator[str]:
    if url := environment.get("PIP_INDEX_URL", "").strip():
        yield url
    for path in pip_files(environment):
        yield from _of_pip(path)


def _said_to_uv(environment: Mapping[str, str]) -> Iterator[str]:
    for variable in ("UV_DEFAULT_INDEX", "UV_INDEX_URL"):
        if url := environment.get(variable, "").strip():
            yield url.partition("=")[2] if _is_named(url) else url
    for path in uv_files(environment):
        yield from _of_uv(path)


def _said(environment: Mapping[str, str]) -> Iterator[str]:
    for variable in _VARIABLES:
        if url := environment.get(variable, "").strip():
            yield url.partition("=")[2] if _is_named(url) else url
    for path in pip_files(environment):
        yield from _of_pip(path)
    for path in uv_files(environment):
        yield from _of_uv(path)


def _is_named(url: str) -> bool:
    """uv takes `NAME=URL`."""
    name, equals, rest = url.partition("=")
    return bool(equals) and "/" not in name and "://" in rest


def pip_files(environment: Mapping[str, str]) -> tuple[Path, ...]:
    """pip's configuration files, the one that counts most first."""
    named = environment.get("PIP_CONFIG_FILE")
    if named == os.devnull:
        return ()
    home = programs.user_home(environment)
    name = "pip.ini" if os.name == "nt" else "pip.conf"
    if os.name == "nt":
        base = Path(environment.get("APPDATA", home / "AppData" / "Roaming"))
        everybody = [Path(environment.get("PROGRAMDATA", "C:/ProgramData")) / "pip" / name]
    elif sys.platform == "darwin":
        mac = home / "Library" / "Application Support"
        base = mac if (mac / "pip").is_dir() else home / ".config"
        everybody = [Path("/Library/Application Support/pip") / name]
    else:
        base = Path(environment.get("XDG_CONFIG_HOME") or home / ".config")
        shared = (environment.get("XDG_CONFIG_DIRS") or "/etc/xdg").split(os.pathsep)
        everybody = [Path("/etc") / name, *(Path(folder) / "pip" / name for folder in shared)]
    users = [base / "pip" / name, home / ("pip" if os.name == "nt" else ".pip") / name]
    return (*((Path(named),) if named else ()), Path(sys.prefix) / name, *users, *everybody)


def uv_files(environment: Mapping[str, str]) -> tuple[Path, ...]:
    """uv's configuration files outside any project, the one that counts most first."""
    home = programs.user_home(environment)
    if os.name == "nt":
        base, everybody = environment.get("APPDATA", home), environment.get("PROGRAMDATA", "C:/ProgramData")
    else:
        base, everybody = environment.get("XDG_CONFIG_HOME") or home / ".config", "/etc"
    named = environment.get("UV_CONFIG_FILE")
    files = (Path(base) / "uv" / "uv.toml", Path(everybody) / "uv" / "uv.toml")
    return (Path(named),) if named else files


def _of_pip(path: Path) -> Iterator[str]:
    parser = configparser.RawConfigParser()
    try:
        parser.read(path, encoding="utf-8-sig")
    except (configparser.Error, OSError, UnicodeDecodeError):
        return  # pip itself will complain; its words could have a password in them
    for section in ("install", "global"):
        for key in ("index-url", "index_url"):
            if url := parser.get(section, key, fallback="").strip():
                yield url


def _of_uv(path: Path) -> Iterator[str]:
    try:
        read = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (tomllib.TOMLDecodeError, OSError, UnicodeDecodeError):
        return
    pip = read.get("pip")
    tables = [pip, read] if isinstance(pip, dict) else [read]
    for table in tables:
        for index in table.get("index", []):
            if isinstance(index, dict) and index.get("default") is True and isinstance(index.get("url"), str):
                yield index["url"]
        if isinstance(url := table.get("index-url"), str):
            yield url


def dependency_env(outer: Mapping[str, str], run: Path) -> dict[str, str]:
    """For whatever installs things that are not ours: this machine's own settings say where they come from.

    Where only one of pip and uv is told of another default index, the other is told of it too.
    """

    return told_to_one(outer) | programs.test_env(outer, run)
