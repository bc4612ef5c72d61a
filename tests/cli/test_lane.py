"""The options of a lane, as the command names them that resumes an interrupted run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from omni_release.cli import lane, main
from omni_release.core.runs import Request


def requested(typed: str, monkeypatch: pytest.MonkeyPatch) -> Request:
    """What these words ask for; it is not run."""
    asked: list[Request] = []

    def start(request: Request) -> int:
        asked.append(request)
        return 0

    monkeypatch.setattr(lane, "start", start)
    assert main.main(typed.split()) == 0
    return asked[0]


@pytest.mark.parametrize(
    ("typed", "chosen"),
    [
        ("rehearse --fresh --output out -v", "--fresh"),
        ("rehearse --cache", "--cache"),
        ("rehearse --only tests-pass --only build", "--only tests-pass --only build"),
        ("rehearse --artifacts dist --format json", "--artifacts dist"),
        ("rehearse --project . --run R", ""),
        ("gate --only versions-agree --dry-run", "--only versions-agree --dry-run"),
        ("tests --fresh --run R", "--fresh"),
        ("smoke", "--live"),
        ("smoke --emulated --only smoke-passes", "--only smoke-passes --emulated"),
        ("record --budget 0.5 --deadline 90", "--live --budget 0.5 --deadline 90"),
    ],
)
def test_chosen(typed: str, chosen: str, case: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """What decides which tasks run, with which results and at which cost; not where the report goes."""
    monkeypatch.chdir(case("sound"))
    assert " ".join(requested(typed, monkeypatch).chosen) == chosen


def test_chosen_with_another_folder(case: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """The command is for the folder in which the first one was typed."""
    root = case("sound")
    monkeypatch.chdir(root.parent)
    assert requested(f"rehearse --project {root.name}", monkeypatch).chosen == ("--project", root.name)
