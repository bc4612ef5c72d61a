"""What the command line costs to start, against a bare interpreter: the median of the ratios, pair by pair."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROUNDS = 21


def seconds(command: list[str], cwd: Path) -> float:
    begun = time.perf_counter()
    subprocess.run(command, cwd=cwd, check=True, capture_output=True, env=dict(os.environ))
    return time.perf_counter() - begun


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "acme").mkdir()
        (root / "acme" / "__init__.py").write_text('__version__ = "1.0"\n')
        (root / "pyproject.toml").write_text('[project]\nname = "acme"\nversion = "1.0"\n')
        bare = [sys.executable, "-c", "pass"]
        for arguments in (["--version"], ["version"], ["version", "show"]):
            ours = [sys.executable, "-m", "omni_release", *arguments]
            seconds(ours, root)
            ratios = [seconds(ours, root) / seconds(bare, root) for _ in range(ROUNDS)]
            print(f"omni-release {' '.join(arguments):<14} {statistics.median(ratios):5.1f} times a bare interpreter")


if __name__ == "__main__":
    main()
