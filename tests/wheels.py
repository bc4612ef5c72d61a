"""Small wheels, written by hand: no build, no network."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Mapping
from pathlib import Path


def write_wheel(
    folder: Path, name: str, version: str, modules: Mapping[str, str], *headers: str, form: str = "2.4"
) -> Path:
    """A wheel of these modules, by their paths, with these lines in its metadata, which are of the version `form`."""
    info = f"{name}-{version}.dist-info"
    metadata = "\n".join((f"Metadata-Version: {form}", f"Name: {name}", f"Version: {version}", *headers, ""))
    files = {
        **modules,
        f"{info}/METADATA": metadata,
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    files[f"{info}/RECORD"] = "".join(f"{file},,\n" for file in (*files, f"{info}/RECORD"))
    folder.mkdir(parents=True, exist_ok=True)
    wheel = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for file, content in files.items():
            archive.writestr(file, content)
    return wheel


def offline(index: Path) -> dict[str, str]:
    """The variables with which uv installs from this folder alone."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("PIP_", "UV_"))}
    return kept | {"UV_NO_INDEX": "1", "UV_OFFLINE": "1", "UV_FIND_LINKS": str(index)}
