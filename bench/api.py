"""What the API check costs a rehearsal: nothing, as it runs side by side with what takes longer.

    python bench/api.py [ROUNDS]

The project of `bench/rehearsal.py`, in turn without an earlier release, where the check is skipped, and with a tag of
one, with which it compares. Prints the median of the ratios, how long the check takes as a part of the longest chain of
tasks that wait for each other, and whether it is on that chain: exit code 1 if it ever is.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from omni_release import lanes
from omni_release.core.model import Status
from omni_release.report.timeline import Timeline, timeline

sys.path.insert(0, str(Path(__file__).parent))
from rehearsal import rehearsal, sample  # beside this file

CHECK = "api-fits-version"
TAG = "v0.9.0"


def ran(root: Path) -> tuple[Timeline, dict[str, Any]]:
    """The timeline of the newest run, and the outcome of the check."""
    folder = max((root / ".omni-release" / "runs").iterdir())
    report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    outcomes = [SimpleNamespace(**{**one, "status": Status(one["status"])}) for one in report["outcomes"]]
    needs = {task.id: task.needs for task in lanes.rehearse().tasks}
    found = timeline(outcomes, needs, report["seconds"])  # type: ignore[arg-type]  # what it reads of an outcome
    return found, next(one for one in report["outcomes"] if one["id"] == CHECK)


def main() -> int:
    """Measure and print."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    ratios, parts, on_chain = [], [], 0
    with tempfile.TemporaryDirectory() as folder:
        os.environ["OMNI_RELEASE_CACHE_DIR"] = str(Path(folder) / "cache")
        root = sample(Path(folder) / "acme-bench")
        rehearsal(root)
        for _ in range(rounds):
            without = rehearsal(root)
            assert ran(root)[1]["status"] == "skipped"
            subprocess.run(["git", "tag", TAG], cwd=root, check=True)
            ratios.append(rehearsal(root) / without)
            found, outcome = ran(root)
            assert outcome["status"] == "passed", outcome
            parts.append(outcome["seconds"] / found.chain_seconds)
            on_chain += CHECK in found.chain
            subprocess.run(["git", "tag", "--delete", TAG], cwd=root, check=True, stdout=subprocess.DEVNULL)
    worst = f"{min(ratios):.2f} to {max(ratios):.2f}"
    print(f"with the check a rehearsal takes {statistics.median(ratios):.2f} times as long ({worst})")
    print(
        f"the check takes {statistics.median(parts):.2f} of the longest chain, and is on it in {on_chain} of {rounds}"
    )
    return 1 if on_chain else 0


if __name__ == "__main__":
    sys.exit(main())
