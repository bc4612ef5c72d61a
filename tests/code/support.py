"""What the tests of the audit share: a look at a folder, by the real ast-grep."""

from __future__ import annotations

import os
from pathlib import Path

from omni_release import source_tree
from omni_release.adapters.processes import LocalProcesses
from omni_release.code import scan
from omni_release.core.model import Finding


def found(root: Path, *own: Path, ignored: tuple[str, ...] = (), shipped: bool = True) -> list[Finding]:
    """What is found below `root`, by the shipped rules and by rule files of one's own."""
    processes = LocalProcesses(str)
    rules = (*(scan.shipped_rules() if shipped else ()), *(scan.rule_file(path, path.name) for path in own))
    try:
        files = source_tree.files(root, processes)
        look = scan.ScanOptions(root, files, rules, ignored, root / "no-run", os.environ)
        return list(scan.find_matches(look, processes))
    finally:
        processes.close()
