"""The rehearsal index alone, for trying things by hand: `omni-release index serve`."""

from __future__ import annotations

import json
import os
import secrets
import signal
import sys
import tempfile
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from omni_release.core.errors import UsageError

PASSWORD = "OMNI_RELEASE_INDEX_PASSWORD"  # noqa: S105 - a variable's name, not its value
_USER = "rehearsal"
_LAST_PORT = 65535


@dataclass(frozen=True)
class Wanted:
    """What is asked for. `folder` is None for one that is removed at the end, `port` 0 for a free one."""

    name: str
    folder: Path | None = None
    port: int = 0
    script: str = ""
    json: bool = False


def serve(wanted: Wanted, environment: Mapping[str, str]) -> int:
    """Serve until Ctrl-C; the exit code. Raises UsageError for a script, a folder or a port that cannot be used."""
    if not 0 <= wanted.port <= _LAST_PORT:
        raise UsageError(f"there is no port {wanted.port}", f"Say one up to {_LAST_PORT}, or 0 for a free one.")
    signal.signal(signal.SIGTERM, _terminated)
    signal.signal(signal.SIGINT, _terminated)  # also where a shell starts programs that ignore it
    try:
        with tempfile.TemporaryDirectory(prefix="omni-release-index-") as made:
            _serve(wanted, environment, Path(made))
    except KeyboardInterrupt:
        return 0  # how it is meant to be ended
    except (OSError, SystemExit) as error:  # the second is werkzeug's word for a port that is taken
        said = (error.strerror or str(error)) if isinstance(error, OSError) else f"port {wanted.port} cannot be had"
        raise UsageError(
            f"the index cannot be started: {said}", "Is the port free, and the folder ours to write?"
        ) from None
    return 0


def _serve(wanted: Wanted, environment: Mapping[str, str], made: Path) -> None:
    from packaging.utils import canonicalize_name

    from omni_release.environments.installer_config import default_index
    from omni_release.local_index import Account
    from omni_release.local_index.server import IndexSetup, LocalIndex

    folder = (wanted.folder or made / "index").absolute()
    password = environment.get(PASSWORD) or secrets.token_urlsafe(24)
    name = canonicalize_name(wanted.name)
    account = Account(_USER, password, name)
    setup = IndexSetup(folder, name, account, default_index(environment), script=wanted.script, port=wanted.port)
    with LocalIndex(setup) as index:
        place = "" if environment.get(PASSWORD) else str(_kept(folder / "password", password))
        _announce(wanted, index.url, name, place)
        threading.Event().wait()


def _kept(path: Path, password: str) -> Path:
    """A made-up password, in a file that its owner alone can read."""
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(password)
    return path


def _announce(wanted: Wanted, url: str, name: str, place: str) -> None:
    where = {"name": name, "upload": f"{url}/legacy/", "simple": f"{url}/simple/", "user": _USER, "password": place}
    if wanted.json:
        sys.stdout.write(json.dumps(where) + "\n")
    else:
        sys.stdout.write(f"The rehearsal index of {name}, until Ctrl-C:\n")
        sys.stdout.write(f"  twine upload --repository-url {where['upload']} --username {_USER} dist/*\n")
        sys.stdout.write(f"  pip install --index-url {where['simple']} {name}\n")
        sys.stdout.write(f"  the password is in {place}\n" if place else f"  the password is that of {PASSWORD}\n")
    sys.stdout.flush()


def _terminated(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
