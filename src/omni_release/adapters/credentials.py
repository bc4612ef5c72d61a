"""Credentials for an upload: found in twine's order, checked, and never shown.

TWINE_USERNAME and TWINE_PASSWORD, then .pypirc or the URL, then the keyring, then (only for PyPI and TestPyPI) trusted
publishing. The values are looked up again when twine starts.
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
from omni_release.core.secret_variables import OF_OTHER_PUBLISHERS
from omni_release.core.world import Access, Credentials
from omni_release.index import ANONYMOUS, IndexLogin, targets
from omni_release.programs import module

TOKEN_USER = "__token__"  # noqa: S105 - the user name for an API token
_USER, _PASSWORD = "TWINE_USERNAME", "TWINE_PASSWORD"
_KEYRING_TIMEOUT = 15.0
_TOKEN_LENGTH = 16  # a user name this long may itself be a token, as on some indexes
_PYPI_TOKEN = re.compile(r"pypi-[A-Za-z0-9_-]{16,}={0,2}")
# The variables with which twine requests a token from the CI service.
_TRUSTED_PUBLISHING = {
    "GITHUB_ACTIONS": ("ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN"),
    "GITLAB_CI": ("PYPI_ID_TOKEN",),
}
_PERMISSIONS = {
    "GITHUB_ACTIONS": "the job needs `permissions: id-token: write`",
    "GITLAB_CI": "the job needs `id_tokens: PYPI_ID_TOKEN`",
}


@dataclass(frozen=True)
class _Login:
    """A user name and a password, and where they come from; `note` is a problem of the keyring."""

    source: str
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    note: str = ""


class CredentialResolver:
    """Finds the credentials for one target. A run has one, because the keyring may prompt and is asked once."""

    def __init__(
        self, target: Target, configured: targets.ConfiguredCredentials, environment: Mapping[str, str]
    ) -> None:
        self._target = target
        self._configured = configured
        self._environment = environment
        self._pypi = targets.is_pypi(target)
        self._keyring_logins: dict[str | None, _Login] = {}
        self._lock = threading.Lock()

    @property
    def secrets(self) -> Mapping[str, Callable[[], str]]:
        """The names of the secrets, each with the function that returns the value."""
        return {
            "upload-user": lambda: self._find().username or "",
            "upload-password": lambda: self._find().password or "",
            **{name: self._variable(name) for name in self._trusted_publishing()},
        }

    def _variable(self, name: str) -> Callable[[], str]:
        return lambda: self._environment.get(name, "")

    @property
    def login(self) -> IndexLogin:
        """The login to read the index with where it requires one; none for PyPI and TestPyPI."""

        def credentials() -> tuple[str, str] | None:
            found = self._find()
            return (found.username, found.password) if found.username and found.password else None

        return ANONYMOUS if self._pypi else IndexLogin(self._target.upload, credentials)

    def access(self) -> Access:
        """The credentials as twine would use them now, or what is missing or wrong."""
        login, configured = self._find(), self._configured
        certificate = self._environment.get("TWINE_CERT") or configured.ca_cert
        environment = {"TWINE_CERT": certificate} if certificate else {}
        arguments = ("--client-cert", configured.client_cert) if configured.client_cert else ()
        if login.password:
            if problem := self._problem(login):
                return Access(Credentials.MALFORMED, login.source, problem)
            username = login.username or ""
            secrets = {_PASSWORD: "upload-password"}
            if len(username) >= _TOKEN_LENGTH:
                secrets[_USER] = "upload-user"
            else:
                environment[_USER] = username
            return Access(
                Credentials.PRESENT, login.source, environment=environment, secrets=secrets, arguments=arguments
            )
        if self._environment.get(_PASSWORD) == "" and login.password == "":
            return Access(Credentials.MISSING, _PASSWORD, f"{_PASSWORD} is set but empty")
        if variables := self._trusted_publishing():
            # Twine would ask the keyring first, which could block.
            environment |= {_USER: TOKEN_USER, "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring"}
            return Access(
                Credentials.PRESENT,
                "trusted publishing, by the CI service",
                environment=environment,
                secrets={name: name for name in variables if name in self._environment},
                arguments=arguments,
                trusted=True,
            )
        if configured.client_cert and not self._pypi:
            source = f"the client certificate in {configured.source}"
            return Access(Credentials.PRESENT, source, arguments=arguments)
        if configured.problem:
            return Access(Credentials.MALFORMED, ".pypirc", configured.problem)
        return Access(Credentials.MISSING, "not found", self._why_missing(login))

    def _problem(self, login: _Login) -> str:
        """Why a login cannot work; empty where nothing is wrong with it."""
        username, password = login.username or "", login.password or ""
        if not username:
            return "there is a password but no user name"
        for value, name in ((username, "user name"), (password, "password")):
            if value != value.strip():
                return f"the {name} begins or ends with white space"
            if any(unicodedata.category(character).startswith("C") for character in value):
                return f"the {name} contains a control character: check what was pasted"
        return _token_problem(username, password, self._target.upload) if self._pypi else ""

    def _why_missing(self, login: _Login) -> str:
        reason = f"no password in {_PASSWORD}, {self._configured.source or 'the URL'} or the keyring"
        for service, permission in _PERMISSIONS.items():
            if self._pypi and self._environment.get(service):
                return f"{reason}; for trusted publishing {permission}"
        other = next((name for name in self._environment if name.startswith(OF_OTHER_PUBLISHERS)), None)
        if other:
            return f"{reason}; {other} is for another program"
        return f"{reason}; {login.note}" if login.note else reason

    def _find(self) -> _Login:
        username, password = self._environment.get(_USER), self._environment.get(_PASSWORD)
        source, note = _PASSWORD, ""
        if self._pypi:
            username = username or TOKEN_USER
        if username is None:
            username = self._configured.username
        if password is None and self._configured.password is not None:
            password, source = self._configured.password, self._configured.source
        if password is None or username is None:
            keyring = self._keyring(username)
            username = username if username is not None else keyring.username
            if password is None:
                password, source, note = keyring.password, keyring.source, keyring.note
        return _Login(source, username, password, note)

    def _keyring(self, username: str | None) -> _Login:
        with self._lock:  # tasks run in parallel
            if username not in self._keyring_logins:
                self._keyring_logins[username] = self._ask_keyring(username)
            return self._keyring_logins[username]

    def _ask_keyring(self, username: str | None) -> _Login:
        argv = module(sys.executable, "omni_release.scripts.ask_keyring", self._target.upload)
        try:
            completed = subprocess.run(  # noqa: S603 - our own program
                [*argv, username] if username else argv,
                env=dict(self._environment),  # a keyring may need a secret of its own
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=_KEYRING_TIMEOUT,
                check=False,
            )
            answer = json.loads(completed.stdout) if completed.returncode == 0 else {}
        except subprocess.TimeoutExpired:
            return _Login("", note=f"the keyring did not answer within {_KEYRING_TIMEOUT:g} s")
        except (OSError, ValueError):
            answer = {}
        source = "the keyring" if answer.get("password") else ""
        return _Login(source, answer.get("username"), answer.get("password"))

    def _trusted_publishing(self) -> tuple[str, ...]:
        """The variables of trusted publishing, where the CI job has all of them."""
        if not self._pypi or self._environment.get(_USER, TOKEN_USER) != TOKEN_USER:
            return ()
        for service, variables in _TRUSTED_PUBLISHING.items():
            if self._target.name == targets.TESTPYPI:
                variables = tuple(name.replace("PYPI_ID_TOKEN", "TESTPYPI_ID_TOKEN") for name in variables)
            if self._environment.get(service) and all(self._environment.get(name) for name in variables):
                return variables
        return ()


def _token_problem(username: str, password: str, upload: str) -> str:
    """Why these cannot be an API token of PyPI; empty where they can."""
    if username != TOKEN_USER:
        return f"the user name must be {TOKEN_USER}: PyPI accepts only API tokens"
    if not password.startswith("pypi-"):
        return "it is not an API token, which starts with pypi-"
    if not _PYPI_TOKEN.fullmatch(password):
        return "it is an API token that is cut short or has invalid characters"
    host, expected = _token_host(password), (urllib.parse.urlsplit(upload).hostname or "").removeprefix("upload.")
    return f"it is an API token of another index: {host}" if host and host != expected else ""


def _token_host(token: str) -> str:
    """The host that a token is for (the location of a macaroon); empty where it cannot be read."""
    body = token.removeprefix("pypi-").rstrip("=")
    try:
        raw = base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))
        return raw[3 : 3 + raw[2]].decode("ascii") if raw[:2] == b"\x02\x01" else ""
    except (binascii.Error, IndexError, UnicodeDecodeError):
        return ""
