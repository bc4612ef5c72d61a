"""How omni-release was installed here, and what to type to add to this installation.

Each way leaves its mark in the environment: uv tool `uv-receipt.toml`, pipx `pipx_metadata.json`, prek
`.prek-hook.json`; the others by the folder that they create it in.
"""

from __future__ import annotations

import enum
import json
import os
import re
import shlex
import shutil
import sys
import sysconfig
from collections.abc import Sequence
from pathlib import Path

_NAME = "omni-release"


class Way(enum.Enum):
    """The program that made the environment that omni-release runs in."""

    PIP = "pip"
    UV_PIP = "uv pip"
    UV_PROJECT = "uv project"
    UV_TOOL = "uv tool"
    UVX = "uvx"
    PIPX = "pipx"
    PIPX_RUN = "pipx run"
    HOOK = "pre-commit"
    PREK = "prek"
    SCRIPT = "script"


def way() -> Way:
    """How omni-release was installed into the environment of this interpreter."""
    prefix = Path(sys.prefix)
    if prefix.name.startswith("py_env-"):
        return Way.HOOK
    if (prefix / ".prek-hook.json").is_file():
        return Way.PREK
    if (prefix / "uv-receipt.toml").is_file():
        return Way.UV_TOOL
    if (prefix / "pipx_metadata.json").is_file():
        return Way.PIPX if prefix.parent.name == "venvs" else Way.PIPX_RUN
    if re.fullmatch(r"(archive|builds)-v\d+", prefix.parent.name):
        return Way.UVX
    if prefix.name == "_nox_script_mode" or re.fullmatch(r"environments-v\d+", prefix.parent.name):
        return Way.SCRIPT
    if prefix.name == ".venv" and (prefix.parent / "uv.lock").is_file():
        return Way.UV_PROJECT
    has_pip = any((Path(sysconfig.get_path(name)) / "pip").is_dir() for name in ("purelib", "platlib"))
    return Way.PIP if has_pip else Way.UV_PIP


def how_to_add(extra: str = "", packages: Sequence[str] = ()) -> str:
    """What to type, or to write, to have this extra of omni-release and these packages here, too; a sentence.

    Without both: what installs all that omni-release itself requires.
    """
    found = way()
    own = requirement(extra, found)
    if found in _WRITTEN:
        listed = ", ".join(f'"{name}"' for name in (own, *packages))
        return _WRITTEN[found].format(listed=listed)
    withs = "".join(f" --with {quoted(name)}" for name in packages)
    missing = quoted(*(() if packages and not extra else (own,)), *packages)
    command = {
        Way.UV_TOOL: f"uv tool install --reinstall {quoted(own)}{withs}",
        Way.UVX: f"uvx --from {quoted(own)}{withs} {_this_command()}",
        Way.UV_PROJECT: f"uv add --dev {missing}",
        Way.PIPX: f"pipx inject {_NAME} {missing}" if packages else f"pipx install --force {quoted(own)}",
        Way.PIPX_RUN: f"pipx run --spec {quoted(own)} {_this_command()}",
    }.get(found, f"{_installer(found)} {missing}")
    if found is Way.PIPX_RUN and packages:  # it has no option for more packages
        command = f"pipx install {quoted(own)}, then: pipx inject {_NAME} {quoted(*packages)}"
    return f"Install it with: {command}"


def requires(package: str) -> bool:
    """Whether omni-release itself requires a package, by its normalised name; an extra may require others."""
    from importlib.metadata import PackageNotFoundError, distribution

    try:
        required = distribution(_NAME).requires or ()
    except PackageNotFoundError:
        return False
    return any(re.match(rf"{re.escape(package)}(?![\w.-])", line) for line in required if "extra ==" not in line)


def how_to_upgrade(package: str) -> str:
    """What to type, or to write, to have another version of a package that omni-release requires; a sentence."""
    found = way()
    if found is Way.SCRIPT:
        return f'Raise the version in the block `# /// script` at the top of the file: "{package}>=VERSION"'
    own = quoted(requirement("", found))
    command = {
        Way.UV_TOOL: f"uv tool upgrade {_NAME}",
        Way.UVX: f"uvx --refresh --from {own} {_this_command()}",
        Way.UV_PROJECT: f"uv sync --upgrade-package {package}",
        Way.PIPX: f"pipx runpip {_NAME} install --upgrade {package}",
        Way.PIPX_RUN: f"pipx run --no-cache --spec {own} {_this_command()}",
        Way.HOOK: "pre-commit clean",
        Way.PREK: "prek cache clean",
    }.get(found, f"{_installer(found)} --upgrade {package}")
    return f"Upgrade it with: {command}"


_HOOKS = "Set in .pre-commit-config.yaml, for this hook: additional_dependencies: [{listed}]"
_WRITTEN = {
    Way.HOOK: _HOOKS,
    Way.PREK: _HOOKS,
    Way.SCRIPT: "Add to the block `# /// script` at the top of the file: dependencies = [{listed}]",
}
"""What to write, where the environment is made from a file."""


def _installer(found: Way) -> str:
    """The words before the packages of an installation with pip, or with uv's."""
    if found is Way.UV_PIP:
        return f"uv pip install --python {quoted(sys.prefix)}"
    on_path = shutil.which("pip")
    if on_path is not None and Path(on_path).parent == Path(sysconfig.get_path("scripts")):
        return "pip install"
    return f"{quoted(sys.executable)} -m pip install"


def quoted(*words: str) -> str:
    """The words, quoted for a POSIX shell, or for cmd on Windows; an option `-e` stays before its folder."""
    options = [("-e ", word[3:]) if word.startswith("-e ") else ("", word) for word in words]
    return " ".join(option + _quoted_word(word) for option, word in options)


def _quoted_word(word: str) -> str:
    """One word, so that the shell takes it as it is; cmd splits words at `&`, `|`, `<` and `>`, too."""
    if os.name != "nt":
        return shlex.quote(word)
    return word if re.fullmatch(r"[\w./:\\@=+~-]+", word) else '"' + word.replace('"', '""') + '"'


def _this_command() -> str:
    """The command that runs, as it was typed; an address in it without user and password."""
    from omni_release.core.redaction import strip_userinfo

    ours = Path(sys.argv[0]).stem == _NAME or Path(sys.argv[0]).parent.name == "omni_release"
    return f"{_NAME} {quoted(*map(strip_userinfo, sys.argv[1:])) if ours else '…'}".rstrip()


def requirement(extra: str, found: Way) -> str:
    """This omni-release with the extra, from where it was installed: an index, a file, a folder or a repository.

    In a hook the name alone: the tool that made the environment installs its own checkout under it.
    """
    named = f"{_NAME}[{extra}]" if extra else _NAME
    if found in (Way.HOOK, Way.PREK):
        return named
    url, editable = _origin()
    if editable and found in (Way.PIP, Way.UV_PIP):
        return f"-e {editable}[{extra}]" if extra else f"-e {editable}"
    return f"{named} @ {url}" if url else named


def _origin() -> tuple[str, str]:
    """The address that this omni-release was installed from, and the folder of an editable one; empty from an index.

    The address has no user and password: the message that it is for is also written to logs and reports.
    """
    from importlib.metadata import PackageNotFoundError, distribution
    from urllib.parse import unquote, urlsplit

    from omni_release.core.redaction import strip_userinfo

    try:
        direct = json.loads(distribution(_NAME).read_text("direct_url.json") or "{}")
    except (PackageNotFoundError, ValueError):
        return "", ""
    url = strip_userinfo(str(direct.get("url", "")))
    if direct.get("dir_info", {}).get("editable"):
        return url, re.sub(r"^/(?=[A-Za-z]:)", "", unquote(urlsplit(url).path))
    if vcs := direct.get("vcs_info"):
        url = f"{vcs['vcs']}+{url}@{vcs['commit_id']}"
    folder = direct.get("subdirectory")
    return f"{url}#subdirectory={folder}" if folder else url, ""
