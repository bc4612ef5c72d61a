"""The commands of omni-release: their names, and the words by which a person types them in this installation.

Messages, documents and settings name a command as `omni-release gate`. Where a person reads one on a screen, `typed`
writes it as the shell here takes it: `uvx omni-release gate`, for example.
"""

from __future__ import annotations

import functools
import os
import sys

TYPE_CHECKING = False  # as the type checker knows it; importing typing slows the start down
if TYPE_CHECKING:
    import re

    from omni_release.core.own_installation import Way

_NAME = "omni-release"

PARTS = ("build", "inspect", "tests", "publish", "verify")
"""The parts of the rehearsal."""

PACKAGES = ("workspace", "plan")
"""What is about all packages of a repository."""

STATES = ("status", "runs", "report")

GROUPS = {
    "Release": (
        "prepare",
        "rehearse",
        "release",
        "doctor",
        "published",
        "watch",
        "recall",
        "rebuild",
        *PARTS,
        *PACKAGES,
        "clean",
    ),
    "Adopt": ("init", "baseline"),
    "Check": ("gate", "version", "audit", "api", "models", "checklist", "sign", "approve", "approvals"),
    "Live API": ("smoke", "record", "replay", "cassettes", "contract", "emulate"),
    "Tools": (*STATES, "explain", "index", "workflow", "completion"),
}
"""The subcommands as `--help` shows them."""

COMMANDS = tuple(name for group in GROUPS.values() for name in group)
"""The names of all subcommands."""

_SESSIONS = {"rehearse": ("release", "rehearse"), "release": ("release", "rehearse")}
"""The nox sessions that run a command, where these are not called as it is."""


def typed(text: str) -> str:
    """The text with each command of omni-release as a person types it here."""
    words = own_words()
    if words == _NAME:
        return text

    def here(call: re.Match[str]) -> str:
        name, options = call["name"], call["options"] or ""
        if call["other"]:
            return call[0]
        if session := _session(name):
            return f"nox -s {session}{' -- ' if options else ''}"
        return f"{words} {name}{options}"

    return _calls().sub(here, text)


@functools.cache
def _calls() -> re.Pattern[str]:
    """A command of omni-release in a text; `other` is one that already says what starts it."""
    import re

    names = "|".join(COMMANDS)
    return re.compile(
        rf"(?P<other>\b(?:uvx|uv run|pipx run)\b[^`\n]*? {_NAME} (?:{names})(?![\w-]))|"
        rf"(?<![\w./\\@=+\[-]){_NAME} (?P<name>{names})(?![\w-])(?P<options> (?=-))?"
    )


@functools.cache
def own_words() -> str:
    """What a person types here for `omni-release`, quoted for the shell.

    A program that makes an environment for one command has to be named again, and so has `uv run`. Elsewhere the name
    alone is right where PATH leads to this installation; if it does not, what was typed, or the path of the program.
    A log of CI is read on another machine: there it is the name.
    """
    if os.environ.get("CI"):
        return _NAME
    from omni_release.core import own_installation
    from omni_release.core.own_installation import Way, quoted

    way = own_installation.way()
    if way in (Way.UVX, Way.PIPX_RUN):  # only there: where it was installed from takes long to read
        origin = own_installation.requirement("", way)
        if way is Way.PIPX_RUN:
            return f"pipx run {_NAME}" if origin == _NAME else f"pipx run --spec {quoted(origin)} {_NAME}"
        if os.path.basename(os.path.dirname(sys.prefix)).startswith("builds-"):
            return f"uv run --with {quoted(origin)} {_NAME}"
        return f"uvx {_NAME}" if origin == _NAME else f"uvx --from {quoted(origin)} {_NAME}"
    if way is Way.UV_PROJECT and "UV_RUN_RECURSION_DEPTH" in os.environ:
        return f"uv run {_NAME}"
    return _NAME if _is_on_path(way) else _as_started() or _program()


def _session(command: str) -> str:
    """The nox session that runs a command, where this process is one, and PATH leads to nox, but not to us."""
    import shutil

    from omni_release.core import own_installation

    session = os.environ.get("NOX_CURRENT_SESSION", "")
    if session not in _SESSIONS.get(command, (command,)):
        return ""
    return session if shutil.which("nox", path=_path_of_person(own_installation.way())) else ""


def _is_on_path(way: Way) -> bool:
    """Whether the shell finds this installation by its name. On Windows uv and pipx copy the program into a folder."""
    import shutil
    from pathlib import Path

    from omni_release.core.own_installation import Way

    found = shutil.which(_NAME, path=_path_of_person(way))
    if found is None:
        return False
    own = Path(_scripts())
    return (
        way in (Way.UV_TOOL, Way.PIPX, Way.HOOK, Way.PREK)
        or Path(found).parent.name == "shims"  # of pyenv, which starts the program of the Python that is chosen
        or own in (Path(found).parent, Path(found).resolve().parent)
    )


def _path_of_person(way: Way) -> str:
    """PATH without the folder that a tool has put there for the program that it starts."""
    from omni_release.core.own_installation import Way

    folders = os.environ.get("PATH", "").split(os.pathsep)
    added = _scripts() if way in (Way.HOOK, Way.PREK, Way.SCRIPT) else ""
    return os.pathsep.join(folder for folder in folders if folder and folder.rstrip("/\\") != added)


def _scripts() -> str:
    """The folder of the programs of this environment."""
    import sysconfig

    return sysconfig.get_path("scripts")


def _as_started() -> str:
    """The words that started this process, by a path or by `python -m`; empty where another program did."""
    import shutil
    from pathlib import Path

    from omni_release.core.own_installation import quoted

    started = Path(sys.argv[0])
    if started.stem == _NAME and os.path.dirname(sys.argv[0]) and started.is_file():
        return quoted(sys.argv[0])
    if started.parent.name == "omni_release" and "-m" in sys.orig_argv and "NOX_CURRENT_SESSION" not in os.environ:
        python, *options = sys.orig_argv[: sys.orig_argv.index("-m")]
        found = shutil.which(python)
        program = python if found and Path(found) == Path(sys.executable) else sys.executable
        return quoted(program, *options, "-m", "omni_release")
    return ""


def _program() -> str:
    """The path of the program in this environment: from the current folder, where it is below it."""
    from pathlib import Path

    from omni_release.core.own_installation import quoted

    program = Path(_scripts(), f"{_NAME}.exe" if os.name == "nt" else _NAME)
    if not program.is_file():
        return _NAME
    return quoted(str(program.relative_to(Path.cwd()) if program.is_relative_to(Path.cwd()) else program))
