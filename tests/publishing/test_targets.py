"""What `--to` means, and what there is to upload with: told apart, and never shown."""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from twine.utils import DEFAULT_REPOSITORY, TEST_REPOSITORY

from omni_release.adapters import credentials
from omni_release.adapters.credentials import Finder
from omni_release.core.errors import UsageError
from omni_release.core.model import Target
from omni_release.core.settings import IndexAddress
from omni_release.core.world import Access
from omni_release.index import targets
from omni_release.index.targets import destination
from tests.conftest import child_environment, omni
from tests.index.support import pypi_server, running
from tests.index.test_auth import Server, only_known, serving

PLANTED = "pl4nted-s3cret"
NO_KEYRING = {"PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring"}


PYPI, TESTPYPI = (str(urlsplit(url).hostname).removeprefix("upload.") for url in (DEFAULT_REPOSITORY, TEST_REPOSITORY))


def token(host: str = PYPI) -> str:
    """A token in PyPI's shape, for the index at a host."""
    body = b"\x02\x01" + bytes([len(host)]) + host.encode() + b"\x02\x08not-a-real-one-at-all"
    return "pypi-" + base64.urlsafe_b64encode(body).decode().rstrip("=")


def access(to: str, home: Path, named: Mapping[str, IndexAddress] | None = None, **variables: str) -> Access:
    """What there is to upload with."""
    environment = {"HOME": str(home), "PATH": os.environ["PATH"], **NO_KEYRING, **variables}
    found = destination(to, named or {}, environment)
    return Finder(found.target, found.given, environment).access()


def pypirc(home: Path, text: str) -> Path:
    """The user's file."""
    path = home / ".pypirc"
    path.write_text(text, encoding="utf-8")
    return path


def test_known_names(tmp_path: Path) -> None:
    """PyPI and TestPyPI are known without a word of anybody's, with the pages of their releases."""
    for name in ("pypi", "testpypi"):
        target = destination(name, {}, {"HOME": str(tmp_path)}).target
        assert targets.is_pypi(target)
        assert target.simple.endswith("/simple/")
        assert target.page_of("acme", "1.0").endswith("/project/acme/1.0/")


def test_names_of_the_settings_and_of_pypirc(tmp_path: Path) -> None:
    """The settings go before .pypirc; credentials come from there all the same."""
    pypirc(tmp_path, "[distutils]\nindex-servers = ours\n[ours]\nrepository = https://old.invalid/\nusername = me\n")
    environment = {"HOME": str(tmp_path)}
    assert destination("ours", {}, environment).target.upload == "https://old.invalid/"
    named = {"ours": IndexAddress("https://new.invalid/up/", "https://new.invalid/simple")}
    found = destination("ours", named, environment)
    assert (found.target.upload, found.target.simple) == ("https://new.invalid/up/", "https://new.invalid/simple/")
    assert found.given.username == "me"


def test_a_section_that_is_not_listed(tmp_path: Path) -> None:
    """What .pypirc says of an index that its `index-servers` leaves out counts for nothing: that is told."""
    section = f"[ours]\nrepository = https://host.invalid/\nusername = me\npassword = {PLANTED}\n"
    pypirc(tmp_path, f"[distutils]\nindex-servers =\n  theirs\n[theirs]\n{section}")
    with pytest.raises(UsageError) as raised:
        destination("ours", {}, {"HOME": str(tmp_path)})
    assert "a section [ours], which `index-servers` of its section [distutils] does not name" in raised.value.message
    assert "Add ours to index-servers" in raised.value.hint
    with pytest.raises(UsageError, match="there is no index called 'nowhere'"):
        destination("nowhere", {}, {"HOME": str(tmp_path)})
    there = access("ours", tmp_path, {"ours": IndexAddress("https://host.invalid/")})
    assert there.credentials.value == "missing"
    assert "which is not in its index-servers" in there.why


def test_credentials_in_a_url_are_taken_out(tmp_path: Path) -> None:
    """They are used, and are in no name, no address and no representation."""
    found = destination(f"https://me:{PLANTED}@host.invalid/legacy/", {}, {"HOME": str(tmp_path)})
    assert found.target.upload == found.target.name == "https://host.invalid/legacy/"
    assert found.given.password == PLANTED
    assert PLANTED not in repr(found)


@pytest.mark.parametrize(
    ("to", "said"),
    [
        (f"http://me:{PLANTED}@host.invalid/legacy/", "is http: http://host.invalid/legacy/"),
        (f"ftp://me:{PLANTED}@host.invalid/", "is no http or https address"),
        (f"https://me:{PLANTED}/oops@host.invalid/", "cannot be read"),
        (f"https://[me:{PLANTED}@host/", "cannot be read"),
        ("nowhere", "there is no index called 'nowhere'"),
    ],
)
def test_what_cannot_be_used(to: str, said: str, tmp_path: Path) -> None:
    """http for another machine, an address that is none, a name that nobody knows: without a word of the secret."""
    with pytest.raises(UsageError) as raised:
        destination(to, {}, {"HOME": str(tmp_path)})
    assert said in raised.value.message
    assert PLANTED not in f"{raised.value.message} {raised.value.hint}"


@pytest.mark.parametrize("text", [f"password = {PLANTED}\n", f"[pypi]\n{PLANTED}\n", f"[a]\n[a]\npassword={PLANTED}\n"])
def test_malformed_pypirc(text: str, tmp_path: Path) -> None:
    """It is told by its place, and nothing that stands in it is shown."""
    pypirc(tmp_path, text)
    there = access("pypi", tmp_path)
    assert there.credentials.value == "malformed"
    assert ".pypirc:" in there.why
    with pytest.raises(UsageError) as raised:
        destination("ours", {}, {"HOME": str(tmp_path)})
    assert PLANTED not in f"{there!r} {raised.value.message} {raised.value.hint}"


@pytest.mark.parametrize(
    ("to", "variables", "credentials", "said"),
    [
        ("pypi", {}, "missing", "neither TWINE_PASSWORD nor the section [pypi]"),
        ("pypi", {"TWINE_PASSWORD": ""}, "missing", "set but empty"),
        ("pypi", {"TWINE_PASSWORD": token()}, "present", "TWINE_PASSWORD"),
        ("pypi", {"TWINE_PASSWORD": token(TESTPYPI)}, "malformed", "a token of another index"),
        ("pypi", {"TWINE_PASSWORD": f"{token()}\n"}, "malformed", "white space"),
        ("pypi", {"TWINE_PASSWORD": "pypi-short"}, "malformed", "cut short"),
        ("pypi", {"TWINE_PASSWORD": PLANTED}, "malformed", "it is no token"),
        ("pypi", {"TWINE_USERNAME": "me", "TWINE_PASSWORD": token()}, "malformed", "the user must be __token__"),
        ("pypi", {"UV_PUBLISH_TOKEN": token()}, "missing", "UV_PUBLISH_TOKEN is for another program"),
        ("pypi", {"GITHUB_ACTIONS": "true"}, "missing", "id-token: write"),
        (
            "pypi",
            {"GITHUB_ACTIONS": "true", "ACTIONS_ID_TOKEN_REQUEST_URL": "x", "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "y"},
            "present",
            "trusted publishing",
        ),
        ("https://host.invalid/", {"TWINE_PASSWORD": PLANTED}, "malformed", "no user's name"),
        ("https://host.invalid/", {"TWINE_USERNAME": "me", "TWINE_PASSWORD": PLANTED}, "present", "TWINE_PASSWORD"),
        (f"https://me:{PLANTED}@host.invalid/", {}, "present", "the URL that was given"),
    ],
)
def test_told_apart(to: str, variables: dict[str, str], credentials: str, said: str, tmp_path: Path) -> None:
    """Present, missing, malformed; where it was found, or what is wrong with it; and never the value."""
    there = access(to, tmp_path, {}, **variables)
    assert there.credentials.value == credentials, there
    assert said in f"{there.source}: {there.why}"
    for secret in (PLANTED, token(), token(TESTPYPI)):
        assert secret not in repr(there)


def planted(folder: Path, does: str) -> dict[str, str]:
    """The variables with which a keyring is asked that does that when it is asked for a password."""
    (folder / "planted_keyring.py").write_text(
        "import os, subprocess, sys, time\n"
        "from keyring.backend import KeyringBackend\n"
        "class Planted(KeyringBackend):\n"
        "    priority = 1\n"
        f"    def get_password(self, service, username): {does}\n"
        "    def set_password(self, service, username, password): pass\n",
        encoding="utf-8",
    )
    keyring = {"PYTHON_KEYRING_BACKEND": "planted_keyring.Planted", "PYTHONPATH": str(folder)}
    return {**keyring, "TWINE_USERNAME": "me"}


def with_keyring(folder: Path, does: str) -> Access:
    """What is found where a keyring does that when it is asked for a password."""
    return access("https://host.invalid/", folder, {}, **planted(folder, does))


def test_keyring(tmp_path: Path) -> None:
    """A keyring is asked as twine asks it; one that never answers is left."""
    there = with_keyring(tmp_path, f"return {PLANTED!r} if username == 'me' else None")
    assert (there.credentials.value, there.source) == ("present", "the keyring")
    assert PLANTED not in repr(there)


def counted(folder: Path) -> tuple[dict[str, str], Path]:
    """The variables of a keyring that writes a line into a file each time that it is asked, and the file."""
    asked = folder / "asked"
    return planted(folder, f"return open({str(asked)!r}, 'a').write('x\\n') and {PLANTED!r}"), asked


def test_keyring_is_asked_once(tmp_path: Path) -> None:
    """By all tasks of a run together, which run side by side: it may be a person who answers."""
    variables, asked = counted(tmp_path)
    found = destination("https://host.invalid/", {}, {"HOME": str(tmp_path)})
    finder = Finder(found.target, found.given, {"PATH": os.environ["PATH"], **variables})
    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(lambda _: finder.access(), range(4)))
    assert {answer.source for answer in answers} == {"the keyring"}
    assert asked.read_text(encoding="utf-8").splitlines() == ["x"]


def test_keyring_is_asked_once_in_all_parts(tmp_path: Path) -> None:
    """Where an index is, what reads it and what sends to it have one finder of credentials between them."""
    variables, asked = counted(tmp_path)
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "acme"\nversion = "1.0"\n', encoding="utf-8")
    proofs = ("--only", "credentials-present", "--only", "index-responds")
    with serving(Server(only_known(401))) as server:
        doctor = ("doctor", "--to", f"{server.url}/legacy/", *proofs, "--format", "json")
        ran = omni(*doctor, cwd=tmp_path, environment=child_environment(HOME=str(tmp_path), **variables))
        assert any(given for _, given in server.asked)
    assert {proof: ran.outcome(proof)["status"] for proof in proofs[1::2]} == dict.fromkeys(proofs[1::2], "passed")
    assert asked.read_text(encoding="utf-8").splitlines() == ["x"]


@pytest.mark.parametrize(
    ("does", "said"),
    [
        ("time.sleep(600)", "the keyring did not answer within 1 s"),
        ("subprocess.run([sys.executable, '-c', 'import time; time.sleep(20)'])", "did not answer within 1 s"),
        (f"raise RuntimeError({PLANTED!r})", "nor the keyring has a password"),
        (f"print({PLANTED!r}) or os._exit(3)", "nor the keyring has a password"),
    ],
    ids=["hangs", "waits for a program", "raises", "dies"],
)
def test_keyring_that_does_not_answer(does: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that asks somebody who is not there, or breaks, is left after its time: nothing is found, and it is told."""
    if "did not answer" in said:
        monkeypatch.setattr(credentials, "_KEYRING_SECONDS", 1.0)
    there = with_keyring(tmp_path, does)
    assert there.credentials.value == "missing"
    assert said in there.why
    assert PLANTED not in repr(there)


def test_usual_places(tmp_path: Path) -> None:
    """The simple API of an index of which only the address to upload to is known: one of the usual places answers."""
    with running(tmp_path) as index:
        found = targets.discover(Target("x", f"{index.url}/legacy/"), "acme-sound")
        assert found.simple == f"{index.url}/simple/"
    with pypi_server(tmp_path) as url:
        assert targets.discover(Target("x", url), "acme-sound").simple == f"{url}/simple/"
    assert targets.usual_simple_urls("https://h.invalid/me/dev/")[2] == "https://h.invalid/me/dev/+simple/"
