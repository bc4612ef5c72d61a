"""A release of many packages, one of which has to be approved."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import git
from tests.publishing.approving import made
from tests.publishing.support import Runner
from tests.run import releases
from tests.run.releases import NAMES, PLUG, UNNEEDED, outside
from tests.workspaces.layouts import laid_out


@pytest.mark.long
def test_nothing_is_sent_while_one_is_not_approved(runner: Runner, tmp_path: Path) -> None:
    """The package waits for its approvals, and all others with it; approved, all are sent."""
    keys = [made(tmp_path / "keys", name) for name in ("ada", "bob")]
    table = "\n[tool.omni-release.publish]\napprovals = 2\nallowed-signers = '../../allowed_signers'\n"

    def content(version: str) -> dict[str, str]:
        files = releases.files(("1.1.0", version, "2.0.0"))
        files[f"packages/{PLUG}/pyproject.toml"] += table
        return files | {"allowed_signers": f"ada {keys[0].public}\nbob {keys[1].public}\n"}

    place = releases.checked_out(tmp_path / "place", content("0.2.0"))
    git("tag", "--annotate", f"{PLUG}-v0.2.0", "--message=released", cwd=place.checkout)
    laid_out(place.checkout, content("0.3.0"))
    releases.commit(place, "another version")
    git("push", "--quiet", "origin", "main", f"{PLUG}-v0.2.0", cwd=place.checkout)
    ended = runner.run(place, "rehearse", "--artifacts", str(releases.prebuilt(place)), without=UNNEEDED)
    assert ended.code == 0, ended.said
    with outside(place.folder / "index") as index:
        to = ("release", "--to", index.upload, "--yes", "--run", place.run.name)
        waiting = runner.run(place, *to, without=UNNEEDED)
        assert (waiting.code, index.watched.sent) == (4, []), waiting.said
        run = place.package_runs()[NAMES.index(PLUG)].name
        words = ("approve", "--project", str(place.checkout / "packages" / PLUG), "--run", run)
        assert f"`omni-release {' '.join(words)}`" in waiting.words
        approvals = place.folder / "approvals"
        for key in keys:
            ended = runner.run(place, *words, "--yes", "--key", str(key.path), "--to", str(approvals))
            assert ended.code == 0, ended.said
        sent = runner.run(place, *to, "--approval", str(approvals), without=UNNEEDED)
        assert sent.code == 0, sent.said
        assert index.held() == place.built
