"""What a clone brings along in `.omni-release/` is not used: nothing outside the project is read or changed."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from omni_release.cli import main
from tests.conftest import git
from tests.hostile.conftest import Checkout, snapshot

RUN = ".omni-release/runs/20990101-000000-000"
COMMANDS = (
    ("version", "sync"),
    ("version", "set", "2.0.0"),
    ("version", "bump", "minor", "--dry-run"),
    ("gate",),
    ("gate", "--only", "versions-agree"),
    ("clean",),
    ("rehearse",),
    ("rehearse", "--dry-run"),
    ("checklist", "show"),
)
FOR_EACH_PLACE = (("version", "set", "2.0.0"), ("gate",), ("clean",), ("build", "--dry-run"))


def note(path: str | Path, old: str | Path, new: str | Path, *, swapping: bool = True) -> str:
    """A note of a version change."""
    return json.dumps({"swapping": swapping, "files": [[str(path), str(old), str(new)]]})


Refused = Callable[..., str]


@pytest.fixture
def refused(hostile: Checkout, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Refused:
    """A function that runs a command: it must be refused, and leave the canary and the project's files alone."""

    def run(*command: str) -> str:
        before, project = snapshot(hostile.canary), (hostile.root / "pyproject.toml").read_bytes()
        with monkeypatch.context() as patched:
            patched.chdir(hostile.root)
            code = main.main(list(command))
        printed = capsys.readouterr()
        assert snapshot(hostile.canary) == before
        assert (hostile.root / "pyproject.toml").read_bytes() == project
        assert code == 2, printed.out + printed.err
        return printed.err

    return run


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_committed_note(hostile: Checkout, refused: Refused, command: tuple[str, ...]) -> None:
    """A note that git tracks is not followed: no file is restored from it or removed by it."""
    thesis = hostile.canary / "thesis.txt"
    evil = hostile.write("evil.txt", "evil")
    hostile.write(".omni-release/swap.json", note(thesis, evil, hostile.canary / "journal.jsonl"))
    hostile.commit()
    message = refused(*command)
    assert "git tracks .omni-release/swap.json" in message
    assert "git rm -r --cached .omni-release" in message


@pytest.mark.parametrize(
    "name",
    [
        ".omni-release/.gitignore",
        ".omni-release/lock",
        ".omni-release/owner.json",
        ".omni-release/gate/journal.jsonl",
        ".omni-release/removed/old/thing",
        f"{RUN}/journal.jsonl",
        f"{RUN}/artifacts.json",
        f"{RUN}/work-dir",
    ],
)
def test_anything_committed(hostile: Checkout, refused: Refused, name: str) -> None:
    """Forged runs, caches and sign-offs are not believed: the whole folder is refused as soon as git tracks a file."""
    hostile.write(name, '{"event": "ended", "lane": "rehearse", "whole": true, "verdict": "passed"}\n')
    hostile.commit()
    for command in FOR_EACH_PLACE[:2]:
        assert "git tracks .omni-release/" in refused(*command)


def test_a_submodule(hostile: Checkout, refused: Refused) -> None:
    """A submodule in the place of the folder is tracked, too."""
    git("init", "--quiet", ".omni-release", cwd=hostile.root)
    hostile.write(".omni-release/swap.json", "{}")
    git("add", "--all", cwd=hostile.root / ".omni-release")
    git("commit", "--quiet", "--message=inner", cwd=hostile.root / ".omni-release")
    hostile.commit()
    assert "git tracks .omni-release" in refused("version", "sync")


@pytest.mark.parametrize(
    "name",
    [
        ".omni-release",
        ".omni-release/gate",
        ".omni-release/gate/logs",
        ".omni-release/gate/cache",
        ".omni-release/runs",
        ".omni-release/runs/none",
        ".omni-release/runs/new",
        ".omni-release/removed",
        RUN,
        f"{RUN}/logs",
        f"{RUN}/smoke/live",
    ],
)
def test_a_link_to_a_folder(hostile: Checkout, refused: Refused, name: str) -> None:
    """A link at any depth is refused, also one that git does not track (from an archive)."""
    hostile.link(name, hostile.canary)
    for command in FOR_EACH_PLACE:
        assert "a link to" in refused(*command)


@pytest.mark.parametrize("target", ["thesis.txt", "new.txt"], ids=["a file", "dangling"])
@pytest.mark.parametrize(
    "name",
    [".gitignore", "lock", "owner.json", "swap.lock", "swap.json", "gate/journal.jsonl", "gate/logs/audit.log"],
)
def test_a_link_to_a_file(hostile: Checkout, refused: Refused, name: str, target: str) -> None:
    """Nothing is written through a link, whether its target exists or not."""
    hostile.link(f".omni-release/{name}", hostile.canary / target)
    for command in FOR_EACH_PLACE[:2]:
        assert "a link to" in refused(*command)


@pytest.mark.parametrize("name", ["", "runs", "gate", "lock", "gate/journal.jsonl", "swap.json"])
def test_a_pipe(hostile: Checkout, refused: Refused, name: str) -> None:
    """A pipe would be waited for without end."""
    path = hostile.root / ".omni-release" / name
    path.parent.mkdir(exist_ok=True, parents=True)
    os.mkfifo(path)
    for command in FOR_EACH_PLACE[:2]:
        assert "a pipe, a socket or a device" in refused(*command)


Paths = Callable[[Checkout], tuple[Path, Path, Path]]
MOVES: dict[str, Paths] = {
    "outside": lambda c: (
        c.canary / "thesis.txt",
        c.canary / ".thesis.txt.omni-release-1.old",
        c.canary / ".thesis.txt.omni-release-1.new",
    ),
    "through parents": lambda c: (
        c.root / "src/../../user/thesis.txt",
        c.root / "src/../../user/.thesis.txt.omni-release-1.old",
        c.root / "src/../../user/.thesis.txt.omni-release-1.new",
    ),
    "through a link": lambda c: (
        c.root / "linked/thesis.txt",
        c.root / "linked/.thesis.txt.omni-release-1.old",
        c.root / "linked/.thesis.txt.omni-release-1.new",
    ),
    "another name": lambda c: (
        c.root / "README.md",
        c.root / "pyproject.toml",
        c.root / ".README.md.omni-release-1.new",
    ),
    "a copy elsewhere": lambda c: (
        c.root / "README.md",
        c.canary / ".README.md.omni-release-1.old",
        c.canary / ".README.md.omni-release-1.new",
    ),
    "git's folder": lambda c: (
        c.root / ".git/config",
        c.root / ".git/.config.omni-release-1.old",
        c.root / ".git/.config.omni-release-1.new",
    ),
    "relative": lambda c: (
        Path("README.md"),
        Path(".README.md.omni-release-1.old"),
        Path(".README.md.omni-release-1.new"),
    ),
    "no path": lambda c: (Path("/a\0b"), Path("/.a\0b.omni-release-1.old"), Path("/.a\0b.omni-release-1.new")),
}


@pytest.mark.parametrize("kind", MOVES)
def test_a_note_of_other_files(hostile: Checkout, refused: Refused, kind: str) -> None:
    """Outside git, too: only files of the project are restored, and only from copies with the names that we make."""
    paths = MOVES[kind](hostile)
    hostile.link("linked", hostile.canary)
    for copy in paths[1:]:
        if "\0" not in str(copy) and copy.parent == paths[0].parent and copy.is_absolute() and not copy.exists():
            copy.write_text("evil")
    hostile.write(".omni-release/swap.json", note(*paths))
    git_config = (hostile.root / ".git" / "config").read_bytes()
    assert "names files that no version change writes" in refused("version", "set", "2.0.0")
    assert (hostile.root / ".git" / "config").read_bytes() == git_config
    assert all(copy.exists() for copy in paths[1:] if copy.name.startswith(".thesis"))


def test_a_note_of_ours(hostile: Checkout) -> None:
    """An interrupted change of the project itself is still undone."""
    readme = hostile.root / "README.md"
    old, new = (readme.with_name(f".README.md.omni-release-77.{which}") for which in ("old", "new"))
    old.write_bytes(readme.read_bytes())
    before = readme.read_bytes()
    readme.write_text("half")
    hostile.write(".omni-release/swap.json", note(readme, old, new))
    ran = hostile.omni("version", "set", "2.0.0")
    assert (ran.code, readme.read_bytes()) == (0, before), ran.err
    assert "undid an interrupted change" in ran.err
    assert not old.exists()
