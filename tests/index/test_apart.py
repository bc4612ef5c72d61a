"""The index that this machine installs from, asked by another process."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
from pathlib import Path

import pytest

from omni_release.adapters.index import MachineIndex
from omni_release.core.errors import Inconclusive
from omni_release.core.world import World
from tests.index.test_client import answering

FILES = [
    {"filename": "acme-1.0-py3-none-any.whl", "url": "a.whl", "hashes": {"sha256": "0" * 64}, "yanked": "broken"},
    {"filename": "acme-1.1-py3-none-any.whl", "url": "b.whl", "hashes": {}, "upload-time": "2026-11-20T10:11:00Z"},
    {"filename": "acme-1.2-py3-none-any.whl", "url": "c.whl", "hashes": {}, "upload-time": "2026-11-21T10:11:00"},
    {"filename": "acme-1.3.tar.gz", "url": "d", "hashes": {}, "upload-time": "2026-11-22T10:11:00+02:00"}
    | {"requires-python": ">=3.14"},
]
PAGE = json.dumps({"meta": {"api-version": "1.1"}, "name": "acme", "files": FILES})


def test_files(world: World) -> None:
    """The files come with all that the index states, as without another process."""
    with answering(PAGE, content_type="application/vnd.pypi.simple.v1+json") as url:
        environment = {**os.environ, "PIP_INDEX_URL": url}
        found = MachineIndex(environment, world.processes).files("acme")
        assert found == MachineIndex(environment).files("acme")
    assert [(file.yanked, str(file.uploaded), file.requires_python) for file in found] == [
        ("broken", "None", ""),
        (None, "2026-11-20 10:11:00+00:00", ""),
        (None, "2026-11-21 10:11:00+00:00", ""),
        (None, "2026-11-22 08:11:00+00:00", ">=3.14"),
    ]


def test_page_that_takes_the_libraries(world: World) -> None:
    """A page in HTML is read, and an index that is not there is an error, as without another process."""
    page = f'<!DOCTYPE html><body><a href="a.whl#sha256={"0" * 64}">acme-1.0-py3-none-any.whl</a></body>'
    with answering(page, content_type="text/html") as url:
        environment = {**os.environ, "PIP_INDEX_URL": url}
        found = MachineIndex(environment, world.processes).files("acme")
        assert found == MachineIndex(environment).files("acme")
    assert [(file.name, file.sha256) for file in found] == [("acme-1.0-py3-none-any.whl", "0" * 64)]
    with pytest.raises(Inconclusive, match="does not list its files"):
        MachineIndex(environment, world.processes).files("acme")


def test_fetch(world: World, tmp_path: Path) -> None:
    """A file that is kept is not asked for again; other bytes than listed are not taken, and no part is left."""
    with answering(PAGE, content_type="application/vnd.pypi.simple.v1+json") as url:
        index = MachineIndex({**os.environ, "PIP_INDEX_URL": url}, world.processes)
        file = index.files("acme")[0]
        with pytest.raises(Inconclusive, match="has another sha256 than the index lists"):
            index.fetch(file, tmp_path)
    assert list(tmp_path.rglob("*.whl")) == []
    sha256 = hashlib.sha256(b"kept").hexdigest()
    kept = tmp_path / sha256 / file.name
    kept.parent.mkdir()
    kept.write_bytes(b"kept")
    assert index.fetch(dataclasses.replace(file, sha256=sha256), tmp_path) == kept
