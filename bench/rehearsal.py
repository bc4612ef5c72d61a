"""The whole rehearsal against the sequence that a maintainer types, in turn, on the same project, with warm caches.

    python bench/rehearsal.py [ROUNDS]

The project has 30 modules, 50 tests, and httpx and pydantic as dependencies. By hand: clean, `python -m build`,
`twine check`, upload to a local index (pypiserver), `python -m venv`, pip install from it, import, the tests. The
rehearsal does that and more by `nox -s release`, once with each value of `verify.pip`. Prints the median of the ratios,
round by round, and the longest chain of child processes in the lane: what no order of the tasks could undercut.

Each of these is a first run, without results of earlier ones. Then the second run, as a part of the first: with nothing
changed, and, on a project whose tests take more than half of the first, with another README (which is a part of the
metadata, so that it builds again).
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from omni_release import lanes

ROUNDS = 5
SLOW = 12.0  # seconds: more than all else on an idle machine
PYPROJECT = """\
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "acme-bench"
version = "1.0.0"
description = "A project of an ordinary size"
readme = "README.md"
requires-python = ">=3.11"
dependencies = ["httpx", "pydantic"]

[dependency-groups]
test = ["pytest"]

[tool.hatch.build.targets.wheel]
packages = ["src/acme_bench"]

[tool.omni-release.verify]
pip = "{pip}"
"""
NOXFILE = "import omni_release.sessions\n\nomni_release.sessions.register()\n"


SLOW_TEST = "import time\n\n\ndef test_slow():\n    time.sleep({seconds})\n"


def sample(root: Path, slow: float = 0.0) -> Path:
    """The project, in a git repository of its own; with a test that takes `slow` seconds."""
    package = root / "src" / "acme_bench"
    package.mkdir(parents=True)
    (root / "tests").mkdir()
    (root / "README.md").write_text("# acme-bench\n")
    (root / ".gitignore").write_text("dist/\n.venv/\n")
    (root / "noxfile.py").write_text(NOXFILE)
    (root / "pyproject.toml").write_text(PYPROJECT.format(pip="own-file"))
    (package / "__init__.py").write_text('import httpx\nimport pydantic\n\n__version__ = "1.0.0"\n')
    for n in range(30):
        body = "".join(f"def f{k}(x: int) -> int:\n    return x * {k} + {n}\n\n\n" for k in range(20))
        (package / f"m{n}.py").write_text(body)
    for n in range(5):
        tests = "".join(f"def test_{k}():\n    assert m{n}.f{k}(2) == 2 * {k} + {n}\n\n\n" for k in range(10))
        (root / "tests" / f"test_m{n}.py").write_text(f"from acme_bench import m{n}\n\n\n{tests}")
    if slow:
        (root / "tests" / "test_slow.py").write_text(SLOW_TEST.format(seconds=slow))
    run(["git", "init", "-q"], root)
    run(["git", "add", "-A"], root)
    run(["git", "-c", "user.name=b", "-c", "user.email=b@example.invalid", "commit", "-qm", "start"], root)
    return root


def run(command: list[str], cwd: Path) -> None:
    """Run, and be quiet where it works."""
    left_out = ("CI", "OMNI_RELEASE_RUN", "PYTHONDONTWRITEBYTECODE")
    inner = {key: value for key, value in os.environ.items() if key not in left_out}
    ended = subprocess.run(command, cwd=cwd, env=inner, capture_output=True, text=True, check=False)
    if ended.returncode:
        sys.exit(f"{command}\n{ended.stdout}{ended.stderr}")


@contextlib.contextmanager
def local_index(folder: Path) -> Iterator[str]:
    """pypiserver, as somebody would start it to try an upload."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    open_to_all = ["-P", ".", "-a", ".", "-i", "127.0.0.1", "-p", str(port)]
    server = subprocess.Popen(
        [sys.executable, "-m", "pypiserver", "run", *open_to_all, str(folder)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        end = time.monotonic() + 20
        while time.monotonic() < end:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait()


def settle() -> None:
    """Wait until the disk has what was written before: neither side is to wait for that of the other."""
    if hasattr(os, "sync"):
        os.sync()


def by_hand(root: Path) -> float:
    """The sequence that a maintainer types; its wall time in seconds, without that of starting the index."""
    settle()
    with local_index(root.parent / "packages") as url:
        begun = time.perf_counter()
        for old in ("dist", ".venv"):
            shutil.rmtree(root / old, ignore_errors=True)
        run([sys.executable, "-m", "build"], root)
        files = sorted(str(path) for path in (root / "dist").iterdir())
        run([sys.executable, "-m", "twine", "check", "--strict", *files], root)
        run([sys.executable, "-m", "twine", "upload", "--repository-url", url, "-u", "x", "-p", "x", *files], root)
        run([sys.executable, "-m", "venv", ".venv"], root)
        python = str(root / ".venv" / ("Scripts" if os.name == "nt" else "bin") / "python")
        run(
            [
                python,
                "-m",
                "pip",
                "install",
                "-q",
                "--extra-index-url",
                f"{url}/simple/",
                "acme-bench==1.0.0",
                "pytest",
            ],
            root,
        )
        run([python, "-c", "import acme_bench; assert acme_bench.__version__ == '1.0.0'"], root)
        run([python, "-m", "pytest", "-q"], root)
        return time.perf_counter() - begun


def rehearsal(root: Path, pip: str = "own-file", *, first: bool = True) -> float:
    """`nox -s release`; its wall time in seconds. A first run finds no results of earlier ones."""
    if first:
        shutil.rmtree(os.environ["OMNI_RELEASE_CACHE_DIR"], ignore_errors=True)
    (root / "pyproject.toml").write_text(PYPROJECT.format(pip=pip))
    settle()
    begun = time.perf_counter()
    run([sys.executable, "-m", "nox", "-s", "release"], root)
    return time.perf_counter() - begun


def chain(root: Path) -> tuple[float, float]:
    """Of the newest run: the lane's own seconds, and those of the longest chain of child processes in it."""
    folder = max((root / ".omni-release" / "runs").iterdir())
    spent: dict[str, float] = {}
    for line in (folder / "journal.jsonl").read_text(encoding="utf-8").splitlines():
        event = json.loads(line)
        if event["event"] == "ran":
            spent[event["task"]] = spent.get(event["task"], 0.0) + event["seconds"]
    longest: dict[str, float] = {}
    for task in lanes.rehearse().tasks:
        before = max((longest[need] for need in task.needs), default=0.0)
        longest[task.id] = spent.get(task.id, 0.0) + before
    report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    return float(report["seconds"]), max(longest.values())


def second_runs(root: Path, slow: Path, rounds: int) -> dict[str, list[float]]:
    """The second run as a part of the first: with nothing changed, and with another README of the slow project.

    And the part of the first run that the tests of the slow project take.
    """
    parts: dict[str, list[float]] = {"nothing": [], "README": [], "tests": []}
    for number in range(rounds):
        first = rehearsal(root)
        parts["nothing"].append(rehearsal(root, first=False) / first)
        first = rehearsal(slow)
        parts["tests"].append(task_seconds(slow, "tests-pass") / first)
        (slow / "README.md").write_text(f"# acme-bench\n\nEdition {number}\n")
        parts["README"].append(rehearsal(slow, first=False) / first)
    return parts


def task_seconds(root: Path, id: str) -> float:
    """The seconds that a task of the newest run took."""
    folder = max((root / ".omni-release" / "runs").iterdir())
    report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    return next(float(outcome["seconds"]) for outcome in report["outcomes"] if outcome["id"] == id)


def main() -> None:
    """Measure and print."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    with tempfile.TemporaryDirectory() as folder:
        os.environ["OMNI_RELEASE_CACHE_DIR"] = str(Path(folder) / "cache")
        root = sample(Path(folder) / "acme-bench")
        slow = sample(Path(folder) / "slow" / "acme-bench", slow=SLOW)
        by_hand(root), rehearsal(root, "own-file"), rehearsal(root, "full")
        rows: dict[str, list[float]] = {"by hand": [], "own-file": [], "full": [], "chain": []}
        for _ in range(rounds):
            rows["by hand"].append(by_hand(root))
            rows["own-file"].append(rehearsal(root, "own-file"))
            lane, longest = chain(root)
            rows["chain"].append(lane / longest)
            rows["full"].append(rehearsal(root, "full"))
        parts = second_runs(root, slow, rounds)
    print(f"by hand {statistics.median(rows['by hand']):6.1f} s")
    for pip in ("own-file", "full"):
        ratios = [hand / ours for hand, ours in zip(rows["by hand"], rows[pip], strict=True)]
        said = f"{statistics.median(rows[pip]):6.1f} s, by hand takes {statistics.median(ratios):.1f} times as long"
        print(f"nox -s release, verify.pip = {pip:<8} {said}  ({min(ratios):.1f} to {max(ratios):.1f})")
    print(f"the lane takes {statistics.median(rows['chain']):.2f} times its longest chain of child processes")
    for changed, most in (("nothing", 1 / 3), ("README", 1 / 2)):
        part, worst = statistics.median(parts[changed]), max(parts[changed])
        print(f"second run, {changed} changed: {part:.2f} of the first (worst {worst:.2f}; at most {most:.2f})")
    print(f"the tests of the slow project take {statistics.median(parts['tests']):.2f} of its first run")


if __name__ == "__main__":
    main()
