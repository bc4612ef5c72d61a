"""The record of a rebuild: what a release takes, and every record that it refuses."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from omni_release import project
from omni_release.adapters.files import LocalFiles
from omni_release.builds import evidence
from omni_release.builds.evidence import RebuildRecord, rebuilt_elsewhere
from omni_release.builds.record import BuildEnvironment, InstalledPackage
from omni_release.core import build_place, documents
from omni_release.core.build_place import BuildPlace
from omni_release.core.errors import Inconclusive, NotApplicable, OmniReleaseError, UsageError
from omni_release.core.model import Artifact, Release
from omni_release.core.world import World

FILES = (Artifact("acme-1.0-py3-none-any.whl", 9, "a" * 64), Artifact("acme-1.0.tar.gz", 8, "b" * 64))
OTHER = (FILES[0], replace(FILES[1], sha256="c" * 64))
HERE, THERE = BuildPlace("one"), BuildPlace("two")
JOB, OTHER_JOB = BuildPlace("same", "run 1 build runner 1"), BuildPlace("same", "run 1 rebuild runner 2")


def environment(place: BuildPlace) -> BuildEnvironment:
    installed = (InstalledPackage("hatchling", "1.27.0", "f" * 64),)
    return BuildEnvironment(
        "3.13.1", "cpython", "linux-x86_64", 1, "022", FILES[0].name, ("hatchling",), installed, place
    )


RECORD = RebuildRecord(
    id="20261126-000000-0001",
    at="2026-11-26T00:00:00+00:00",
    project="acme",
    version="1.0",
    run="20261126-000000-000",
    commit="c0ffee",
    source="https://git.invalid/acme",
    tool="omni-release 1",
    result="equal",
    artifacts=FILES,
    rebuilt=FILES,
    differences=(),
    built=environment(HERE),
    rebuild=environment(THERE),
)


def written(folder: Path, found: RebuildRecord = RECORD, name: str = "record.json") -> Path:
    found.write(folder / name, LocalFiles())
    return folder / name


def test_as_it_was_written(tmp_path: Path) -> None:
    """A record is read as it was written, and its schema is documented by its keys."""
    path = written(tmp_path)
    assert evidence.read(path) == RECORD
    assert list(json.loads(path.read_text()))[:3] == ["schema_version", "kind", "id"]


def _with(**changes: Any) -> Callable[[dict[str, Any]], None]:
    return lambda content: content.update(changes)


def _sealed(change: Callable[[dict[str, Any]], None]) -> Callable[[dict[str, Any]], None]:
    """The change, with a digest that is right."""

    def changed(content: dict[str, Any]) -> None:
        change(content)
        content.pop("digest")
        content["digest"] = evidence._digest(content)

    return changed


CHANGES: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "result": (_with(result="different"), "its digest is another one"),
    "hash": (lambda content: content["artifacts"][0].update(sha256="c" * 64), "its digest is another one"),
    "place": (lambda content: content["rebuild"]["place"].update(machine="three"), "its digest is another one"),
    "no digest": (lambda content: content.pop("digest"), "its digest is another one"),
    "another kind": (_with(kind="approval"), "is no record of a rebuild"),
    "another version": (_sealed(_with(schema_version=2)), "another version of omni-release"),
    "unknown result": (_sealed(_with(result="fine")), "is no record of a rebuild"),
    "another type": (_sealed(_with(artifacts="all")), "is no record of a rebuild"),
    "unknown key": (_sealed(_with(more=1)), "keys that are not those of a record"),
    "an id that is a path": (_sealed(_with(id="../../x")), "its id is '../../x'"),
    "lacking key": (_sealed(lambda content: content.pop("commit")), "is no record of a rebuild"),
}


@pytest.mark.parametrize("kind", CHANGES)
def test_changed_record(kind: str, tmp_path: Path) -> None:
    """A record that was changed, or that is none, is refused by name."""
    path = written(tmp_path)
    content = json.loads(path.read_text())
    change, expected = CHANGES[kind]
    change(content)
    path.write_text(json.dumps(content))
    with pytest.raises(UsageError, match=expected):
        evidence.read(path)


@pytest.mark.parametrize("text", ["", "[]", "{", '"equal"', "[" * 100_000, " " * 5_000_000, "\xff\xfe"])
def test_other_file(text: str, tmp_path: Path) -> None:
    """Any other file is refused, and so is one that is not there."""
    path = tmp_path / "record.json"
    path.write_text(text, encoding="latin-1")
    for given in (path, tmp_path / "none.json", tmp_path):
        with pytest.raises(UsageError):
            evidence.read(given)


REFUSED: dict[str, tuple[dict[str, Any], BuildPlace | None, str]] = {
    "sound": ({}, HERE, ""),
    "files that were given to the run": ({}, None, ""),
    "given, and rebuilt where they were built": ({"rebuild": environment(HERE)}, None, "where the run was built"),
    "another job": ({"rebuild": environment(OTHER_JOB)}, JOB, ""),
    "a job and a machine": ({"rebuild": environment(OTHER_JOB)}, HERE, ""),
    "different, of the same place": ({"result": "different", "rebuild": environment(HERE)}, HERE, ""),
    "other bytes": ({"artifacts": OTHER}, HERE, "for other files: acme-1.0.tar.gz"),
    "fewer files": ({"artifacts": FILES[:1], "rebuilt": FILES[:1]}, HERE, "for other files: acme-1.0.tar.gz"),
    "more files": ({"artifacts": (*FILES, replace(FILES[0], name="x"))}, HERE, "for other files: x"),
    "another commit": ({"commit": "decaf"}, HERE, "for another commit"),
    "equal, of other hashes": ({"rebuilt": OTHER}, HERE, "lists other hashes"),
    "the same machine": ({"rebuild": environment(HERE)}, HERE, "where the run was built"),
    "the same job": ({"rebuild": environment(JOB)}, JOB, "where the run was built"),
    "jobs on one machine": (
        {"rebuild": environment(BuildPlace("one"))},
        HERE,
        "where the run was built",
    ),
    "no place": ({"rebuild": environment(BuildPlace())}, HERE, "does not say where"),
    "no place of the build": ({}, BuildPlace(), "does not say where"),
    "no rebuild": ({"rebuild": None}, HERE, "does not say where"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_refused(kind: str) -> None:
    """A record counts only for these bytes, of this commit, from another place."""
    changes, place, expected = REFUSED[kind]
    found = evidence.refused(replace(RECORD, **changes), FILES, "c0ffee", place)
    assert expected in found and bool(found) is bool(expected)


@pytest.fixture
def asked(tmp_path: Path, world: World) -> Release:
    """A release that requires a rebuild, whose run has built `FILES` here."""
    root = tmp_path / "acme"
    root.mkdir()
    (root / "pyproject.toml").write_text(
        '[project]\nname = "acme"\nversion = "1.0"\n[tool.omni-release.publish]\nrebuilt-elsewhere = true\n'
    )
    folder = tmp_path / "run"
    pinned = {"tree": "t", "commit": "c0ffee", "artifacts": [dataclasses.asdict(file) for file in FILES]}
    (folder / "artifacts.json").write_text(documents.to_json(pinned))
    (folder / "build-environment.json").write_text(documents.to_json(dataclasses.asdict(environment(HERE))))
    return Release(project.load(root), "1.0", "pypi", None, folder, tmp_path / "work", Path())  # type: ignore[arg-type]  # unused


SAME = replace(RECORD, id="2", rebuild=environment(HERE))
DIFFERENT = replace(RECORD, id="3", result="different", rebuilt=OTHER, differences=("acme/b.py: content",))
UNKNOWN = replace(RECORD, id="4", result="inconclusive", rebuilt=())
RELEASES: dict[str, tuple[list[RebuildRecord], list[str]]] = {
    "equal": ([RECORD], [""]),
    "equal, and one from here": ([SAME, RECORD], [""]),
    "from here alone": ([SAME], ["rebuild-refused"]),
    "of other bytes": ([replace(RECORD, artifacts=OTHER, rebuilt=OTHER)], ["rebuild-refused"]),
    "different": ([DIFFERENT], ["rebuild-differs"]),
    "equal and different": ([RECORD, DIFFERENT], ["rebuild-differs", ""]),
    "inconclusive": ([UNKNOWN], ["inconclusive"]),
    "none": ([], ["inconclusive"]),
}


@pytest.mark.parametrize("handed", [False, True], ids=["in the run folder", "handed over"])
@pytest.mark.parametrize("kind", RELEASES)
def test_release(kind: str, handed: bool, asked: Release, world: World, tmp_path: Path) -> None:
    """A release passes with an equal record alone; what is unknown is inconclusive, and blocks."""
    records, expected = RELEASES[kind]
    folder = tmp_path / "handed" if handed else asked.folder / evidence.FOLDER
    paths = [written(folder, found, f"{found.id}.json") for found in records]
    release = replace(asked, rebuilds=tuple(paths) if handed else ())
    said: list[str] = []
    try:
        said += [finding.rule for finding in rebuilt_elsewhere(release, world)]
    except Inconclusive as error:
        said.append("inconclusive")
        assert "--rebuilt FILE" in error.hint
    assert said == expected


def test_not_asked_for(asked: Release, world: World) -> None:
    """Without the setting, and before the build, there is nothing to check."""
    settings = asked.project.settings
    unset = replace(settings, publish=settings.publish._replace(rebuilt_elsewhere=False))
    before = replace(asked, project=replace(asked.project, settings=unset))
    with pytest.raises(NotApplicable, match="is not set"):
        list(rebuilt_elsewhere(before, world))
    (asked.folder / "artifacts.json").unlink()
    with pytest.raises(NotApplicable, match="nothing is built"):
        list(rebuilt_elsewhere(asked, world))


def test_hand_over(asked: Release, tmp_path: Path) -> None:
    """Only what is for the run's files is kept there; a file that is no record is an error."""
    other = written(tmp_path, replace(RECORD, id="5", artifacts=OTHER), "other.json")
    evidence.hand_over((written(tmp_path), other), asked.folder, FILES, LocalFiles())
    assert [path.name for path in (asked.folder / evidence.FOLDER).iterdir()] == [f"{RECORD.id}.json"]
    with pytest.raises(OmniReleaseError):
        evidence.hand_over((tmp_path / "none.json",), asked.folder, FILES, LocalFiles())


def test_here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A job is a place of its own on GitHub's runners alone; the machine's id is not shown."""
    (tmp_path / "machine-id").write_text("0123456789abcdef\n")
    monkeypatch.setattr(build_place, "_FILES", (tmp_path / "none", tmp_path / "machine-id"))
    monkeypatch.setattr("platform.system", lambda: "Linux")
    own = {"GITHUB_ACTIONS": "true", "GITHUB_RUN_ID": "1", "GITHUB_JOB": "build", "RUNNER_NAME": "GitHub Actions 2"}
    hosted = own | {"RUNNER_ENVIRONMENT": "github-hosted"}
    machine = build_place.here({})
    assert (len(machine.machine), machine.job, "0123" in machine.machine) == (64, "", False)
    assert build_place.here(own) == machine == build_place.here(own | {"RUNNER_ENVIRONMENT": "self-hosted"})
    assert build_place.here(hosted).is_other(build_place.here(hosted | {"GITHUB_JOB": "rebuild"}))
    assert not build_place.here(hosted).is_other(build_place.here(hosted))
    monkeypatch.setattr(build_place, "_FILES", ())
    assert build_place.here({}) == BuildPlace()
    assert build_place.here({}).is_other(machine) is None
