"""What `version check` costs, in ratios of pairs run in turn: to a bare interpreter, bump-my-version, git ls-files."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path

ROUNDS = 21
FILES, DRIFTED_FILES = 20_000, 11_000
CASE = Path(__file__).parents[1] / "tests" / "cases" / "sound"
# As an installed package has it: with its bytecode.
ENVIRONMENT = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}


def seconds(command: list[str], cwd: Path, code: int = 0) -> float:
    """How long a command runs, which ends with this exit code."""
    begun = time.perf_counter()
    ended = subprocess.run(command, cwd=cwd, check=False, capture_output=True, env=ENVIRONMENT)
    assert ended.returncode == code, ended
    return time.perf_counter() - begun


def commit(root: Path) -> None:
    for arguments in (["init", "--quiet"], ["add", "--all"], ["commit", "--quiet", "--message=start"]):
        who = ["-c", "user.name=Bench", "-c", "user.email=bench@example.invalid", "-c", "gc.auto=0"]
        subprocess.run(["git", *who, *arguments], cwd=root, check=True)


def sample(root: Path) -> None:
    """The sample project, with the settings that bump-my-version needs."""
    for file in CASE.rglob("*"):
        if file.is_file() and "__pycache__" not in file.parts:
            (root / file.relative_to(CASE)).parent.mkdir(parents=True, exist_ok=True)
            (root / file.relative_to(CASE)).write_bytes(file.read_bytes())
    (root / ".bumpversion.toml").write_text('[tool.bumpversion]\ncurrent_version = "1.2.3"\n')
    commit(root)


def large(root: Path, files: int) -> None:
    """Many files, few of which can hold a version."""
    sample_text = "value = 1\n" * 20
    for number in range(files):
        folder = root / f"part{number // 1000}" / f"piece{number // 50 % 20}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"file{number}.{'py' if number % 2 else 'txt'}").write_text(sample_text)
    sample(root)


def bumper(folder: Path) -> str:
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "--quiet", "bump-my-version"], check=True)
    return str(folder / "bin" / "bump-my-version")


def median(one: list[str], others: list[list[str]], cwd: Path, code: int = 0) -> tuple[float, float, list[float]]:
    """The median of the paired ratios of `one` to the sum of `others`; its own seconds, and the others'."""
    seconds(one, cwd, code)
    runs = [(seconds(one, cwd, code), [seconds(other, cwd) for other in others]) for _ in range(ROUNDS)]
    ratios = [first / sum(rest) for first, rest in runs]
    return (
        statistics.median(ratios),
        statistics.median(r[0] for r in runs),
        [statistics.median(r[1][at] for r in runs) for at in range(len(others))],
    )


def main() -> None:
    check = [sys.executable, "-m", "omni_release", "version", "check"]
    bare = [sys.executable, "-c", "pass"]
    listing = ["git", "ls-files"]
    with tempfile.TemporaryDirectory() as folder:
        small, big, drifted = Path(folder, "small"), Path(folder, "big"), Path(folder, "drifted")
        for root in (small, big, drifted):
            root.mkdir()
        sample(small)
        large(big, FILES)
        large(drifted, DRIFTED_FILES)
        pyproject = drifted / "pyproject.toml"
        pyproject.write_text(pyproject.read_text().replace('version = "1.2.3"', 'version = "1.2.4"'))
        ratio, ours, _ = median(check, [bare], small)
        print(f"sample project: {ratio:.1f} times a bare interpreter ({ours * 1000:.0f} ms; at most 6, aim 3.5)")
        _, ours, (plain, files) = median(check, [bare, listing], big)
        allowed = (ours - files) / plain
        print(f"{FILES} files: {allowed:.1f} times a bare interpreter, plus git ls-files (under 8)")
        ratio, ours, _ = median(check, [bare], drifted, 1)
        print(f"{DRIFTED_FILES} files that disagree: {ratio:.1f} times a bare interpreter (at most 12)")
        if "--alone" in sys.argv:
            return
        show = [bumper(Path(folder, "venv")), "show", "current_version"]
        seconds(show, small)
        ratio, _, _ = median(show, [check], small)
        print(f"bump-my-version show current_version takes {ratio:.1f} times as long (at least 6)")


if __name__ == "__main__":
    main()
