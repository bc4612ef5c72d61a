"""How a virtual environment is laid out, on this system."""

from __future__ import annotations

import os
import sysconfig
from pathlib import Path


def scripts(environment: Path) -> Path:
    """The folder of a virtual environment that holds its programs."""
    return environment / ("Scripts" if os.name == "nt" else "bin")


def site_packages(environment: Path) -> Path:
    """The folder for packages of a virtual environment that was made with our own interpreter."""
    return Path(sysconfig.get_path("purelib", scheme="venv", vars={"base": str(environment)}))


def python(environment: Path) -> Path:
    """The interpreter of a virtual environment."""
    return scripts(environment) / ("python.exe" if os.name == "nt" else "python")
