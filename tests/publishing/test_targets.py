"""The target that `--to` names, and the credentials for it."""

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
from omni_release.adapters.credentials import CredentialResolver
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
    """The credentials that are found."""
    environment = {"HOME": str(home), "PATH": os.environ["PATH"], **NO_KEYRING, **variables}
    found = destination(to, named or {}, environment)
    return CredentialResolver(found.target, found.credentials, environment).access()


def pypirc(home: Path, text: str) -> Path:
    """Write the .pypirc."""
    path = home / ".pypirc"
    path.write_text(text, encoding="utf-8")
    return path


def test_known_names(tmp_path: Path) -> None:
    """PyPI and TestPyPI are known without any settings, with the pages of their releases."""
    for name in ("pypi", "testpypi"):
        target = destination(name, {}, {"HOME": str(tmp_path)}).target
        assert targets.is_pypi(target)
        assert target.simple.endswith("/simple/")
        assert target.page_of("acme", "1.0").endswith("/project/acme/1.0/")


def test_settings_override_pypirc(tmp_path: Path) -> None:
    """The addresses of the settings override those of .pypirc, whose credentials are still used."""
    pypirc(tmp_path, "[distutils]\nindex-servers = ours\n[ours]\nrepository = https://old.invalid/\nusername = me\n")
    environment = {"HOME": str(tmp_path)}
    assert destination("ours", {}, environment).target.upload == "https://old.invalid/"
    named = {"ours": IndexAddress("https://new.invalid/up/", "https://new.invalid/simple")}
    found = destination("ours", named, environment)
    assert (found.target.upload, found.target.simple) == ("https://new.invalid/up/", "https://new.invalid/simple/")
    assert found.credentials.username == "me"


@pytest.mark.parametrize("name", ["pypi", "testpypi", "PyPI"])
def test_names_of_pypi_are_not_given_away(name: str, tmp_path: Path) -> None:
    """A project's settings cannot send the token for PyPI elsewhere, whatever index is released to."""
    pypirc(tmp_path, f"[pypi]\nusername = __token__\npassword = {token()}\n")
    for to in ("pypi", "testpypi", name):
        for address in (IndexAddress("https://elsewhere.invalid/up/"), IndexAddress("", "https://elsewhere.invalid/")):
            with pytest.raises(UsageError, match=f"index.{name}. is not allowed"):
                destination(to, {name: address}, {"HOME": str(tmp_path)})


@pytest.mark.parametrize(
    "name", ["pypi ", "\tpypi", "p\u0443pi", "pypi\u200b", "\u202eipyp", "pypi\n", "py pi", "pypi/", ".pypi"]
)
def test_names_that_look_like_another(name: str, tmp_path: Path) -> None:
    """A name that a person could read as `pypi` before a release is refused."""
    with pytest.raises(UsageError, match="can be read as another name") as raised:
        destination(name, {name: IndexAddress("https://elsewhere.invalid/up/")}, {"HOME": str(tmp_path)})
    assert raised.value.message.isascii() and raised.value.message.isprintable()


@pytest.mark.parametrize(
    ("upload", "refused"),
    [
        ("https://evil.invalid/up/", True),
        ("https://ours.invalid:8443/up/", True),
        ("https://ours.invalid.evil.invalid/", True),
        ("https://ours.invalid@evil.invalid/", True),
        ("https://ours.invalid/another/", False),
        ("https://ours.invalid:443/up/", False),
    ],
)
def test_password_of_another_server(upload: str, refused: bool, tmp_path: Path) -> None:
    """A password in .pypirc goes to the server that its section names."""
    section = f"[ours]\nrepository = https://ours.invalid/up/\nusername = me\npassword = {PLANTED}\n"
    pypirc(tmp_path, f"[distutils]\nindex-servers = ours\n{section}")
    environment = {"HOME": str(tmp_path)}
    if not refused:
        assert destination("ours", {"ours": IndexAddress(upload)}, environment).credentials.password == PLANTED
        return
    with pytest.raises(UsageError, match="its password would go to another server") as raised:
        destination("ours", {"ours": IndexAddress(upload)}, environment)
    assert PLANTED not in raised.value.full_message


def test_unlisted_section(tmp_path: Path) -> None:
    """A section that `index-servers` does not list is ignored, and the message says so."""
    section = f"[ours]\nrepository = https://host.invalid/\nusername = me\npassword = {PLANTED}\n"
    pypirc(tmp_path, f"[distutils]\nindex-servers =\n  theirs\n[theirs]\n{section}")
    with pytest.raises(UsageError) as raised:
        destination("ours", {}, {"HOME": str(tmp_path)})
    assert "a section [ours] that `index-servers` in [distutils] does not list" in raised.value.message
    assert "Add ours to `index-servers`" in raised.value.hint
    with pytest.raises(UsageError, match="no index 'nowhere'"):
        destination("nowhere", {}, {"HOME": str(tmp_path)})
    there = access("ours", tmp_path, {"ours": IndexAddress("https://host.invalid/")})
    assert there.credentials.value == "missing"
    assert "which is not in its index-servers" in there.why


def test_credentials_in_a_url(tmp_path: Path) -> None:
    """They are used, and are removed from the name, the address and the representation."""
    found = destination(f"https://me:{PLANTED}@host.invalid/legacy/", {}, {"HOME": str(tmp_path)})
    assert found.target.upload == found.target.name == "https://host.invalid/legacy/"
    assert found.credentials.password == PLANTED
    assert PLANTED not in repr(found)


@pytest.mark.parametrize(
    ("to", "message"),
    [
        (f"http://me:{PLANTED}@host.invalid/legacy/", "is http: http://host.invalid/legacy/"),
        (f"ftp://me:{PLANTED}@host.invalid/", "is not an http or https URL"),
        (f"https://me:{PLANTED}/oops@host.invalid/", "is not a valid URL"),
        (f"https://[me:{PLANTED}@host/", "is not a valid URL"),
        ("nowhere", "no index 'nowhere'"),
    ],
)
def test_unusable_target(to: str, message: str, tmp_path: Path) -> None:
    """http to another machine, an invalid URL or an unknown name is an error that shows no secret."""
    with pytest.raises(UsageError) as raised:
        destination(to, {}, {"HOME": str(tmp_path)})
    assert message in raised.value.message
    assert PLANTED not in f"{raised.value.message} {raised.value.hint}"


@pytest.mark.parametrize("text", [f"password = {PLANTED}\n", f"[pypi]\n{PLANTED}\n", f"[a]\n[a]\npassword={PLANTED}\n"])
def test_malformed_pypirc(text: str, tmp_path: Path) -> None:
    """It is reported by its line, and its content is not shown."""
    pypirc(tmp_path, text)
    there = access("pypi", tmp_path)
    assert there.credentials.value == "malformed"
    assert ".pypirc:" in there.why
    with pytest.raises(UsageError) as raised:
        destination("ours", {}, {"HOME": str(tmp_path)})
    assert PLANTED not in f"{there!r} {raised.value.message} {raised.value.hint}"


@pytest.mark.parametrize(
    ("to", "variables", "credentials", "message"),
    [
        ("pypi", {}, "missing", "no password in TWINE_PASSWORD, the section [pypi]"),
        ("pypi", {"TWINE_PASSWORD": ""}, "missing", "set but empty"),
        ("pypi", {"TWINE_PASSWORD": token()}, "present", "TWINE_PASSWORD"),
        ("pypi", {"TWINE_PASSWORD": token(TESTPYPI)}, "malformed", "an API token of another index"),
        ("pypi", {"TWINE_PASSWORD": f"{token()}\n"}, "malformed", "white space"),
        ("pypi", {"TWINE_PASSWORD": "pypi-short"}, "malformed", "cut short"),
        ("pypi", {"TWINE_PASSWORD": PLANTED}, "malformed", "it is not an API token"),
        ("pypi", {"TWINE_USERNAME": "me", "TWINE_PASSWORD": token()}, "malformed", "the user name must be __token__"),
        ("pypi", {"UV_PUBLISH_TOKEN": token()}, "missing", "UV_PUBLISH_TOKEN is for another program"),
        ("pypi", {"GITHUB_ACTIONS": "true"}, "missing", "id-token: write"),
        (
            "pypi",
            {"GITHUB_ACTIONS": "true", "ACTIONS_ID_TOKEN_REQUEST_URL": "x", "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "y"},
            "present",
            "trusted publishing",
        ),
        ("https://host.invalid/", {"TWINE_PASSWORD": PLANTED}, "malformed", "no user name"),
        ("https://host.invalid/", {"TWINE_USERNAME": "me", "TWINE_PASSWORD": PLANTED}, "present", "TWINE_PASSWORD"),
        (f"https://me:{PLANTED}@host.invalid/", {}, "present", "the URL"),
    ],
)
def test_credentials(to: str, variables: dict[str, str], credentials: str, message: str, tmp_path: Path) -> None:
    """Credentials are present, missing or malformed, with their source or the problem, and never with the value."""
    there = access(to, tmp_path, {}, **variables)
    assert there.credentials.value == credentials, there
    assert message in f"{there.source}: {there.why}"
    for secret in (PLANTED, token(), token(TESTPYPI)):
        assert secret not in repr(there)


def planted(folder: Path, does: str) -> dict[str, str]:
    """The variables for a keyring that runs this expression when it is asked for a password."""
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
    """The credentials that are found with such a keyring."""
    return access("https://host.invalid/", folder, {}, **planted(folder, does))


def test_keyring(tmp_path: Path) -> None:
    """The keyring is asked for the user of the environment."""
    there = with_keyring(tmp_path, f"return {PLANTED!r} if username == 'me' else None")
    assert (there.credentials.value, there.source) == ("present", "the keyring")
    assert PLANTED not in repr(there)


def counted(folder: Path) -> tuple[dict[str, str], Path]:
    """The variables of a keyring that writes a line into a file each time it is asked, and the file."""
    asked = folder / "asked"
    return planted(folder, f"return open({str(asked)!r}, 'a').write('x\\n') and {PLANTED!r}"), asked


def test_keyring_is_asked_once_by_tasks(tmp_path: Path) -> None:
    """Parallel tasks ask the keyring once: it may prompt a person."""
    variables, asked = counted(tmp_path)
    found = destination("https://host.invalid/", {}, {"HOME": str(tmp_path)})
    resolver = CredentialResolver(found.target, found.credentials, {"PATH": os.environ["PATH"], **variables})
    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(lambda _: resolver.access(), range(4)))
    assert {answer.source for answer in answers} == {"the keyring"}
    assert asked.read_text(encoding="utf-8").splitlines() == ["x"]


def test_keyring_is_asked_once_by_a_run(tmp_path: Path) -> None:
    """Discovery, reading and uploading share one resolver of credentials."""
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
    ("does", "message"),
    [
        ("time.sleep(600)", "the keyring did not answer within 1 s"),
        ("subprocess.run([sys.executable, '-c', 'import time; time.sleep(20)'])", "did not answer within 1 s"),
        (f"raise RuntimeError({PLANTED!r})", "or the keyring"),
        (f"print({PLANTED!r}) or os._exit(3)", "or the keyring"),
    ],
    ids=["hangs", "waits for a program", "raises", "dies"],
)
def test_keyring_without_an_answer(does: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A keyring that blocks or fails ends after its time limit, without credentials."""
    if "did not answer" in message:
        monkeypatch.setattr(credentials, "_KEYRING_TIMEOUT", 1.0)
    there = with_keyring(tmp_path, does)
    assert there.credentials.value == "missing"
    assert message in there.why
    assert PLANTED not in repr(there)


def test_discovery(tmp_path: Path) -> None:
    """The simple API is found at one of the usual URLs, from the URL for uploads."""
    with running(tmp_path) as index:
        found = targets.discover(Target("x", f"{index.url}/legacy/"), "acme-sound")
        assert found.simple == f"{index.url}/simple/"
    with pypi_server(tmp_path) as url:
        assert targets.discover(Target("x", url), "acme-sound").simple == f"{url}/simple/"
    assert targets.usual_simple_urls("https://h.invalid/me/dev/")[2] == "https://h.invalid/me/dev/+simple/"
