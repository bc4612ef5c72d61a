"""A run's own index."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import requests

from omni_release.adapters.index import Rehearsal, SharedServer
from omni_release.core import documents
from omni_release.core.world import FileState
from omni_release.index.client import Client
from tests.index.support import metadata, ran, sdist, wheel


def test_rehearsal_index(tmp_path: Path) -> None:
    """It is started on first use, takes an upload with its own password, and is stopped with the run."""
    import sys

    index = Rehearsal(tmp_path / "index", "acme-sound", {"PIP_INDEX_URL": "http://127.0.0.1:9/simple"})
    made = wheel(tmp_path)
    index.close()  # never started: nothing to end
    assert index.file_statuses("acme-sound", [documents.artifact_of(made)])[0].state is FileState.ABSENT
    access = index.access()
    (variable,), (name,) = access.secrets.keys(), access.secrets.values()
    secret = index.secrets[name]()
    argv = [
        sys.executable,
        "-m",
        "twine",
        "upload",
        "--non-interactive",
        "--repository-url",
        index.target.upload,
        str(made),
    ]
    ended = ran(argv, tmp_path, {**access.environment, variable: secret})
    assert ended.code == 0, ended.said
    assert secret not in ended.said
    assert [file.name for file in index.files("acme-sound")] == [made.name]
    dependency = requests.get(f"{index.target.simple}dep/", timeout=9, allow_redirects=False)
    assert (dependency.status_code, dependency.headers["Location"]) == (307, "http://127.0.0.1:9/simple/dep/")
    url = index.target.simple
    index.close()
    assert (
        Rehearsal(tmp_path / "index", "acme-sound", {}).files("acme-sound")[0].sha256
        == documents.artifact_of(made).sha256
    )
    try:
        requests.get(url, timeout=2)
    except requests.ConnectionError:
        return
    raise AssertionError("the index still answers")


def uploaded(index: Rehearsal, made: Path) -> None:
    """Upload a wheel to the index."""
    secret = next(iter(index.secrets.values()))()
    data = {"name": "acme-sound", "version": "1.0", "metadata_version": "2.1", "filetype": "bdist_wheel"}
    data |= {"sha256_digest": documents.artifact_of(made).sha256}
    with made.open("rb") as content:
        files = {"content": content}
        answer = requests.post(index.target.upload, data=data, files=files, auth=("rehearsal", secret), timeout=9)
    assert answer.status_code == 200, answer.text


def test_files_persist(tmp_path: Path) -> None:
    """A later process of the run finds the uploaded files."""
    first = Rehearsal(tmp_path / "index", "acme-sound", {})
    made, other = wheel(tmp_path), wheel(tmp_path / "other", metadata(about="other"))
    uploaded(first, made)
    first.close()
    second = Rehearsal(tmp_path / "index", "acme-sound", {})
    wanted = [
        documents.artifact_of(made),
        documents.artifact_of(other),
        documents.artifact_of(sdist(tmp_path)),
    ]
    told = [each.state for each in second.file_statuses("acme-sound", wanted)]
    second.close()
    assert told == [FileState.OURS, FileState.OTHER_BYTES, FileState.ABSENT]


def test_shared_server(tmp_path: Path) -> None:
    """Several runs have one server: each uploads to its own project alone, and both are listed."""
    server = SharedServer()
    first = Rehearsal(tmp_path / "first", "acme-sound", {}, shared=server)
    second = Rehearsal(tmp_path / "second", "acme-other", {}, shared=server)
    assert first.target == second.target
    uploaded(first, wheel(tmp_path))
    with pytest.raises(AssertionError, match="token is for another project"):
        uploaded(second, wheel(tmp_path))
    assert [len(first.files(name)) for name in ("acme-sound", "acme-other")] == [1, 0]
    page = requests.get(first.target.simple, timeout=9).text
    assert "acme-sound" in page and "acme-other" in page
    first.close()
    assert second.files("acme-other") == ()
    server.close()


def _without_record(held: Path, made: Path) -> None:
    held.unlink()


def _other_bytes(held: Path, made: Path) -> None:
    (held.parent.parent / "files" / made.name).write_bytes(bytes(made.stat().st_size))


def _other_hash(held: Path, made: Path) -> None:
    held.write_text(held.read_text().replace(documents.artifact_of(made).sha256, "0" * 64))


@pytest.mark.parametrize(
    ("change", "state", "parsed"),
    [
        (lambda held, made: None, FileState.OURS, False),
        (_without_record, FileState.ABSENT, False),
        (_other_bytes, FileState.OTHER_BYTES, True),
        (_other_hash, FileState.OTHER_BYTES, True),
    ],
)
def test_own_pages(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    change: Callable[[Path, Path], None],
    state: FileState,
    parsed: bool,
) -> None:
    """Its pages are parsed only where they, or the bytes, are not as expected; both ways come to the same."""
    index, made = Rehearsal(tmp_path / "index", "acme-sound", {}), wheel(tmp_path)
    forms: list[str] = []
    ask = Client._read_page

    def read_page(client: Client, project: str, form: str) -> object:
        forms.append(form)
        return ask(client, project, form)

    with monkeypatch.context() as patched:
        patched.setattr(Client, "_read_page", read_page)
        assert index.files("acme-sound") == ()
        uploaded(index, made)
        wanted = documents.artifact_of(made)
        change(tmp_path / "index" / "held" / f"{made.name}.json", made)
        (found,) = index.file_statuses("acme-sound", [wanted])
    client = index._client
    assert (found.state, bool(forms)) == (state, parsed), found
    assert client.file_statuses("acme-sound", [wanted]) == (found,)
    assert [(file.name, file.sha256, file.uploaded) for file in index.files("acme-sound")] == [
        (file.name, file.sha256, file.uploaded) for file in client.files("acme-sound")
    ]
    index.close()
