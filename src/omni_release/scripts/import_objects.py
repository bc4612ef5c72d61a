"""Import modules and objects, as `MODULE` or `MODULE:ATTRIBUTE`. Runs on the interpreter of another environment.

    python -I import_objects.py OBJECTS RESULT SECONDS

Reads the lines of the file OBJECTS. Writes a line of JSON to the file RESULT before each import, {"object"}, and one
after it: {"object", "file", "version", "callable", "error"}. `error` is null, or {"type", "message", "missing",
"broken", "places"}: the modules that were not found, also where that was caught and another error raised, the last one
first; those of them whose top-level package is installed; and the lines [FILE, LINE] that led to the first of these, or
to the error, the innermost last. An import that takes more than SECONDS ends this program, after the line {"object",
"slow": true}. Standard library alone, and for Python 3.6 and newer: so annotations are strings.
"""

import importlib
import importlib.util
import json
import os
import sys
import threading
import traceback
from collections.abc import Iterator
from typing import Any


def import_object(name: str) -> "dict[str, Any]":
    """What an import has given, or its error."""
    path, _, attributes = name.partition(":")
    try:
        module = found = importlib.import_module(path)
        for attribute in filter(None, attributes.split(".")):
            found = getattr(found, attribute)
        file = getattr(module, "__file__", None) or next(iter(getattr(module, "__path__", ())), None)
        return {"file": file and str(file), "version": version_of(module), "callable": callable(found), "error": None}
    except BaseException as error:  # noqa: BLE001 - whatever an import does, the answer is written
        return {"file": None, "version": None, "callable": False, "error": described(error)}


def version_of(module: object) -> "str | None":
    """The `__version__` of a module, also as an object or in a module of that name; None where it has none."""
    try:
        version = getattr(module, "__version__", None)
        version = getattr(version, "__version__", version)
        if isinstance(version, (tuple, list)):
            return ".".join(map(str, version))
        # A string, or an object whose text is the version: anything else states something of another kind.
        return str(version) if isinstance(version, str) or type(version).__name__.endswith("Version") else None
    except BaseException:  # noqa: BLE001 - a computed one can raise anything
        return None


def described(error: BaseException) -> "dict[str, Any]":
    """An error, as the description of this file says."""
    missing = list(missing_modules(error))
    stack = traceback.extract_tb((missing[0] if missing else error).__traceback__)
    places = [(frame.filename, frame.lineno or 0) for frame in stack if not frame.filename.startswith("<frozen ")]
    if isinstance(error, SyntaxError) and error.filename:
        places.append((error.filename, error.lineno or 0))
    names = [str(module.name) for module in missing]
    return {
        "type": type(error).__name__,
        "message": str(error),
        "missing": names,
        "broken": [name for name in names if is_installed(name.partition(".")[0])],
        "places": [place for place in places if place[0] != __file__],
    }


def missing_modules(error: "BaseException | None") -> "Iterator[ModuleNotFoundError]":
    """The modules that were not found, in a chain of errors. The error of importlib.metadata is of distributions."""
    seen: list[BaseException] = []
    while error is not None and error not in seen:
        seen.append(error)
        if isinstance(error, ModuleNotFoundError) and error.name:
            if type(error).__name__ != "PackageNotFoundError":
                yield error
        error = error.__cause__ or error.__context__


def is_installed(package: str) -> bool:
    """Whether a top-level package or module is there; a namespace package alone says nothing."""
    try:
        spec = importlib.util.find_spec(package)
    except (ImportError, AttributeError, ValueError):
        return package in sys.modules
    return spec is not None and spec.origin is not None


def main(argv: "list[str]") -> None:
    """Import all objects, one after the other."""
    objects, result, seconds = argv
    with open(objects, encoding="utf-8") as file:
        names = file.read().split("\n")
    sys.argv = sys.argv[:1]
    write, leave = os.write, os._exit  # a module can replace them
    out = os.open(result, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)

    def too_slow(name: str) -> None:
        write(out, json.dumps({"object": name, "slow": True}).encode() + b"\n")
        leave(1)

    for name in names:
        write(out, json.dumps({"object": name}).encode() + b"\n")
        timer = threading.Timer(float(seconds), too_slow, (name,))
        timer.daemon = True
        timer.start()
        answer = import_object(name)
        timer.cancel()
        write(out, json.dumps({"object": name, **answer}).encode() + b"\n")
    sys.stdout.flush()
    leave(0)  # threads and exit handlers of the modules would keep this waiting


if __name__ == "__main__":
    main(sys.argv[1:])
