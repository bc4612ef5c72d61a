"""Where this machine's settings of pip and uv get dependencies from: variables and files."""

from __future__ import annotations

import configparser
import os
import sys
import tomllib
import urllib.parse
from collections.abc import Collection, Iterator, Mapping
from itertools import chain
from pathlib import Path

from omni_release import programs
from omni_release.core.errors import UsageError
from omni_release.core.secret_variables import installer_logins
from omni_release.core.toml import read_values
from omni_release.index import PYPI_SIMPLE

_UV_VARIABLES = ("UV_DEFAULT_INDEX", "UV_INDEX_URL")

_VARIABLES = ("PIP_INDEX_URL", *_UV_VARIABLES)


def default_index(environment: Mapping[str, str]) -> str:
    """The URL of the default index's simple API. Raises UsageError where it is not an http or https URL."""
    variables = _from_variables(environment, _VARIABLES)
    url = next(chain(variables, _from_pip_files(environment), _from_uv_files(environment)), PYPI_SIMPLE)
    try:
        scheme = urllib.parse.urlsplit(url).scheme
    except ValueError:
        scheme = ""
    if scheme not in ("http", "https"):
        raise UsageError(
            "this machine's default index has no http or https URL",
            f"Set {' or '.join(_VARIABLES)} to the simple API that dependencies come from.",
        )
    return url


def dependency_env(outer: Mapping[str, str], run: Path, given: Collection[str] = ()) -> dict[str, str]:
    """The variables for an installer of dependencies: this machine's own settings say where they come from.

    It gets their logins to indexes, and no other secrets but those in `given`. Where only one of pip and uv is
    configured with another default index, the other gets it too.
    """
    pip = next(chain(_from_variables(outer, ("PIP_INDEX_URL",)), _from_pip_files(outer)), None)
    uv = next(chain(_from_variables(outer, _UV_VARIABLES), _from_uv_files(outer)), None)
    shared: dict[str, str] = {}
    if pip and not uv:
        shared["UV_DEFAULT_INDEX"] = pip
    elif uv and not pip:
        shared["PIP_INDEX_URL"] = uv
    return shared | programs.test_env(outer, run, given) | installer_logins(outer)


def _from_variables(environment: Mapping[str, str], variables: tuple[str, ...]) -> Iterator[str]:
    for variable in variables:
        url = environment.get(variable, "").strip()
        name, equals, rest = url.partition("=")
        if equals and "/" not in name and "://" in rest:
            url = rest  # uv takes `NAME=URL`
        if url:
            yield url


def pip_files(environment: Mapping[str, str]) -> tuple[Path, ...]:
    """pip's configuration files, by precedence (https://pip.pypa.io/en/stable/topics/configuration/)."""
    named = environment.get("PIP_CONFIG_FILE")
    if named == os.devnull:
        return ()
    home = programs.user_home(environment)
    name = "pip.ini" if os.name == "nt" else "pip.conf"
    if os.name == "nt":
        base = Path(environment.get("APPDATA", home / "AppData" / "Roaming"))
        system = [Path(environment.get("PROGRAMDATA", "C:/ProgramData")) / "pip" / name]
    elif sys.platform == "darwin":
        library = home / "Library" / "Application Support"
        base = library if (library / "pip").is_dir() else home / ".config"
        system = [Path("/Library/Application Support/pip") / name]
    else:
        base = Path(environment.get("XDG_CONFIG_HOME") or home / ".config")
        shared = (environment.get("XDG_CONFIG_DIRS") or "/etc/xdg").split(os.pathsep)
        system = [Path("/etc") / name, *(Path(folder) / "pip" / name for folder in shared)]
    user = [base / "pip" / name, home / ("pip" if os.name == "nt" else ".pip") / name]
    return (*((Path(named),) if named else ()), Path(sys.prefix) / name, *user, *system)


def uv_files(environment: Mapping[str, str]) -> tuple[Path, ...]:
    """uv's configuration files outside any project, by precedence."""
    if named := environment.get("UV_CONFIG_FILE"):
        return (Path(named),)
    home = programs.user_home(environment)
    if os.name == "nt":
        user, system = environment.get("APPDATA", home), environment.get("PROGRAMDATA", "C:/ProgramData")
    else:
        user, system = environment.get("XDG_CONFIG_HOME") or home / ".config", "/etc"
    return (Path(user) / "uv" / "uv.toml", Path(system) / "uv" / "uv.toml")


def _from_pip_files(environment: Mapping[str, str]) -> Iterator[str]:
    for path in pip_files(environment):
        parser = configparser.RawConfigParser()
        try:
            parser.read(path, encoding="utf-8-sig")
        except (configparser.Error, OSError, UnicodeDecodeError):
            continue  # pip itself will complain; its message could contain a password
        for section in ("install", "global"):
            for key in ("index-url", "index_url"):
                if url := parser.get(section, key, fallback="").strip():
                    yield url


def _from_uv_files(environment: Mapping[str, str]) -> Iterator[str]:
    for path in uv_files(environment):
        try:
            settings = read_values(path.read_text(encoding="utf-8-sig"))
        except (tomllib.TOMLDecodeError, OSError, UnicodeDecodeError):
            continue
        pip = settings.get("pip")
        for table in [pip, settings] if isinstance(pip, dict) else [settings]:
            for index in table.get("index", []):
                if isinstance(index, dict) and index.get("default") is True and isinstance(index.get("url"), str):
                    yield index["url"]
            if isinstance(url := table.get("index-url"), str):
                yield url
