"""`rebuild` as it is called: each way to name a run, what is printed and written, and the exit codes."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path

import pytest

from omni_release.builds import evidence
from tests.builds.rebuilding import repository
from tests.conftest import child_environment, copy_case, git, omni
from tests.workspaces.layouts import CORE, PLUG, UV, laid_out

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="umask and paths of POSIX")
TIMED = "import time\nFILES = {'acme_built.py': f'AT = {time.time()}\\n'}\n"


def built(root: Path) -> Path:
    """The folder of a run that has built."""
    ran = omni("build", "--format", "json", cwd=root)
    assert ran.code == 0, ran.out
    return Path(root, ran.document["run"])


def test_what_is_no_run(tmp_path: Path) -> None:
    """A project without a run, a name of none, a report of none, a target of another kind: each says what to do."""
    root = repository(tmp_path / "acme")
    (root / "other.json").write_text("{}", encoding="utf-8")
    for arguments, message in (
        ((), "there is no run with distributions"),
        (("--run", "20200101-000000-000"), "there is no run '20200101-000000-000'"),
        (("--run", "other.json"), "does not state what was built"),
        (("--to", "other.json"), "other.json is no record of a rebuild"),
        (("--to", "nowhere/rebuilt.json"), "there is no folder"),
    ):
        ran = omni("rebuild", *arguments, cwd=root)
        assert (ran.code, message in ran.err, ran.out) == (2, True, ""), ran.err
    ran = omni("release", "--to", "pypi", "--rebuilt", "other.json", "--yes", cwd=root)
    assert (ran.code, "other.json is no record of a rebuild" in ran.err, ran.out) == (2, True, ""), ran.err


@pytest.mark.long
def test_each_way_to_name_a_run(tmp_path: Path) -> None:
    """By default the newest, by its name, its folder, its report: from the checkout, another folder, a bare clone."""
    root = repository(tmp_path / "acme")
    run = built(root)
    origin = tmp_path / "origin.git"
    git("clone", "--quiet", "--bare", str(root), str(origin), cwd=tmp_path)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    report = shutil.copy(run / "report.json", elsewhere / "report.json")
    for arguments, cwd in (
        ((), root),
        (("--run", run.name), root),
        (("--run", str(run), "--from", "../origin.git"), root),
        (("--run", str(report), "--from", str(origin), "--to", "rebuilt.json"), elsewhere),
    ):
        ran = omni("rebuild", *arguments, cwd=cwd)
        assert ran.code == 0, ran.err
        assert ran.out.endswith("EQUAL: the same bytes, from a fresh clone\n")
    assert git("status", "--short", cwd=root) == ""
    assert len(list((run / evidence.FOLDER).iterdir())) == 3
    assert sorted(path.name for path in elsewhere.iterdir()) == ["rebuilt.json", "report.json"]
    found = evidence.read(elsewhere / "rebuilt.json")
    assert (found.result, found.source, found.run) == ("equal", "a repository on the same machine", run.name)
    assert not list(tmp_path.glob("omni-release-rebuild-*"))


@pytest.mark.long
def test_different(tmp_path: Path) -> None:
    """The file that differs is named, with advice; it is kept, with what diffoscope says where that is installed."""
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "diffoscope").write_text('#!/bin/sh\necho "$@" > "$2"\nexit 1\n')
    (programs / "diffoscope").chmod(0o755)
    root = repository(tmp_path / "acme", TIMED)
    run = built(root)
    environment = child_environment(PATH=f"{programs}{os.pathsep}{os.environ['PATH']}")
    ran = omni("rebuild", "--format", "json", cwd=root, environment=environment)
    document = json.loads(ran.out)
    assert (ran.code, document["record"]["result"], document["schema_version"]) == (1, "different", 1)
    assert "acme_built.py: content" in document["record"]["differences"]
    assert [Path(path).name for path in document["kept"]] == [
        "acme-1.0-py3-none-any.whl",
        "acme-1.0-py3-none-any.whl.diffoscope.txt",
    ]
    ran = omni("rebuild", cwd=root)
    assert "Fix: Take the time in acme_built.py from SOURCE_DATE_EPOCH, or leave it out." in ran.out
    many = "import time\nFILES = {f'a{number}.py': f'AT = {time.time()}\\n' for number in range(30)}\n"
    (root / "generate.py").write_text(many, encoding="utf-8")
    git("commit", "--quiet", "--all", "--message=many", cwd=root)
    run = built(root)
    ran = omni("rebuild", cwd=root)
    assert ("a0.py: content" in ran.out, "… and 10 more" in ran.out, "a29.py" in ran.out) == (True, True, False)
    (run / "dist" / "acme-1.0-py3-none-any.whl").unlink()
    ran = omni("rebuild", cwd=root)
    assert (ran.code, "the file of the run is missing" in ran.out) == (1, True)


@pytest.mark.long
def test_cached_build(tmp_path: Path) -> None:
    """A build that was put back from an earlier run states what that was built with."""
    root = copy_case("flit-module", tmp_path / "acme")
    first, second = built(root), built(root)
    texts = {(run / "build-environment.json").read_text(encoding="utf-8") for run in (first, second)}
    assert len(texts) == 1
    assert "flit_core" in texts.pop().replace("flit-core", "flit_core")
    outcomes = json.loads((second / "report.json").read_text(encoding="utf-8"))["outcomes"]
    assert next(one for one in outcomes if one["id"] == "build").get("cached")
    assert omni("rebuild", cwd=root).code == 0


@pytest.mark.long
def test_package_of_a_workspace(tmp_path: Path) -> None:
    """A package is rebuilt in its folder of the repository."""
    root = laid_out(tmp_path / "acme", {"pyproject.toml": UV, **CORE, **PLUG})
    git("init", "--quiet", "--initial-branch=main", cwd=root)
    git("add", "--all", cwd=root)
    git("commit", "--quiet", "--message=start", cwd=root)
    run = built(root / "packages" / "core")
    for folder, arguments in ((root / "packages" / "core", ()), (root, ("--project", "packages/core"))):
        ran = omni("rebuild", *arguments, cwd=folder)
        assert (ran.code, f"run {run.name}" in ran.out) == (0, True), ran.err


HOOK = """
import time
from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class Hook(BuildHookInterface):
    def initialize(self, version, build_data):
        with open("src/acme_sound/_built.py", "w") as file:
            file.write(f"BUILT = {time.time()}\\n")
        build_data["artifacts"] += ["src/acme_sound/_built.py"]
"""


@pytest.mark.long
def test_real_back_end(tmp_path: Path) -> None:
    """With hatchling the sample project is equal; with a hook that writes the time, the file is named."""
    root = copy_case("sound", tmp_path / "acme")
    built(root)
    assert omni("rebuild", cwd=root).code == 0
    (root / "hatch_build.py").write_text(HOOK, encoding="utf-8")
    (root / ".gitignore").write_text("_built.py\n", encoding="utf-8")
    with (root / "pyproject.toml").open("a", encoding="utf-8") as file:
        file.write("\n[tool.hatch.build.hooks.custom]\n")
    git("add", "--all", cwd=root)
    git("commit", "--quiet", "--message=hook", cwd=root)
    built(root)
    ran = omni("rebuild", cwd=root)
    assert ran.code == 1
    assert "acme_sound/_built.py: content" in ran.out
    assert "Fix: Take the time in src/acme_sound/_built.py from SOURCE_DATE_EPOCH, or leave it out." in ran.out
