"""Rehearse the listed packages, or those that are named: `python -m tests.compatibility flask httpx`."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from tests.compatibility import PAGE, RESULTS, Package, packages
from tests.compatibility.page import page
from tests.compatibility.rehearsal import Result, from_json, rehearse, to_json


def main(arguments: Sequence[str] | None = None) -> int:
    """Rehearse, keep the results, and write the page."""
    parser = argparse.ArgumentParser(prog="compatibility", description=__doc__)
    parser.add_argument("names", nargs="*", help="packages of the list (default: all)")
    parser.add_argument("--checkouts", type=Path, help="folder of full checkouts, each named as its package")
    parser.add_argument("--sdists", type=Path, help="folder to keep downloaded sdists in")
    parser.add_argument("--keep", type=Path, help="folder to keep the trees and run folders in")
    parser.add_argument("--jobs", type=int, default=1, help="rehearsals at a time (default: 1)")
    parser.add_argument("--page", action="store_true", help="only write the page, from the results that are kept")
    parser.add_argument("--results", type=Path, default=RESULTS, help="file of the results")
    options = parser.parse_args(arguments)
    listed = packages()
    if unknown := set(options.names) - {package.name for package in listed}:
        parser.error(f"not in the list: {', '.join(sorted(unknown))}")
    chosen = [] if options.page else [p for p in listed if not options.names or p.name in options.names]
    folder = options.keep or Path(tempfile.mkdtemp(prefix="compatibility-"))  # never inside of this project
    failed = False
    with ThreadPoolExecutor(options.jobs) as pool:
        sdists = options.sdists or folder / "sdists"
        started = {
            pool.submit(_rehearse, package, folder / package.name, sdists, options.checkouts): package
            for package in chosen
        }
        for future in as_completed(started):
            name = started[future].name
            if error := future.exception():
                print(f"{name}: not rehearsed: {error}", file=sys.stderr)
                failed = True
                continue
            result = future.result()
            print(f"{name} {result.version}: {result.verdict} in {result.seconds} s", *result.blocked, sep="\n  ")
            sys.stdout.flush()
            if result.verdict == "interrupted":
                failed = True
                continue
            # Read again: another process may rehearse other packages at the same time.
            write(options.results, listed, {**read(options.results), name: result})
    if not options.keep:
        shutil.rmtree(folder)
    if options.results == RESULTS:
        PAGE.write_text(page(listed, read(options.results)), encoding="utf-8", newline="\n")
    return int(failed)


def _rehearse(package: Package, folder: Path, sdists: Path, checkouts: Path | None) -> Result:
    shutil.rmtree(folder, ignore_errors=True)
    return rehearse(package, folder, sdists=sdists, checkouts=checkouts)


def read(path: Path) -> dict[str, Result]:
    """The results that are kept."""
    document = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return {name: from_json(result) for name, result in document.items()}


def write(path: Path, listed: Sequence[Package], results: Mapping[str, Result]) -> None:
    """Keep the results, in the order of the list; those of packages that are no longer in it are dropped."""
    document = {package.name: to_json(results[package.name]) for package in listed if package.name in results}
    path.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8", newline="\n")


if __name__ == "__main__":
    sys.exit(main())
