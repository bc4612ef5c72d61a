"""Describe an environment. Runs on the interpreter of that environment.

    python -I inspect_env.py DISTRIBUTION

Prints JSON: {"python", "prefix", "site", "pip", "version", "direct_url"}; the last two are null where the distribution
is not installed, or does not say. Standard library alone.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import json
import platform
import sys
import sysconfig
from typing import Any


def describe(name: str) -> dict[str, Any]:
    """The environment, and the version and origin (PEP 610) of a distribution in it."""
    try:
        distribution = importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError:
        distribution = None
    origin = distribution.read_text("direct_url.json") if distribution else None
    return {
        "python": platform.python_version(),
        "prefix": sys.prefix,
        "site": sysconfig.get_path("purelib"),
        "pip": importlib.util.find_spec("pip") is not None,
        "version": distribution.version if distribution else None,
        "direct_url": json.loads(origin) if origin else None,
    }


if __name__ == "__main__":
    print(json.dumps(describe(sys.argv[1])))
