"""What a run states of its build, read from its folder and from its report."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from omni_release.adapters.files import LocalFiles
from omni_release.builds import record
from omni_release.core.errors import OmniReleaseError
from omni_release.core.journal import RunFolder

ENVIRONMENT: dict[str, Any] = {
    "python": "3.13.1",
    "implementation": "cpython",
    "platform": "linux-x86_64",
    "epoch": 1,
    "umask": "022",
    "wheel": "acme-1.0-py3-none-any.whl",
    "requirements": ["hatchling"],
    "installed": [
        {"name": "hatchling", "version": "1.27.0", "files": "f"},
        {"name": "own-plugin", "version": "1", "files": "f", "origin": "https://git.invalid/own@c0ffee"},
    ],
    "place": {"machine": "m", "job": ""},
}
REPORT: dict[str, Any] = {
    "artifacts": [{"name": "acme-1.0.tar.gz", "size": 1, "sha256": "a" * 64}],
    "run": "C:\\acme\\.omni-release\\runs\\20261126-000000-000",
    "build": {"commit": "c" * 40, "tree": "t", "inside": "packages/acme", "environment": ENVIRONMENT},
}


def test_report(tmp_path: Path) -> None:
    """A report alone says what is to be built; what is from no index is no pin."""
    path = tmp_path / "report.json"
    path.write_text(json.dumps(REPORT))
    built = record.in_report(path, None)
    assert (built.run, built.inside, built.folder) == ("20261126-000000-000", "packages/acme", None)
    commit, environment = built.require_complete()
    assert (commit, environment.minor, environment.pins) == ("c" * 40, "3.13", ("hatchling==1.27.0",))
    (tmp_path / "build-environment.json").write_text(json.dumps(ENVIRONMENT))
    assert record.read(tmp_path) == environment
    assert json.loads(json.dumps(dataclasses.asdict(environment)))["place"] == ENVIRONMENT["place"]


def _installed(**changes: str) -> dict[str, Any]:
    return {**ENVIRONMENT, "installed": [{**ENVIRONMENT["installed"][0], **changes}]}


REFUSED: dict[str, dict[str, Any]] = {
    "an older report": {key: REPORT[key] for key in ("artifacts", "run")},
    "a report of no run": REPORT | {"run": None},
    "an option as a version": REPORT | {"build": REPORT["build"] | {"environment": _installed(version="1\n-i http://x")}},
    "an option as a name": REPORT | {"build": REPORT["build"] | {"environment": _installed(name="-i http://x")}},
    "a commit that is a number": REPORT | {"build": REPORT["build"] | {"commit": 7}},
    "artifacts of another form": REPORT | {"artifacts": [{"name": 5, "size": 1, "sha256": "a"}]},
    "a list": REPORT | {"build": []},
    "another type": REPORT | {"build": REPORT["build"] | {"environment": {**ENVIRONMENT, "epoch": "now"}}},
    "a path as a name": REPORT | {"artifacts": [{"name": "../acme-1.0.tar.gz", "size": 1, "sha256": "a" * 64}]},
    "another name": REPORT | {"artifacts": [{"name": "acme.zip", "size": 1, "sha256": "a" * 64}]},
    "no hash": REPORT | {"artifacts": [{"name": "acme-1.0.tar.gz", "size": 1, "sha256": "a"}]},
}  # fmt: skip


@pytest.mark.parametrize("kind", REFUSED)
def test_refused(kind: str, tmp_path: Path) -> None:
    """Nothing is taken from a report that no rehearsal has written like this."""
    path = tmp_path / "report.json"
    path.write_text(json.dumps(REFUSED[kind]))
    with pytest.raises(OmniReleaseError) as error:
        record.in_report(path, None)
    assert error.value.hint
    with pytest.raises(OmniReleaseError, match="cannot be read: No such file"):
        record.in_report(tmp_path / "none.json", None)


@pytest.mark.parametrize("pinned", [{"commit": 7}, {"tree": 7}, {"artifacts": [{"name": 5, "size": 1, "sha256": 2}]}])
def test_other_form(pinned: dict[str, Any], tmp_path: Path) -> None:
    """A run folder that another program has written is refused by name."""
    (tmp_path / "artifacts.json").write_text(json.dumps(pinned))
    with pytest.raises(OmniReleaseError, match=r"artifacts\.json"):
        record.of_run(RunFolder(tmp_path, LocalFiles()))
