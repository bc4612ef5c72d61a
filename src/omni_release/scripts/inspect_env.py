"""Describe an environment, and import what is installed in it. Runs on the interpreter of that environment.

    python -I inspect_env.py - DISTRIBUTION
    python -I inspect_env.py RESULT DISTRIBUTION MODULE...

The first prints JSON: {"python", "prefix", "site", "pip", "version", "direct_url"}; the last two are null where the
distribution is not installed, or does not say. The second imports the modules, loads all entry points, and writes the
same to the file RESULT, with {"modules": {NAME: {"file", "version", "error"}}, "entry_points": {"GROUP: NAME": error}}:
an import may print anything. Standard library alone.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import json
import platform
import sys
import sysconfig
import traceback
from typing import Any


def describe(distribution: importlib.metadata.Distribution | None) -> dict[str, Any]:
    """The environment, and the version and origin (PEP 610) of a distribution in it."""
    origin = distribution.read_text("direct_url.json") if distribution else None
    return {
        "python": platform.python_version(),
        "prefix": sys.prefix,
        "site": sysconfig.get_path("purelib"),
        "pip": importlib.util.find_spec("pip") is not None,
        "version": distribution.version if distribution else None,
        "direct_url": json.loads(origin) if origin else None,
    }


def import_module(name: str) -> dict[str, Any]:
    """The file and the version of a module, or the traceback of its import."""
    try:
        module = importlib.import_module(name)
    except BaseException:  # noqa: BLE001 - whatever an import does, the answer is written
        return {"file": None, "version": None, "error": traceback.format_exc()}
    file = getattr(module, "__file__", None) or next(iter(getattr(module, "__path__", [])), None)
    version = getattr(module, "__version__", None)
    return {"file": file, "version": version if isinstance(version, str) else None, "error": None}


def load_error(entry_point: importlib.metadata.EntryPoint) -> str | None:
    """The error of loading an entry point; None where it loads."""
    try:
        entry_point.load()
    except BaseException as error:  # noqa: BLE001 - as above
        return type(error).__name__ + ": " + str(error)
    return None


def main(argv: list[str]) -> None:
    """Print the description, or write it with the results of all imports."""
    result, name, *modules = argv
    try:
        distribution = importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError:
        distribution = None
    if result == "-":
        print(json.dumps(describe(distribution)))
        return
    imported = {module: import_module(module) for module in modules}
    entry_points = distribution.entry_points if distribution else []
    errors = {f"{point.group}: {point.name}": load_error(point) for point in entry_points}
    with open(result, "w", encoding="utf-8") as file:
        json.dump({**describe(distribution), "modules": imported, "entry_points": errors}, file)


if __name__ == "__main__":
    main(sys.argv[1:])
