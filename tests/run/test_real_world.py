"""Which run a lane is about."""

from __future__ import annotations

from pathlib import Path

import pytest

from omni_release import project, source_tree
from omni_release.adapters.files import LocalFiles
from omni_release.adapters.processes import LocalProcesses
from omni_release.core.documents import to_json
from omni_release.core.runs import Request, RunStore
from omni_release.run import real_world

OLD, NEW = "20261120-000000-000", "20261121-000000-000"


@pytest.mark.parametrize(
    ("lane", "damaged", "expected"),
    [("doctor", NEW, OLD), ("doctor", OLD, NEW), ("tests", "", NEW), ("tests", OLD, NEW), ("tests", NEW, "")],
)
def test_run_of_this_tree(lane: str, damaged: str, expected: str, tmp_path: Path) -> None:
    """A lane goes on with a run of the same tree, whatever a damaged run beside it has; else it begins a new one."""
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "acme"\nversion = "1"\n', encoding="utf-8")
    store, processes = RunStore(tmp_path, LocalFiles()), LocalProcesses(str)
    tree = source_tree.fingerprint(tmp_path, processes)
    for name in (OLD, NEW):
        folder = store.path / "runs" / name
        folder.mkdir(parents=True)
        pinned = to_json({"tree": tree, "commit": None, "artifacts": []})
        (folder / "artifacts.json").write_text("{torn" if name == damaged else pinned, encoding="utf-8")
    request = Request(lane, project.load(tmp_path))
    found = real_world._run_folder(request, store, processes).path.name
    assert found == expected if expected else found not in (OLD, NEW)
