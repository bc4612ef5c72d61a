"""What the command line costs to start, against a bare interpreter: the median of the ratios, pair by pair."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROUNDS = 21


# Without bytecode files each start would compile the source, which is most of the time then.
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def seconds(command: list[str], cwd: Path) -> float:
    begun = time.perf_counter()
    subprocess.run(command, cwd=cwd, check=True, capture_output=True, env=ENVIRONMENT)
    return time.perf_counter() - begun


def ratio(arguments: list[str], cwd: Path) -> float:
    bare, ours = [sys.executable, "-c", "pass"], [sys.executable, *arguments]
    seconds(ours, cwd)
    return statistics.median(seconds(ours, cwd) / seconds(bare, cwd) for _ in range(ROUNDS))


def rehearsed(root: Path) -> Path:
    """The project in a git repository, with the record of a rehearsal."""
    run = root / ".omni-release" / "runs" / "20261126-051149-000"
    run.mkdir(parents=True)
    (root / ".omni-release" / ".gitignore").write_text("*\n")
    ended = {
        "at": "2026-11-26T05:12:00+00:00",
        "event": "ended",
        "lane": "rehearse",
        "verdict": "passed",
        "whole": True,
    }
    (run / "journal.jsonl").write_text(json.dumps(ended) + "\n")
    (run / "artifacts.json").write_text(json.dumps({"tree": "ab", "commit": None, "artifacts": []}))
    (run / "report.json").write_text(json.dumps({"outcomes": [], "next": "omni-release release"}))
    author = ("-c", "user.name=b", "-c", "user.email=b@example.invalid")
    for command in (["init", "-q"], ["add", "-A"], [*author, "commit", "-qm", "start"]):
        subprocess.run(["git", *command], cwd=root, check=True)
    return root


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        plain, with_settings = Path(folder, "plain"), Path(folder, "with-settings")
        for root, settings in ((plain, ""), (with_settings, "[tool.omni-release]\nkeep-runs = 3\n")):
            (root / "acme").mkdir(parents=True)
            (root / "acme" / "__init__.py").write_text('__version__ = "1.0"\n')
            (root / "pyproject.toml").write_text(f'[project]\nname = "acme"\nversion = "1.0"\n{settings}')
        for arguments in (["--version"], ["version"], ["version", "show"]):
            times = ratio(["-m", "omni_release", *arguments], plain)
            print(f"omni-release {' '.join(arguments):<14} {times:5.1f} times a bare interpreter")
        times = ratio(["-m", "omni_release", "status"], rehearsed(with_settings))
        print(f"omni-release status, after a rehearsal: {times:.1f} times (at most 25)")
        times = ratio(["-m", "omni_release", "version"], with_settings)
        print(f"omni-release version, of a project with settings: {times:.1f} times")
        modules = "import dataclasses, datetime, enum, tomllib, typing"
        times = ratio(["-c", f"{modules}, msgspec"], plain) - ratio(["-c", modules], plain)
        print(f"msgspec beside what reads the settings: {times:.1f} times more")


if __name__ == "__main__":
    main()
