"""A whole release that two people have to approve."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import git
from tests.publishing.approving import made
from tests.publishing.support import Runner, outside, rehearsed

SETTINGS = "\n[tool.omni-release.publish]\napprovals = 2\n"


@pytest.mark.long
def test_two_people_approve_a_release(runner: Runner, tmp_path: Path) -> None:
    """Nothing is sent until both have approved; then it is published, and resumed without the files handed over."""
    keys = [made(tmp_path / "keys", name) for name in ("ada", "bob", "eve")]

    def before(checkout: Path) -> None:
        lines = [f"{name} {key.public}\n" for name, key in zip(("ada", "bob"), keys, strict=False)]
        (checkout / "allowed_signers").write_text("".join(lines), encoding="utf-8")
        git("add", "--all", cwd=checkout)
        git("commit", "--quiet", "--message=list", cwd=checkout)
        git("tag", "--annotate", "--message=1.2.2", "v1.2.2", cwd=checkout)
        with (checkout / "allowed_signers").open("a", encoding="utf-8") as file:
            file.write(f"eve {keys[2].public}\n")
        git("commit", "--quiet", "--all", "--message=eve", cwd=checkout)

    place = rehearsed(tmp_path / "place", settings=SETTINGS, before=before)
    run = ("--run", place.run.name)
    with outside(place.folder / "index") as index:
        to = ("release", "--to", index.upload, "--yes", *run)
        ended = runner.run(place, *to)
        assert (ended.code, index.watched.sent) == (4, []), ended.said
        assert "0 of 2 approvals; 2 more needed, from ada, bob" in ended.words
        assert f"omni-release approve --run {place.run.name}" in ended.words
        runner.run(place, "sign", "upload", "--reason", "x", *run)
        handed = [place.folder / name for name in ("bob.approval", "eve.approval")]
        for key, to_file in zip(keys[1:], handed, strict=True):
            words = ("approve", "--yes", *run, "--key", str(key.path), "--to", str(to_file))
            assert runner.run(place, *words).code == 0
        given = [word for path in handed for word in ("--approval", str(path))]
        ended = runner.run(place, *to, *given)
        assert (ended.code, index.watched.sent) == (4, []), ended.said
        assert "is not in allowed_signers at v1.2.2" in ended.words
        assert runner.run(place, "approve", "--yes", *run, "--key", str(keys[0].path), "--notes").code == 0
        ended = runner.run(place, *to)
        assert ended.code == 0, ended.said
        assert (index.held(), place.tags()["v1.2.3"]) == (place.dist, place.head())
        assert runner.run(place, "approvals", *run).code == 0
        assert runner.run(place, "doctor", "--to", index.upload, *run, "--only", "approved").code == 0
        assert runner.run(place, *to).code == 0  # the tag of this release says nothing about who may approve it
