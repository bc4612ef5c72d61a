"""nox sessions for any noxfile, in two lines:

    import omni_release.sessions
    omni_release.sessions.register()

Each session runs the command of the same name on the interpreter of nox, with the arguments after `--`. Only `nox -s
release` differs: it runs `omni-release rehearse`, and with `-- --to INDEX` `omni-release release`. A PEP 723 block at
the top of the noxfile makes omni-release available however nox is installed (pipx, uvx):

    # /// script
    # dependencies = ["nox", "omni-release"]
    # ///
"""

from __future__ import annotations

import sys
from collections.abc import Callable

import nox

from omni_release import lanes

SESSIONS = {"release": "rehearse"} | {name: name for name in lanes.ALL if name not in ("rehearse", "release")}
"""The sessions, and the command that each runs."""

TAG = "ci"
"""The tag of the sessions that CI runs in parallel: `nox --list --json -t ci` is its matrix. Tag your own too."""

_TAGGED = ("gate", "release", "rehearse")


def register(*names: str, default: bool = True) -> None:
    """Define the sessions of these names, or all of them.

    Where `nox` is called without a name, it runs `release` only; with `default=False`, none of them. A noxfile that has
    a session `release` of its own takes `rehearse`, which runs the same.
    """
    for name in names or SESSIONS:
        tags = [TAG] if name in _TAGGED else []
        command = SESSIONS.get(name, name)
        is_default = default and name == "release"
        nox.session(name=name, venv_backend="none", default=is_default, tags=tags)(_session(command))


def _session(command: str) -> Callable[[nox.Session], None]:
    def run(session: nox.Session) -> None:
        has_target = any(word.partition("=")[0] == "--to" for word in session.posargs)
        name = "release" if command == "rehearse" and has_target else command
        session.run(sys.executable, "-P", "-m", "omni_release", name, *session.posargs, external=True)

    run.__doc__ = lanes.ALL[command].__doc__
    return run
