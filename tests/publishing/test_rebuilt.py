"""A release that requires a rebuild elsewhere: nothing is sent without a record that it takes."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from omni_release import distributions
from omni_release.adapters.files import LocalFiles
from omni_release.builds import evidence, record
from omni_release.builds.evidence import RebuildRecord
from omni_release.builds.record import BuildEnvironment
from omni_release.core.build_place import BuildPlace
from omni_release.core.journal import RunFolder
from tests.publishing.support import Place, Runner, outside, rehearsed
from tests.publishing.test_terminal import AFTERWARDS
from tests.run import releases

REQUIRED = "\n[tool.omni-release.publish]\nrebuilt-elsewhere = true\n"


def handed(place: Place, **changes: object) -> Path:
    """A file with the record of a rebuild in another place, with changes."""
    built = record.of_run(RunFolder(place.run, LocalFiles()))
    commit, environment = built.require_complete()
    other = dataclasses.replace(environment, place=BuildPlace("another machine"))
    sound = RebuildRecord(
        *("0001", "2026-11-26T00:00:00+00:00", "acme-sound", "1.2.3", built.run, commit),
        source="https://git.invalid/acme",
        tool="omni-release",
        result="equal",
        artifacts=built.artifacts,
        rebuilt=built.artifacts,
        differences=(),
        built=environment,
        rebuild=other,
    )
    path = place.folder / "rebuilt.json"
    dataclasses.replace(sound, **changes).write(path, LocalFiles())  # type: ignore[arg-type]  # its fields
    return path


@pytest.mark.long
def test_required(runner: Runner, tmp_path: Path) -> None:
    """No record, one from here, one of other bytes, a forged one: nothing is sent. With one from elsewhere, it is."""
    place = rehearsed(tmp_path / "place", settings=REQUIRED)
    with outside(place.folder / "index") as index:
        to = ("release", "--to", index.upload, "--yes", "--run", place.run.name)

        def sent(*arguments: str, code: int, said: str) -> None:
            ended = runner.run(place, *to, *arguments, without=AFTERWARDS)
            assert (ended.code, said in ended.words) == (code, True), ended.said
            assert bool(index.watched.sent) is (code == 0 and "--dry-run" not in arguments)

        sent(code=3, said="no rebuild of these files elsewhere is known")
        built = record.of_run(RunFolder(place.run, LocalFiles()))
        same = handed(place, rebuild=built.environment, id="0002")
        sent("--rebuilt", str(same), code=1, said="it was made where the run was built")
        other = (dataclasses.replace(built.artifacts[0], sha256="0" * 64), *built.artifacts[1:])
        sent("--rebuilt", str(handed(place, artifacts=other)), code=1, said="it is for other files")
        forged = handed(place, result="different")
        forged.write_text(forged.read_text(encoding="utf-8").replace('"different"', '"equal"'), encoding="utf-8")
        sent("--rebuilt", str(forged), code=2, said="was changed after it was written")
        sent("--rebuilt", str(handed(place, result="different", id="0003")), code=1, said="a rebuild elsewhere differs")
        (place.run / evidence.FOLDER / "0003.json").unlink()
        sent("--rebuilt", str(handed(place)), "--dry-run", code=0, said="PLANNED")
        assert not (place.run / evidence.FOLDER / "0001.json").exists()
        sent("--rebuilt", str(handed(place)), code=0, said="")
        assert json.loads((place.run / evidence.FOLDER / "0001.json").read_text())["result"] == "equal"
        assert index.held() == place.dist


@pytest.mark.long
def test_packages_of_a_workspace(runner: Runner, tmp_path: Path) -> None:
    """Each package needs a record of its own before the first is sent; those that were built elsewhere as well."""
    place = releases.rehearsed(tmp_path / "place", runner, releases.files(more=REQUIRED))
    files: list[str] = []
    for run in place.package_runs():
        built = record.of_run(RunFolder(run, LocalFiles()))
        name, version = distributions.project_and_version(built.artifacts)
        there, here = (
            BuildEnvironment("3.13.1", "cpython", "linux-x86_64", 1, "022", "", (), (), BuildPlace(machine))
            for machine in ("there", "here")
        )
        path = place.folder / f"{name}.json"
        RebuildRecord(
            *(f"00{len(files)}", "2026-11-26T00:00:00+00:00", name, version, built.run, built.commit or ""),
            *("https://git.invalid/acme", "omni-release", "equal"),
            artifacts=built.artifacts,
            rebuilt=built.artifacts,
            differences=(),
            built=here,
            rebuild=there,
        ).write(path, LocalFiles())
        files += ["--rebuilt", str(path)]
    with releases.outside(place.folder / "index") as index:
        to = ("release", "--to", index.upload, "--yes", "--run", place.run.name)
        for given, code in (((), 3), (files[:4], 1), (files, 0)):
            ended = runner.run(place, *to, *given, without=releases.UNNEEDED)
            assert (ended.code, bool(index.watched.sent)) == (code, code == 0), ended.said
        assert index.held() == place.built
