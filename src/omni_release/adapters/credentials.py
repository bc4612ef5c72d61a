"""What there is to upload with: found in twine's order, told apart, and never shown.

TWINE_USERNAME and TWINE_PASSWORD, then .pypirc or the URL, then the keyring, then (PyPI and TestPyPI alone) trusted
publishing. Values are looked up again at the moment twine starts.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import subprocess
import sys
import threading
import unicodedata
import urllib.parse
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from omni_release.core.model import Target
from omni_release.core.world import Access, Credentials
from omni_release.index import ANONYMOUS, IndexLogin, targets
from omni_release.programs import OF_OTHER_PUBLISHERS, git_env

TOKEN = "__token__"  # noqa: S105 - the user's name that goes with a token
_USER, _PASSWORD = "TWINE_USERNAME", "TWINE_PASSWORD"
_KEYRING_SECONDS = 15.0
_LONG = 16
_TOKEN_SHAPE = re.compile(r"pypi-[A-Za-z0-9_-]{16,}={0,2}")
# What lets twine ask the service that runs the job for a token of its own.
_TRUSTED = {
    "GITHUB_ACTIONS": ("ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN"),
    "GITLAB_CI": ("PYPI_ID_TOKEN",),
}
_PERMISSION = {
    "GITHUB_ACTIONS": "the job needs `permissions: id-token: write`",
    "GITLAB_CI": "the job needs `id_tokens: PYPI_ID_TOKEN`",
}


@dataclass(frozen=True)
class _Found:
    """A user and a password, and where they stood."""

    source: str
    username: str | None = None
    password: str | None = field(default=None, repr=False)


class Finder:
    """Finds the credentials for one target. A run has one: the keyring may ask a person, and is asked once."""

    def __init__(self, target: Target, given: targets.Given, environment: Mapping[str, str]) -> None:
        self._target = target
        self._given = given
        self._environment = environment
        self._pypi = targets.is_pypi(target)
        self._kept: dict[str | None, _Found] = {}
        self._lock = threading.Lock()

    @property
    def secrets(self) -> Mapping[str, Callable[[], str]]:
        """The secrets' names, and how each is looked up."""
        names = {variable: self._variable(variable) for variable in self._trusted()}
        return {"upload-user": self._user, "upload-password": self._secret, **names}

    @property
    def login(self) -> IndexLogin:
        """What the index may be read with, where it wants to know who reads; nothing for PyPI's."""
        return ANONYMOUS if self._pypi else IndexLogin(self._target.upload, self._pair)

    def _pair(self) -> tuple[str, str] | None:
        found = self._found()
        return (found.username, found.password) if found.username and found.password else None

    def access(self) -> Access:
        """What there is, as it stands now."""
        found = self._found()
        if found.password:
            return self._judged(found)
        if self._environment.get(_PASSWORD) == "" and found.password == "":
            return Access(Credentials.MISSING, _PASSWORD, f"{_PASSWORD} is set but empty")
        if trusted := self._trusted():
            return Access(
                Credentials.PRESENT,
                "trusted publishing, by the service that runs this job",
                # Twine asks the keyring first, which could wait for ever.
                environment=self._certificates()
                | {_USER: TOKEN, "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring"},
                secrets={variable: variable for variable in trusted if variable in self._environment},
                arguments=self._arguments(),
            )
        if self._given.client_cert and not self._pypi:
            return Access(
                Credentials.PRESENT, f"the client certificate in {self._given.source}", arguments=self._arguments()
            )
        if self._given.trouble:
            return Access(Credentials.MALFORMED, ".pypirc", self._given.trouble)
        return Access(Credentials.MISSING, "nowhere", self._missing(found))

    def _judged(self, found: _Found) -> Access:
        assert found.password is not None
        why = _odd(found.username or "", "user") or _odd(found.password, "password")
        if not found.username:
            why = "there is a password and no user's name"
        elif self._pypi and not why:
            why = _token_trouble(found.username, found.password, self._target.upload)
        if why:
            return Access(Credentials.MALFORMED, found.source, why)
        # A long user's name may itself be a token, as some indexes have it.
        user = found.username or ""
        hidden = {_USER: "upload-user"} if len(user) >= _LONG else {}
        return Access(
            Credentials.PRESENT,
            found.source,
            environment=self._certificates() | ({} if hidden else {_USER: user}),
            secrets=hidden | {_PASSWORD: "upload-password"},
            arguments=self._arguments(),
        )

    def _missing(self, found: _Found) -> str:
        where = f"neither {_PASSWORD} nor {self._given.source or 'the URL'} nor the keyring has a password"
        for service, permission in _PERMISSION.items():
            if self._pypi and self._environment.get(service):
                return f"{where}; for trusted publishing {permission}"
        other = next((key for key in self._environment if key.startswith(OF_OTHER_PUBLISHERS)), None)
        return f"{where}; {other} is for another program" if other else f"{where}{found.source}"

    def _found(self) -> _Found:
        username, password = self._environment.get(_USER), self._environment.get(_PASSWORD)
        source = _PASSWORD
        if self._pypi:
            username = username or TOKEN
        if username is None:
            username = self._given.username
        if password is None and self._given.password is not None:
            password, source = self._given.password, self._given.source
        if password is None or username is None:
            kept = self._keyring(username)
            username = username if username is not None else kept.username
            if password is None:
                password, source = kept.password, kept.source
        return _Found(source, username, password)

    def _user(self) -> str:
        return self._found().username or ""

    def _secret(self) -> str:
        return self._found().password or ""

    def _variable(self, name: str) -> Callable[[], str]:
        return lambda: self._environment.get(name, "")

    def _keyring(self, username: str | None) -> _Found:
        with self._lock:  # tasks run side by side
            if username not in self._kept:
                self._kept[username] = self._asked(username)
            return self._kept[username]

    def _asked(self, username: str | None) -> _Found:
        argv = [sys.executable, "-m", "omni_release.scripts.ask_keyring", self._target.upload]
        try:
            asked = subprocess.run(  # noqa: S603 - our own program
                [*argv, username] if username else argv,
                env=git_env(self._environment),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=_KEYRING_SECONDS,
                check=False,
            )
            said = json.loads(asked.stdout) if asked.returncode == 0 else {}
        except subprocess.TimeoutExpired:
            return _Found(f"; the keyring did not answer within {_KEYRING_SECONDS:g} s")
        except (OSError, ValueError):
            said = {}
        return _Found("the keyring" if said.get("password") else "", said.get("username"), said.get("password"))

    def _trusted(self) -> tuple[str, ...]:
        """The variables of trusted publishing, where this job has them."""
        if not self._pypi or self._environment.get(_USER, TOKEN) != TOKEN:
            return ()
        for service, variables in _TRUSTED.items():
            names = variables if self._target.name != targets.TESTPYPI else tuple(map(_for_testpypi, variables))
            if self._environment.get(service) and all(self._environment.get(name) for name in names):
                return names
        return ()

    def _certificates(self) -> dict[str, str]:
        path = self._environment.get("TWINE_CERT") or self._given.ca_cert
        return {"TWINE_CERT": path} if path else {}

    def _arguments(self) -> tuple[str, ...]:
        return ("--client-cert", self._given.client_cert) if self._given.client_cert else ()


def _for_testpypi(variable: str) -> str:
    return variable.replace("PYPI_ID_TOKEN", "TESTPYPI_ID_TOKEN")


def _odd(value: str, what: str) -> str:
    """Why a value cannot be what was meant; empty where nothing speaks against it."""
    if value != value.strip():
        return f"the {what} begins or ends with white space"
    if any(unicodedata.category(character).startswith("C") for character in value):
        return f"the {what} has a control character in it: was it pasted?"
    return ""


def _token_trouble(username: str, password: str, upload: str) -> str:
    """Why these cannot be a token of PyPI's; empty where they can."""
    if username != TOKEN:
        return f"the user must be {TOKEN}: PyPI takes tokens alone"
    if not password.startswith("pypi-"):
        return "it is no token: those begin with pypi-"
    if not _TOKEN_SHAPE.fullmatch(password):
        return "it begins as a token, and is cut short or has something in it that no token has"
    host, wanted = _location(password), (urllib.parse.urlsplit(upload).hostname or "").removeprefix("upload.")
    return f"it is a token of another index: {host}" if host and host != wanted else ""


def _location(token: str) -> str:
    """The host that a token names as its own (a macaroon's location); empty where it cannot be read."""
    body = token.removeprefix("pypi-").rstrip("=")
    try:
        raw = base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))
        return raw[3 : 3 + raw[2]].decode("ascii") if raw[:2] == b"\x02\x01" else ""
    except (binascii.Error, IndexError, UnicodeDecodeError):
        return ""
