"""What `--to` means: pypi, testpypi, a name of the settings or of .pypirc, or the URL that files are sent to."""

from __future__ import annotations

import configparser
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from omni_release import index, programs
from omni_release.core.errors import Inconclusive, UsageError
from omni_release.core.model import Target
from omni_release.core.settings import IndexAddress
from omni_release.index import ANONYMOUS, IndexLogin, describe_error, is_loopback, read_errors

if TYPE_CHECKING:
    from requests import Response, Session


PYPI, TESTPYPI = "pypi", "testpypi"


@dataclass(frozen=True)
class Given:
    """What stood beside an index's address: credentials, and certificates. `source` says where.

    `trouble` is why .pypirc could not be read; its content is in no message.
    """

    source: str = ""
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    ca_cert: str | None = None
    client_cert: str | None = None
    trouble: str = ""


@dataclass(frozen=True)
class Destination:
    """A target, and what stood beside its address. The target's `simple` is empty where it has yet to be found."""

    target: Target
    given: Given


def destination(to: str, named: Mapping[str, IndexAddress], environment: Mapping[str, str]) -> Destination:
    """What `to` means. Raises UsageError for what cannot be used, without a word of what may be secret in it."""
    if "://" in to:
        url, given = _without_userinfo(to)
        return Destination(Target(url, upload=_allowed(url, "the URL to upload to")), given)
    pypirc = Pypirc.of(environment)
    section = pypirc.section(to)
    address = named.get(to, IndexAddress())
    usual = _usual(to)
    upload = address.upload or section.get("repository") or usual.upload
    if not upload:
        raise _unknown(to, named, pypirc)
    upload, beside = _without_userinfo(upload)
    given = Given(
        f"the section [{to}] of {pypirc.path}"
        + (", which is not in its index-servers," if pypirc.leaves_out(to) else ""),
        section.get("username"),
        section.get("password"),
        section.get("ca_cert"),
        section.get("client_cert"),
        pypirc.trouble,
    )
    if beside.username is not None and given.password is None:
        given = beside
    simple, _ = _without_userinfo(address.simple or (usual.simple if upload == usual.upload else ""))
    page = address.project_page or (usual.page if upload == usual.upload else "")
    where = f"`upload` of [tool.omni-release.index.{to}]" if address.upload else f"the address of {to}"
    _allowed(upload, where)
    if simple:
        simple = _allowed(simple.rstrip("/") + "/", f"`simple` of [tool.omni-release.index.{to}]")
    return Destination(Target(to, upload, simple, page), given)


def is_pypi(target: Target) -> bool:
    """Whether this is PyPI or TestPyPI, whose rules are known."""
    return bool(target.upload) and target.upload in {_usual(name).upload for name in (PYPI, TESTPYPI)}


@dataclass(frozen=True)
class Pypirc:
    """The file .pypirc, as twine reads it. `trouble` says why it cannot be read, and nothing that stands in it."""

    path: Path
    sections: Mapping[str, Mapping[str, str | None]] = field(default_factory=dict, repr=False)
    trouble: str = ""

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Pypirc:
        """The user's own."""
        from twine import exceptions, utils

        path = programs.user_home(environment) / ".pypirc"
        if not path.exists():
            return cls(path)
        try:
            return cls(path, utils.get_config(str(path)))
        except configparser.Error as error:
            line = getattr(error, "lineno", None) or next(iter(getattr(error, "errors", ())), (None,))[0]
            where = f"{path}:{line}" if line else str(path)
            return cls(path, trouble=f"{where}: is not a configuration file as twine reads it")
        except (exceptions.TwineException, UnicodeError):
            return cls(path, trouble=f"{path}: is not text that can be read")
        except OSError as error:
            return cls(path, trouble=f"{path}: {error.strerror or 'cannot be read'}")

    def section(self, name: str) -> Mapping[str, str | None]:
        """What it says of an index."""
        return self.sections.get(name, {})

    def leaves_out(self, name: str) -> bool:
        """Whether a section of this name stands there, and is not used: `index-servers` does not name it."""
        parser = configparser.RawConfigParser()
        try:
            parser.read(self.path, encoding="utf-8")
        except (configparser.Error, OSError, UnicodeError):
            return False
        return name not in self.sections and name != "distutils" and parser.has_section(name)


def _usual(name: str) -> Target:
    """Where PyPI and TestPyPI are, as twine and pypi-simple know it; nowhere for other names."""
    if name not in (PYPI, TESTPYPI):
        return Target(name)
    import pypi_simple
    from twine import utils

    upload = utils.DEFAULT_REPOSITORY if name == PYPI else utils.TEST_REPOSITORY
    simple = pypi_simple.PYPI_SIMPLE_ENDPOINT if name == PYPI else urllib.parse.urljoin(upload, "/simple/")
    return Target(name, upload, simple, urllib.parse.urljoin(simple, "/project/{name}/{version}/"))


def _unknown(to: str, named: Mapping[str, IndexAddress], pypirc: Pypirc) -> UsageError:
    import difflib

    if pypirc.trouble:
        return UsageError(f"where {to} is cannot be told: {pypirc.trouble}", "Mend the file, or name the URL.")
    if "@" in to or ":" in to:
        return UsageError(
            "what --to names looks like an address without https://", "It is not shown: it may have a password in it."
        )
    if pypirc.leaves_out(to):
        said = f"{pypirc.path} has a section [{to}], which `index-servers` of its section [distutils] does not name"
        return UsageError(f"{said}, so it counts for nothing", f"Add {to} to index-servers, as twine wants it, too.")
    known = (*named, *pypirc.sections, PYPI, TESTPYPI)
    near = difflib.get_close_matches(to, known, 1, 0.6)
    hint = f"Did you mean {near[0]}?" if near else f"Name it in [tool.omni-release.index.{to}] or in {pypirc.path}."
    return UsageError(f"there is no index called {to!r} with an address to upload to", hint)


def _without_userinfo(url: str) -> tuple[str, Given]:
    """The URL without the credentials in it, and these."""
    try:
        parts = urllib.parse.urlsplit(url)
        userinfo, at, host = parts.netloc.rpartition("@")
        bare = urllib.parse.urlunsplit(parts._replace(netloc=host, fragment=""))
    except ValueError:
        raise UsageError("the index's URL cannot be read", "It is not shown: it may have a password in it.") from None
    if not at:
        return bare, Given()
    username, colon, password = userinfo.partition(":")
    secret = urllib.parse.unquote(password) if colon else None
    return bare, Given("the URL that was given", urllib.parse.unquote(username) or None, secret)


def _allowed(url: str, what: str) -> str:
    """The URL, where it is one that files and secrets may go to."""
    try:
        parts = urllib.parse.urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise UsageError(f"{what} cannot be read", "It is not shown: it may have a password in it.") from None
    if parts.scheme not in ("http", "https") or not host:
        raise UsageError(f"{what} is no http or https address", "Write it as https://HOST/PATH/.")
    if parts.scheme == "http" and not is_loopback(host):
        raise UsageError(
            f"{what} is http: {url}",
            "A password would travel for all to read: use https. http is for this machine alone.",
        )
    return url


_TIMEOUT = 10.0

_MUCH = 256 * 1024

_NEEDS_AUTH = (401, 403)


def usual_simple_urls(upload: str) -> tuple[str, ...]:
    """Where the simple API of an index that takes uploads there may be, the likeliest first."""
    base = upload if upload.endswith("/") else f"{upload}/"
    found = (
        urllib.parse.urljoin(base, "simple/"),
        urllib.parse.urljoin(base, "../simple/"),
        urllib.parse.urljoin(base, "+simple/"),
        urllib.parse.urljoin(base, "../+simple/"),
        urllib.parse.urljoin(base, "/simple/"),
        urllib.parse.urljoin(base, "/"),
        base,
    )
    return tuple(dict.fromkeys(found))


def discover(target: Target, project: str, login: IndexLogin = ANONYMOUS) -> Target:
    """The target, with its simple API; asked by `login` where it wants that.

    Raises UsageError where it is at no usual place, CannotTell where nothing answers.
    """
    if target.simple:
        return target
    answered, why = False, ""
    with index.open_session(target.upload) as client:
        for place in usual_simple_urls(target.upload):
            try:
                if _is_simple(client.s, place, project, login):
                    return replace(target, simple=place)
                answered = True
            except read_errors() as error:
                why = describe_error(error)
    named = f'Name it: `simple` in [tool.omni-release.index.NAME], beside `upload = "{target.upload}"`.'
    if not answered:
        raise Inconclusive(f"{target.upload} does not answer: {why}", "Is the index up?")
    raise UsageError(f"the simple API of {target.upload} is at none of the usual places", named)


def _is_simple(http: Session, place: str, project: str, login: IndexLogin) -> bool:
    """Whether a simple API answers there: by its root, or by its page of the project."""
    named = place.rstrip("/").endswith("simple")
    for url in (place, f"{place}{project}/"):
        with login.got(http, url, {"Accept": _accept()}, _TIMEOUT) as answer:
            if named and answer.status_code in _NEEDS_AUTH:
                return True
            if answer.status_code == 200 and _reads_as_simple(answer, at_root=url == place, named=named):
                return True
    return False


def _reads_as_simple(answer: Response, *, at_root: bool, named: bool) -> bool:
    kind = answer.headers.get("Content-Type", "").partition(";")[0]
    if kind.startswith("application/vnd.pypi.simple."):
        return True
    if "html" not in kind:
        return False
    text = next(answer.iter_content(_MUCH), b"").lower()
    if b"pypi:repository-version" in text:
        return True
    # A page of the project lists files; the root of an index is whatever its place says that it is.
    return named if at_root else any(end in text for end in (b".whl", b".tar.gz"))


def _accept() -> str:
    import pypi_simple

    return pypi_simple.ACCEPT_ANY
