"""nox sessions for any noxfile, in two lines:

    import omni_release.sessions
    omni_release.sessions.register()

Each session is the command line of the same name on the interpreter that nox runs on. `nox -s release` is
`omni-release rehearse`, and with a real index (`nox -s release -- --to pypi`) it is `omni-release release`. What
follows `--` is handed on. So that nox finds omni-release wherever nox itself came from (pipx, uvx), the noxfile begins
with a PEP 723 block:

    # /// script
    # dependencies = ["nox", "omni-release[release]"]
    # ///
"""

from __future__ import annotations

import sys
from collections.abc import Callable

import nox

from omni_release import lanes

SESSIONS = {"release": "rehearse"} | {name: name for name in lanes.ALL if name not in ("rehearse", "release")}
"""The sessions, and the command that each one runs."""

TAG = "ci"
"""What a pipeline runs side by side: `nox --list --json -t ci` is its matrix. Tag sessions of your own with it, too."""

_UNITS = ("gate", "release")


def register(*names: str) -> None:
    """Define the sessions of these names, or all of them. Only `release` runs when nox is called without a name."""
    for name in names or SESSIONS:
        tags = [TAG] if name in _UNITS else []
        nox.session(name=name, venv_backend="none", default=name == "release", tags=tags)(_session(SESSIONS[name]))


def _session(command: str) -> Callable[[nox.Session], None]:
    def run(session: nox.Session) -> None:
        to_an_index = command == "rehearse" and any(word.partition("=")[0] == "--to" for word in session.posargs)
        called = "release" if to_an_index else command
        session.run(sys.executable, "-m", "omni_release", called, *session.posargs, external=True)

    run.__doc__ = lanes.ALL[command].__doc__
    return run
