"""`index serve`: the local index alone, to try things by hand."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from omni_release.cli import parser as cli_parser
from omni_release.cli.parser import add_format, add_project, port, subcommand
from omni_release.core.errors import UsageError

TYPE_CHECKING = False  # as the type checker knows it; importing typing slows the start down
if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import FrameType

    from omni_release.cli.parser import Commands

PASSWORD = "OMNI_RELEASE_INDEX_PASSWORD"  # noqa: S105 - the name of a variable
_USER = "rehearsal"


class Arguments(cli_parser.Arguments):
    """The arguments of `index`; without `folder` it is temporary, and port 0 is a free one."""

    name: str = ""
    folder: Path | None = None
    port: int = 0
    script: str = ""


def add_parser(commands: Commands, name: str) -> None:
    """Add `index`."""
    described = "Serve the local index, to try uploads and installs by hand"
    parser = subcommand(commands, name, described, "index serve", "index serve --name acme --port 8080")
    parser.add_argument("verb", choices=("serve",), help="serve until Ctrl-C")
    parser.add_argument("--name", metavar="PROJECT", help="the project it serves (default: the one in --project)")
    help = "folder of its files (default: a temporary one)"
    parser.add_argument("--folder", type=Path, metavar="DIR", help=help)
    parser.add_argument("--port", type=port, metavar="N", help="port to listen on (default: a free one)")
    parser.add_argument("--script", help="faults to inject, such as `503 times=2; hang`")
    add_project(parser)
    add_format(parser)
    parser.set_defaults(run=run)


def run(arguments: Arguments) -> int:
    """Serve until Ctrl-C. Raises UsageError for a script, a folder or a port that cannot be used."""
    import signal
    import tempfile

    name = arguments.name or arguments.load_project().name
    signal.signal(signal.SIGTERM, _interrupt)
    signal.signal(signal.SIGINT, _interrupt)  # also where a shell starts programs that ignore it
    try:
        with tempfile.TemporaryDirectory(prefix="omni-release-index-") as temporary:
            _serve(arguments, name, arguments.folder or Path(temporary, "index"), os.environ)
    except KeyboardInterrupt:
        return 0  # the intended end
    except (OSError, SystemExit) as error:  # werkzeug raises SystemExit for a port that is in use
        reason = f"port {arguments.port} is not available"
        if isinstance(error, OSError):
            reason = error.strerror or str(error)
        hint = "Check that the port is free and the folder is writable."
        raise UsageError(f"cannot start the index: {reason}", hint) from None
    return 0


def _serve(arguments: Arguments, project: str, folder: Path, environment: Mapping[str, str]) -> None:
    import json
    import secrets
    import threading

    from packaging.utils import canonicalize_name

    from omni_release.core.documents import SCHEMA_VERSION
    from omni_release.environments.installer_config import default_index
    from omni_release.local_index import Account
    from omni_release.local_index.server import IndexSetup, LocalIndex

    folder, name = folder.absolute(), canonicalize_name(project)
    password = environment.get(PASSWORD) or secrets.token_urlsafe(24)
    account = Account(_USER, password, name)
    default = default_index(environment)
    setup = IndexSetup(folder, name, account, default, script=arguments.script, port=arguments.port)
    with LocalIndex(setup) as index:
        upload, simple = f"{index.url}/legacy/", f"{index.url}/simple/"
        stored = "" if environment.get(PASSWORD) else str(_store(folder / "password", password))
        if arguments.as_json:
            content = {"name": name, "upload": upload, "simple": simple, "user": _USER, "password": stored}
            line = json.dumps({"schema_version": SCHEMA_VERSION, **content})  # one line, to be read meanwhile
            sys.stdout.write(f"{line}\n")
        else:
            where = f"in {stored}" if stored else f"that of {PASSWORD}"
            sys.stdout.write(
                f"Serving the local index of {name} until Ctrl-C:\n"
                f"  twine upload --repository-url {upload} --username {_USER} dist/*\n"
                f"  pip install --index-url {simple} {name}\n"
                f"  the password is {where}\n"
            )
        sys.stdout.flush()
        threading.Event().wait()


def _store(path: Path, password: str) -> Path:
    """Write a generated password to a file that only its owner can read."""
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(password)
    return path


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
