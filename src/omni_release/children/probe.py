"""Import what was installed and say what it is. Runs on the interpreter of the environment under test.

    python -I probe.py RESULT DISTRIBUTION MODULE...

RESULT gets JSON: {"version", "prefix", "modules": {NAME: {"file", "version", "error"}}}. Standard library alone.
"""

import importlib
import importlib.metadata
import json
import sys
import traceback


def look(name: str) -> dict:  # type: ignore[type-arg]  # any Python that a user's project may run on
    """What one import gives."""
    try:
        module = importlib.import_module(name)
    except BaseException:  # noqa: BLE001 - whatever an import does, the answer is written
        return {"file": None, "version": None, "error": traceback.format_exc()}
    file = getattr(module, "__file__", None) or next(iter(getattr(module, "__path__", [])), None)
    version = getattr(module, "__version__", None)
    return {"file": file, "version": version if isinstance(version, str) else None, "error": None}


def main(argv: list) -> None:  # type: ignore[type-arg]  # as above
    """Look, and write down."""
    result, distribution, *modules = argv
    try:
        version = importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        version = None
    found = {"version": version, "prefix": sys.prefix, "modules": {name: look(name) for name in modules}}
    with open(result, "w", encoding="utf-8") as file:
        json.dump(found, file)


if __name__ == "__main__":
    main(sys.argv[1:])
