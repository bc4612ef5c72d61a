"""Replay the day in a temporary folder, and write the page: `python -m tests.demo`."""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from tests.demo import PAGE, replayed
from tests.demo.day import NotStopped


def main() -> int:
    """Write the page; 1 where a failure was neither stopped nor avoided."""
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="omni-release-demo-") as folder:
        try:
            written = replayed(
                Path(folder), tell=lambda key: print(f"{time.monotonic() - begun:6.1f} s  {key}", flush=True)
            )
        except NotStopped as error:
            print(error, file=sys.stderr)
            return 1
    PAGE.write_text(written, encoding="utf-8", newline="\n")
    print(PAGE)
    return 0


if __name__ == "__main__":
    sys.exit(main())
