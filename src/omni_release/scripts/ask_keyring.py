"""Ask the keyring for the credentials of an address, as twine does.

    python -m omni_release.scripts.ask_keyring URL [USER]

What it found goes to stdout as JSON, to nobody but the run. It is a process of its own: a keyring can wait for ever.
"""

from __future__ import annotations

import json
import sys


def main(url: str, username: str | None) -> int:
    """Print what the keyring has, each part null where it has none; the exit code is 1 where there is no keyring."""
    try:
        import keyring
        from keyring.errors import NoKeyringError
    except ImportError:
        return 1
    try:
        if username is None:
            found = keyring.get_credential(url, None)
            username = found.username if found else None
        password = keyring.get_password(url, username) if username else None
    except NoKeyringError:
        return 1
    sys.stdout.write(json.dumps({"username": username, "password": password}))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else None))
