"""The target that `--to` names: pypi, testpypi, a name from the settings or .pypirc, or a URL to upload to."""

from __future__ import annotations

import configparser
import re
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from omni_release import index, programs
from omni_release.core.errors import Inconclusive, UsageError, did_you_mean
from omni_release.core.model import Target
from omni_release.core.redaction import strip_userinfo
from omni_release.core.settings import IndexAddress
from omni_release.index import ANONYMOUS, IndexLogin, describe_error, is_loopback, read_errors

if TYPE_CHECKING:
    from requests import Session


PYPI, TESTPYPI = "pypi", "testpypi"


@dataclass(frozen=True)
class ConfiguredCredentials:
    """The credentials and certificates that are configured with an index's address; `source` says where.

    `problem` is why .pypirc cannot be read; it shows nothing of its content.
    """

    source: str = ""
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    ca_cert: str | None = None
    client_cert: str | None = None
    problem: str = ""


@dataclass(frozen=True)
class Destination:
    """A target and its configured credentials. The target's `simple` is empty where it must still be discovered."""

    target: Target
    credentials: ConfiguredCredentials


def destination(to: str, named: Mapping[str, IndexAddress], environment: Mapping[str, str]) -> Destination:
    """The target that `to` names. Raises UsageError where it cannot be used; the message contains no secret.

    `named` are the indexes of the settings.
    """
    if "://" in to:
        url, credentials = _split_userinfo(to)
        _require_secure(url, "the URL to upload to")
        return Destination(Target(url, upload=url), credentials)
    pypirc = Pypirc.of(environment)
    section = pypirc.section(to)
    _require_own_addresses(to, named, section)
    address = named.get(to, IndexAddress())
    known = _known_target(to)
    upload = address.upload or section.get("repository") or known.upload
    if not upload:
        raise _unknown_name(to, named, pypirc)
    upload, in_url = _split_userinfo(upload)
    unlisted = ", which is not in its index-servers," if pypirc.has_unlisted(to) else ""
    credentials = ConfiguredCredentials(
        f"the section [{to}] of {pypirc.path}{unlisted}",
        section.get("username"),
        section.get("password"),
        section.get("ca_cert"),
        section.get("client_cert"),
        pypirc.problem,
    )
    if in_url.username is not None and credentials.password is None:
        credentials = in_url
    table = f"[tool.omni-release.index.{to}]"
    _require_secure(upload, f"`upload` of {table}" if address.upload else f"the address of {to}")
    if upload != known.upload:
        known = Target(to)
    simple, _ = _split_userinfo(address.simple or known.simple)
    if simple:
        simple = simple.rstrip("/") + "/"
        _require_secure(simple, f"`simple` of {table}")
    return Destination(Target(to, upload, simple, address.project_page or known.page), credentials)


_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def _require_own_addresses(to: str, named: Mapping[str, IndexAddress], section: Mapping[str, str | None]) -> None:
    """Raise UsageError where settings of a project would send this user's credentials for one server to another."""
    if known := next((name for name in named if name.lower() in (PYPI, TESTPYPI)), None):
        raise UsageError(
            f"[tool.omni-release.index.{known}] is not allowed: {known.lower()} always has its own addresses",
            "Give the index another name, and its own section in .pypirc.",
        )
    if odd := next((name for name in named if not _NAME.fullmatch(name)), None):
        raise UsageError(
            f"[tool.omni-release.index.{odd!a}] is not allowed: it can be read as another name",
            "Name the index with ASCII letters, digits, `.`, `_` and `-`.",
        )
    upload, repository = named.get(to, IndexAddress()).upload, section.get("repository") or ""
    if upload and repository and section.get("password") and not index.same_server(upload, repository):
        raise UsageError(
            f"`upload` of [tool.omni-release.index.{to}] is {strip_userinfo(upload)}, but [{to}] of .pypirc "
            f"is for {strip_userinfo(repository)}: its password would go to another server",
            "Correct one of the two addresses.",
        )


def is_pypi(target: Target) -> bool:
    """Whether the target is PyPI or TestPyPI, whose rules are known."""
    return bool(target.upload) and target.upload in {_known_target(name).upload for name in (PYPI, TESTPYPI)}


@dataclass(frozen=True)
class Pypirc:
    """The file .pypirc, as twine reads it. `problem` is why it cannot be read; it shows nothing of its content."""

    path: Path
    sections: Mapping[str, Mapping[str, str | None]] = field(default_factory=dict, repr=False)
    problem: str = ""

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Pypirc:
        """The file in the user's home folder; empty where there is none."""
        from twine import exceptions, utils

        path = programs.user_home(environment) / ".pypirc"
        if not path.exists():
            return cls(path)
        try:
            return cls(path, utils.get_config(str(path)))
        except configparser.Error as error:
            line = getattr(error, "lineno", None) or next(iter(getattr(error, "errors", ())), (None,))[0]
            where = f"{path}:{line}" if line else str(path)
            return cls(path, problem=f"{where}: not a valid configuration file for twine")
        except (exceptions.TwineException, UnicodeError):
            return cls(path, problem=f"{path}: not valid text")
        except OSError as error:
            return cls(path, problem=f"{path}: {error.strerror or 'cannot be read'}")

    def section(self, name: str) -> Mapping[str, str | None]:
        """The section of an index; empty where there is none."""
        return self.sections.get(name, {})

    def has_unlisted(self, name: str) -> bool:
        """Whether there is a section of this name that twine ignores, because `index-servers` does not list it."""
        parser = configparser.RawConfigParser()
        try:
            parser.read(self.path, encoding="utf-8")
        except (configparser.Error, OSError, UnicodeError):
            return False
        return name not in self.sections and name != "distutils" and parser.has_section(name)


def _known_target(name: str) -> Target:
    """The addresses of PyPI and TestPyPI, from twine; a target without addresses for other names."""
    if name not in (PYPI, TESTPYPI):
        return Target(name)
    from twine import utils

    upload = utils.DEFAULT_REPOSITORY if name == PYPI else utils.TEST_REPOSITORY
    simple = index.PYPI_SIMPLE if name == PYPI else urllib.parse.urljoin(upload, "/simple/")
    return Target(name, upload, simple, urllib.parse.urljoin(simple, "/project/{name}/{version}/"))


def _unknown_name(to: str, named: Mapping[str, IndexAddress], pypirc: Pypirc) -> UsageError:
    if pypirc.problem:
        return UsageError(f"cannot look up the index {to}: {pypirc.problem}", "Fix the file, or pass the URL.")
    if "@" in to or ":" in to:
        return UsageError(
            "the value of --to looks like a URL without https://", "It is not shown: it may contain a password."
        )
    if pypirc.has_unlisted(to):
        return UsageError(
            f"{pypirc.path} has a section [{to}] that `index-servers` in [distutils] does not list: twine ignores it",
            f"Add {to} to `index-servers`.",
        )
    known = (*named, *pypirc.sections, PYPI, TESTPYPI)
    hint = did_you_mean(to, known, f"Configure it in [tool.omni-release.index.{to}] or in {pypirc.path}.", cutoff=0.6)
    return UsageError(f"no index {to!r} with an upload URL is configured", hint)


def _split_userinfo(url: str) -> tuple[str, ConfiguredCredentials]:
    """The URL without the credentials in it, and the credentials."""
    try:
        parts = urllib.parse.urlsplit(url)
        userinfo, at, host = parts.netloc.rpartition("@")
        bare = urllib.parse.urlunsplit(parts._replace(netloc=host, fragment=""))
    except ValueError:
        raise _invalid("the index's URL") from None
    if not at:
        return bare, ConfiguredCredentials()
    username, colon, password = userinfo.partition(":")
    secret = urllib.parse.unquote(password) if colon else None
    return bare, ConfiguredCredentials("the URL", urllib.parse.unquote(username) or None, secret)


def _require_secure(url: str, setting: str) -> None:
    """Raise UsageError for a URL that files and passwords must not be sent to."""
    try:
        parts = urllib.parse.urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise _invalid(setting) from None
    if parts.scheme not in ("http", "https") or not host:
        raise UsageError(f"{setting} is not an http or https URL", "Write it as https://HOST/PATH/.")
    if parts.scheme == "http" and not is_loopback(host):
        raise UsageError(
            f"{setting} is http: {url}",
            "Use https: over http a password is readable on the network. http is for this machine only.",
        )


def _invalid(setting: str) -> UsageError:
    return UsageError(f"{setting} is not a valid URL", "It is not shown: it may contain a password.")


_TIMEOUT = 10.0
_MOST_READ = 256 * 1024
_LOGIN_REQUIRED = (401, 403)


def usual_simple_urls(upload: str) -> tuple[str, ...]:
    """The usual URLs of the simple API of an index that takes uploads at `upload`, the most likely first."""
    base = upload if upload.endswith("/") else f"{upload}/"
    places = ("simple/", "../simple/", "+simple/", "../+simple/", "/simple/", "/", "")
    return tuple(dict.fromkeys(urllib.parse.urljoin(base, place) for place in places))


def discover(target: Target, project: str, login: IndexLogin = ANONYMOUS) -> Target:
    """The target with its simple API, which is looked for at the usual URLs, with `login` where one is required.

    Raises UsageError where it is at none of them, Inconclusive where nothing answers.
    """
    if target.simple:
        return target
    answered, error_text = False, ""
    with index.open_session(target.upload) as client:
        for url in usual_simple_urls(target.upload):
            try:
                if _has_simple_api(client.s, url, project, login):
                    return replace(target, simple=url)
                answered = True
            except read_errors() as error:
                error_text = describe_error(error)
    if not answered:
        raise Inconclusive(f"{target.upload} does not answer: {error_text}", "Check that the index is up.")
    raise UsageError(
        f"the simple API of {target.upload} is at none of the usual URLs",
        f'Set `simple` in [tool.omni-release.index.NAME], next to `upload = "{target.upload}"`.',
    )


def _has_simple_api(http: Session, url: str, project: str, login: IndexLogin) -> bool:
    """Whether the root of a simple API, or the project's page in it, answers at `url`."""
    import pypi_simple

    named_simple = url.rstrip("/").endswith("simple")
    for page in (url, f"{url}{project}/"):
        with login.get(http, page, {"Accept": pypi_simple.ACCEPT_ANY}, _TIMEOUT) as response:
            if named_simple and response.status_code in _LOGIN_REQUIRED:
                return True
            if response.status_code != 200:
                continue
            kind = response.headers.get("Content-Type", "").partition(";")[0]
            if kind.startswith("application/vnd.pypi.simple."):
                return True
            if "html" not in kind:
                continue
            body = next(response.iter_content(_MOST_READ), b"").lower()
            if b"pypi:repository-version" in body:
                return True
            # The root of an index lists anything: only its name decides. The project's page lists files.
            if named_simple if page == url else any(suffix in body for suffix in (b".whl", b".tar.gz")):
                return True
    return False
