"""Import what was installed and say what it is. Runs on the interpreter of the environment under test.

    python -I probe.py RESULT DISTRIBUTION MODULE...

RESULT gets JSON: {"version", "modules": {NAME: {"file", "version", "error"}}, "entry_points": {"GROUP: NAME": error}}.
Standard library alone.
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


def load(entry_point: importlib.metadata.EntryPoint) -> "str | None":
    """What goes wrong when an entry point is loaded; None where nothing does."""
    try:
        entry_point.load()
    except BaseException as error:  # noqa: BLE001 - as above
        return type(error).__name__ + ": " + str(error)
    return None


def main(argv: list) -> None:  # type: ignore[type-arg]  # as above
    """Look, and write down."""
    result, name, *modules = argv
    found: dict = {  # type: ignore[type-arg]  # as above
        "version": None,
        "modules": {name: look(name) for name in modules},
        "entry_points": {},
    }
    try:
        distribution = importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError:
        pass
    else:
        found["version"] = distribution.version
        found["entry_points"] = {f"{point.group}: {point.name}": load(point) for point in distribution.entry_points}
    with open(result, "w", encoding="utf-8") as file:
        json.dump(found, file)


if __name__ == "__main__":
    main(sys.argv[1:])
