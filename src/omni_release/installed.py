"""What lies in a virtual environment: is this wheel, byte for byte, what was installed there?"""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path


def site_packages(environment: Path) -> Path | None:
    """The environment's folder for pure Python packages; None where there is no environment."""
    found = [environment / "Lib" / "site-packages", *sorted((environment / "lib").glob("python*/site-packages"))]
    return next((path for path in found if path.is_dir()), None)


def holds(environment: Path, wheel: Path) -> bool:
    """Whether each file of the wheel stands in the environment with the very same bytes.

    Scripts and data (`*.data/`) go elsewhere, RECORD is rewritten by the installer: these are passed over.
    """
    base = site_packages(environment)
    if base is None:
        return False
    with zipfile.ZipFile(wheel) as archive:
        for entry in archive.infolist():
            top = entry.filename.partition("/")[0]
            if entry.is_dir() or top.endswith(".data") or entry.filename.endswith(".dist-info/RECORD"):
                continue
            installed = base / entry.filename
            if not installed.is_file() or _digest(installed.read_bytes()) != _digest(archive.read(entry)):
                return False
    return True


def _digest(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()
