"""A run's own index."""

from __future__ import annotations

from pathlib import Path

import requests

from omni_release.adapters.index import Rehearsal
from omni_release.core import documents
from omni_release.core.world import FileState
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


def test_files_persist(tmp_path: Path) -> None:
    """A later process of the run finds the uploaded files."""
    first = Rehearsal(tmp_path / "index", "acme-sound", {})
    made, other = wheel(tmp_path), wheel(tmp_path / "other", metadata(about="other"))
    secret = next(iter(first.secrets.values()))()
    data = {"name": "acme-sound", "version": "1.0", "metadata_version": "2.1", "filetype": "bdist_wheel"}
    data |= {"sha256_digest": documents.artifact_of(made).sha256}
    with made.open("rb") as content:
        files = {"content": content}
        answer = requests.post(first.target.upload, data=data, files=files, auth=("rehearsal", secret), timeout=9)
    assert answer.status_code == 200, answer.text
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
