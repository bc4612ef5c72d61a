"""`approve` and `approvals`: what they show, refuse and write, with real keys."""

from __future__ import annotations

import io
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from omni_release.adapters.files import LocalFiles
from omni_release.cli import main
from omni_release.core.actions import Pin
from omni_release.core.journal import RunFolder
from omni_release.core.runs import RunStore
from omni_release.publishing.approvals import NOTES
from tests.publishing.approving import Key, made, released
from tests.repositories import Checkout, clean_environment


@dataclass(frozen=True)
class Place:
    """A clone with a run that has passed, and the keys of ada and bob, which its last release lists."""

    checkout: Checkout
    run: RunFolder
    keys: Mapping[str, Key]

    def omni(self, *words: str) -> int:
        """Run the command line there."""
        return main.main([*words, "--project", str(self.checkout.root)])

    def approve(self, name: str, *words: str) -> int:
        """Approve with the key of this name."""
        return self.omni("approve", "--yes", "--key", str(self.keys[name].path), *words)


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> tuple[Checkout, Mapping[str, Key]]:
    """The clone, which no test changes, and the keys."""
    folder = tmp_path_factory.mktemp("original")
    keys = {name: made(folder / "keys", name) for name in ("ada", "bob", "eve")}
    listed = f"ada {keys['ada'].public}\nbob {keys['bob'].public}\n"
    return released(folder / "clone", listed, "approvals = 2"), keys


@pytest.fixture
def place(original: tuple[Checkout, Mapping[str, Key]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """See Place."""
    for name in set(os.environ) - set(clean_environment()):
        monkeypatch.delenv(name)
    for name, value in clean_environment().items():
        monkeypatch.setenv(name, value)
    checkout, keys = replace(original[0], root=tmp_path / "checkout"), original[1]
    shutil.copytree(original[0].root, checkout.root)
    run = RunStore(checkout.root, LocalFiles()).new_run()
    (run.path / "dist").mkdir()
    (run.path / "dist" / "acme-1.2.0.tar.gz").write_bytes(b"acme")
    (tmp_path / "tree").write_text("tree", encoding="ascii")
    run.pin(Pin(run.path / "dist", tmp_path / "tree", checkout.git("rev-parse", "HEAD").strip()))
    run.record("ended", lane="rehearse", whole=True, verdict="passed")
    return Place(checkout, run, keys)


def test_two_people(place: Place, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Each approval is shown, kept where it is asked for, and counted; the exit code says whether it is enough."""
    assert place.omni("approvals") == 4
    assert "needs 2 approvals by people in allowed_signers at v1.1.0: ada, bob" in capsys.readouterr().out
    assert place.approve("ada") == 0
    shown = capsys.readouterr().out
    (artifact,) = place.run.artifacts()
    assert f"You approve acme 1.2.0, of commit {place.run.commit_built()}:\n" in shown
    assert f"  acme-1.2.0.tar.gz  sha256 {artifact.sha256}\nIts rehearsal has passed: " in shown
    assert "1 of 2 approvals: ada; 1 more needed, from bob\n" in shown
    assert place.approve("eve") == 0
    assert "is not in allowed_signers at v1.1.0" in capsys.readouterr().out
    handed = tmp_path / "bob.approval"
    assert place.approve("bob", "--to", str(handed)) == 0
    assert "2 of 2 approvals: ada, bob\n" in capsys.readouterr().out
    assert place.omni("approvals") == 4
    capsys.readouterr()
    assert place.omni("approvals", "--approval", "nowhere") == 2
    assert "there is no file nowhere" in capsys.readouterr().err
    assert place.omni("approvals", "--approval", str(handed), "--format", "json") == 0
    found = json.loads(capsys.readouterr().out)["approvals"]
    assert ([each["name"] for each in found["approved"]], found["missing"], found["needed"]) == (["ada", "bob"], 0, 2)
    assert place.approve("bob", "--notes") == 0
    assert f"Push it: git push origin {NOTES}" in capsys.readouterr().out
    assert place.omni("approvals", "--run", str(place.run.path)) == 0
    assert "approved: bob, with the key SHA256:" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("change", "words", "why"),
    [
        ("failed", ("--yes",), "is failed: nothing is approved"),
        ("interrupted", ("--yes",), "has not ended: nothing is approved"),
        ("changed", ("--yes",), "acme-1.2.0.tar.gz has changed since it was built: nothing is approved"),
        ("missing", ("--yes",), "acme-1.2.0.tar.gz has changed since it was built: nothing is approved"),
        ("", (), "stdin is not a terminal"),
        ("", ("--yes", "--run", "20200101-000000-000"), "there is no run '20200101-000000-000'"),
        ("", ("--yes", "--to", "ada.approval"), "ada.approval is in the checkout"),
        ("", ("--yes", "--to", ".."), ".. is a folder"),
        ("", ("--yes", "--to", "../nowhere/ada.approval"), "there is no folder"),
        ("", ("--yes", "--to", "../notes.txt"), "notes.txt is no file of approvals"),
        ("", ("--yes", "--to", "../picture.png"), "picture.png is no file of approvals"),
        ("", ("--yes", "--to", "../cut.approval"), "cut.approval is no file of approvals"),
    ],
)
def test_refused(
    change: str,
    words: tuple[str, ...],
    why: str,
    place: Place,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A run that has not passed, files that have changed, and no confirmation: nothing is signed."""
    monkeypatch.chdir(place.checkout.root)
    file = place.run.path / "dist" / "acme-1.2.0.tar.gz"
    if change in ("failed", "interrupted"):
        place.run.record("ended", lane="rehearse", whole=True, verdict=change)
    elif change:
        file.unlink() if change == "missing" else file.write_bytes(b"other")
    outside = place.checkout.root.parent
    (outside / "notes.txt").write_text("Ask bob.\n", encoding="utf-8")
    (outside / "picture.png").write_bytes(b"\x89PNG\xff")
    (outside / "cut.approval").write_text("omni-release approval 1\n-----BEGIN SSH SIGNATURE-----\n", encoding="utf-8")
    assert place.omni("approve", "--key", str(place.keys["ada"].path), *words) == 2
    shown = capsys.readouterr()
    assert why in shown.err
    assert "You approve" not in shown.out  # the question has not been asked
    assert not (place.run.path / "approvals").exists()


def test_the_key_of_git(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    """Without --key it is the one that git signs with, where that is one of SSH."""
    assert place.omni("approve", "--yes") == 2
    assert "the key is unknown" in capsys.readouterr().err
    place.checkout.git("config", "gpg.format", "ssh")
    place.checkout.git("config", "user.signingKey", f"{place.keys['ada'].path}.pub")
    assert place.omni("approve", "--yes") == 0
    assert "1 of 2 approvals: ada" in capsys.readouterr().out


def test_sign_refers_to_it(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    """A sign-off does not approve a release, and says what does."""
    assert place.omni("sign", "approved", "--reason", "looks good", "--by", "Ada") == 2
    assert "omni-release approve" in capsys.readouterr().err


def test_a_run_of_another_project(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    """A run of another project is neither approved nor counted."""
    (place.checkout.root / "pyproject.toml").write_text('[project]\nname = "other"\nversion = "1.2.0"\n', "utf-8")
    assert place.approve("ada") == 2
    assert "is of acme, not of other" in capsys.readouterr().err
    assert place.omni("approvals") == 2


@pytest.mark.parametrize(("typed", "code"), [("1.2.0\n", 0), ("1.2.1\n", 1), ("\n", 1), ("", 1)])
def test_a_person_types_the_version(
    typed: str, code: int, place: Place, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """At a terminal the version is asked for: anything else signs nothing."""

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr("sys.stdin", Terminal(typed))
    assert place.omni("approve", "--key", str(place.keys["ada"].path)) == code
    shown = capsys.readouterr()
    assert "Type the version to approve it: " in shown.out
    assert ("nothing was approved" in shown.err) is bool(code)
    assert (place.run.path / "approvals").exists() is not bool(code)
