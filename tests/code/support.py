"""Shared by the tests of the audit: a scan of a folder with the real ast-grep."""

from __future__ import annotations

import os
from pathlib import Path

from omni_release import source_tree
from omni_release.adapters.processes import LocalProcesses
from omni_release.code import scan
from omni_release.core.model import Finding


def found(root: Path, *own: Path, ignored: tuple[str, ...] = (), shipped: bool = True) -> list[Finding]:
    """The findings below `root`, by the shipped rules and the project's own rule files."""
    processes = LocalProcesses(str)
    rules = (*(scan.shipped_rules() if shipped else ()), *(scan.rule_file(path, path.name) for path in own))
    try:
        files = source_tree.files(root, processes)
        options = scan.ScanOptions(root, files, rules, ignored, root / "no-run", os.environ)
        return list(scan.find_matches(options, processes))
    finally:
        processes.close()
