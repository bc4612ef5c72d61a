"""Look up the credentials of an address in the keyring, as twine does.

    python -m omni_release.scripts.ask_keyring URL [USER]

Prints JSON to stdout, which only the run reads. It is a process of its own, as a keyring can block without end.
"""

from __future__ import annotations

import json
import sys


def main(url: str, username: str | None) -> int:
    """Print {"username", "password"}, each null where the keyring has none. Returns 1 where there is no keyring."""
    try:
        import keyring
        from keyring.errors import NoKeyringError
    except ImportError:
        return 1
    try:
        if username is None:
            credential = keyring.get_credential(url, None)
            username = credential.username if credential else None
        password = keyring.get_password(url, username) if username else None
    except NoKeyringError:
        return 1
    sys.stdout.write(json.dumps({"username": username, "password": password}))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else None))
