"""What the audit costs over the bare ast-grep with the same rules, on a tree of half a million lines.

    python bench/audit.py [ROUNDS]

The tree is moto, from the package index. Both look with all shipped rules and the same configuration, in turns; the
audit is the whole of it: which files there are, what of them can be read, the one run of ast-grep, the findings.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

from omni_release import code, programs, source_tree
from omni_release.adapters.processes import LocalProcesses
from omni_release.code import scan

PACKAGE, LINES, MOST = "moto==5.2.5", 490_000, 1.3


def main(rounds: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = fetched(Path(folder))
        lines = sum(path.read_bytes().count(b"\n") for path in root.rglob("*.py"))
        print(f"{PACKAGE}: {lines} lines of Python")
        assert lines >= LINES
        bare, whole = [], []
        for _ in range(rounds):
            bare.append(timed(lambda: by_itself(root, Path(folder))))
            whole.append(timed(lambda: by_us(root)))
        ratio = statistics.median(whole) / statistics.median(bare)
        print(f"ast-grep alone  {statistics.median(bare):6.2f} s  {sorted(round(t, 2) for t in bare)}")
        print(f"the audit       {statistics.median(whole):6.2f} s  {sorted(round(t, 2) for t in whole)}")
        print(f"{ratio:.2f} times, at most {MOST} are promised")
        sys.exit(ratio > MOST)


def fetched(folder: Path) -> Path:
    """The package, unpacked."""
    pip = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--quiet",
        "--no-deps",
        "--only-binary=:all:",
        "--dest",
        str(folder),
    ]
    subprocess.run([*pip, PACKAGE], check=True)
    (wheel,) = folder.glob("*.whl")
    root = folder / "tree"
    zipfile.ZipFile(wheel).extractall(root)
    return root


def timed(work: object) -> float:
    assert callable(work)
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def by_itself(root: Path, folder: Path) -> None:
    """ast-grep, as somebody with the same rules would run it."""
    bare = folder / "bare"
    if not bare.is_dir():
        bare.mkdir()
        scan.write_configuration(bare, scan.shipped_rules(), code.Sources((), (), ()))
    argv = [programs.find_program("ast-grep"), "scan", "--config", str(bare / "sgconfig.yml"), "--json=stream", "."]
    ended = subprocess.run(argv, cwd=root, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    assert ended.returncode in (0, 1)


def by_us(root: Path) -> None:
    processes = LocalProcesses(str)
    try:
        files = source_tree.files(root, processes)
        options = scan.ScanOptions(root, files, scan.shipped_rules(), (), root / "none", os.environ)
        list(scan.find_matches(options, processes))
    finally:
        processes.close()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
