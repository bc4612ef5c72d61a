"""The rehearsal index against pypiserver: start to listening, and twine's upload of two small files, in one run."""

from __future__ import annotations

import contextlib
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.index.support import bare, metadata, pypi_server, sdist, twine, wheel

ROUNDS = 9
OURS = """
import sys, time
from pathlib import Path
begun = time.perf_counter()
from omni_release.local_index.server import LocalIndex, IndexSetup
from omni_release.local_index import Account
setup = IndexSetup(Path(sys.argv[1]), "acme-sound", Account("tester", "s3cret-of-the-index"), "http://127.0.0.1:9/")
with LocalIndex(setup) as index:
    print(time.perf_counter() - begun, index.url, flush=True)
    sys.stdin.read()
"""


@contextlib.contextmanager
def ours(folder: Path) -> Iterator[tuple[float, str]]:
    """Our index in a process of its own: the seconds from its first import to listening, and where it listens."""
    argv = [sys.executable, "-c", OURS, str(folder / "index")]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=bare()) as process:
        assert process.stdout is not None
        seconds, url = process.stdout.readline().split()
        yield float(seconds), f"{url}/legacy/"
        process.communicate()


def upload(url: str, files: tuple[Path, ...]) -> float:
    begun = time.perf_counter()
    ended = twine(url, *files)
    assert ended.code == 0, ended.said
    return time.perf_counter() - begun


def main() -> None:
    with tempfile.TemporaryDirectory() as made:
        root = Path(made)
        starts, ratios = [], []
        for number in range(ROUNDS):
            folder = root / str(number)
            files = (wheel(folder, metadata()), sdist(folder, metadata()))
            with ours(folder) as (seconds, url), pypi_server(folder) as other:
                starts.append(seconds)
                targets = [url, f"{other}/"]
                took = {target: upload(target, files) for target in (reversed(targets) if number % 2 else targets)}
                ratios.append(took[url] / took[f"{other}/"])
    print(f"start to listening     {statistics.median(starts):.2f} s (worst {max(starts):.2f} s)")
    print(f"twine upload, 2 files  {statistics.median(ratios):.2f} times twine against pypiserver")


if __name__ == "__main__":
    main()
