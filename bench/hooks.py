"""What the hook for everything costs on a small project: the tool's own time, without the programs that it asks.

    python bench/hooks.py [ROUNDS]

It runs the very command of the hook `omni-release` in .pre-commit-hooks.yaml, in a git repository of its own, with
bytecode kept, as pre-commit's own environment has it. *whole* is by the clock, *programs* while git, ast-grep or ruff
runs, *own* the rest; *own processor* is what our process took of it, which hardly minds how busy the machine is. Beside
it, in turns, a bare interpreter.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]
HOOK, MOST = "omni-release", 0.5

# The hook's own entry point, which says at its end how long programs ran, and what it took of the processor itself.
MEASURED = """
import atexit, json, resource, sys, time
from omni_release.adapters.processes import LocalProcesses
out, spans = sys.argv.pop(1), []
def timed(method):
    def measured(*arguments, **named):
        begun = time.perf_counter()
        try:
            return method(*arguments, **named)
        finally:
            spans.append((begun, time.perf_counter()))
    return measured
LocalProcesses.run, LocalProcesses.ask = timed(LocalProcesses.run), timed(LocalProcesses.ask)
def told():
    programs, until = 0.0, 0.0
    for begun, ended in sorted(spans):
        programs, until = programs + max(ended - max(begun, until), 0.0), max(ended, until)
    used = resource.getrusage(resource.RUSAGE_SELF)
    with open(out, "w") as file:
        json.dump([programs, used.ru_utime + used.ru_stime], file)
atexit.register(told)
from omni_release.__main__ import main
main()
"""


def main(rounds: int) -> None:
    hooks = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    arguments = next(hook["entry"].split()[1:] for hook in hooks if hook["id"] == HOOK)
    with tempfile.TemporaryDirectory() as folder:
        root = prepared(Path(folder))
        taken(root, arguments)  # what is written once: caches of bytes
        runs = [taken(root, arguments) for _ in range(rounds)]
    for number, name in enumerate(("whole", "programs", "own", "own processor", "bare interpreter")):
        column = [run[number] for run in runs]
        print(f"{name:<24} {statistics.median(column):5.2f} s  {sorted(round(value, 2) for value in column)}")
    ratio = statistics.median(run[0] / run[4] for run in runs)
    own = statistics.median(run[2] for run in runs)
    print(f"{ratio:.1f} times a bare interpreter; own time {own:.2f} s, at most {MOST} s are promised")
    sys.exit(own > MOST)


def prepared(folder: Path) -> Path:
    """The sample project, in a repository of its own."""
    root = folder / "sound"
    shutil.copytree(ROOT / "tests" / "cases" / "sound", root, ignore=shutil.ignore_patterns("__pycache__"))
    for command in (["init", "--quiet"], ["add", "--all"]):
        subprocess.run(["git", *command], cwd=root, check=True)
    return root


def taken(root: Path, arguments: list[str]) -> tuple[float, float, float, float, float]:
    """Seconds: the whole, the programs, our own by the clock, our own of the processor, a bare interpreter."""
    out = root.parent / "taken.json"
    whole = seconds([sys.executable, "-c", MEASURED, str(out), *arguments], root)
    programs, processor = json.loads(out.read_text(encoding="utf-8"))
    return whole, programs, whole - programs, processor, seconds([sys.executable, "-c", "pass"], root)


def seconds(command: list[str], cwd: Path) -> float:
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    begun = time.perf_counter()
    subprocess.run(command, cwd=cwd, env=kept, check=True, capture_output=True)
    return time.perf_counter() - begun


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 11)
