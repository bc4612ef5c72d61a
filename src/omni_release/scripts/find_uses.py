"""Find what other packages have of what a project uses of them. Runs on the interpreter of another environment.

    python -I find_uses.py RESULT USES

USES is a JSON file: {"uses": [[MODULE, [NAME, ...], [KEYWORD, ...]], ...], "distributions": [NAME, ...]}. Of each use
the file RESULT has {"there", "lacks", "distribution"}: whether the module, the names below it and the keywords of a
call of it are there, null where that is unknown; what is lacking; and which of the distributions has the module.
Standard library alone.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import inspect
import json
import os
import re
import sys
from types import ModuleType
from typing import Any


def find(module: str, names: list[str], keywords: list[str]) -> tuple[bool | None, str, str]:
    """Whether a use is possible, what is lacking, and the file of the last module on the way."""
    try:
        found: Any = importlib.import_module(module)
    except ModuleNotFoundError as error:
        missing = error.name or ""
        return False if f"{module}.".startswith(f"{missing}.") else None, missing, ""
    except BaseException:  # noqa: BLE001 - whatever a package does at its import, the answer is written
        return None, "", ""
    path, file = module, _file(found)
    for name in names:
        path = f"{path}.{name}"
        try:
            found = getattr(found, name)
        except AttributeError:
            if not isinstance(found, ModuleType):
                return False, path, file
            try:
                found = importlib.import_module(path)
            except ModuleNotFoundError as error:
                return False if error.name == path else None, path, file
            except BaseException:  # noqa: BLE001 - as above
                return None, "", file
        except BaseException:  # noqa: BLE001 - a property can raise anything
            return None, "", file
        file = _file(found) or file
    lacking = _refused(found, keywords)
    return not lacking, f"{path}({lacking}=…)" if lacking else "", file


def _file(found: object) -> str:
    return str(getattr(found, "__file__", None) or "") if isinstance(found, ModuleType) else ""


def _refused(called: object, keywords: list[str]) -> str:
    """The first keyword that a call does not take; empty where it takes all, or does not say."""
    if not keywords or not callable(called):
        return ""
    try:
        parameters = inspect.signature(called).parameters.values()
        # A model of pydantic takes its fields by name, although its signature shows their aliases.
        taken = {name for base in getattr(called, "__mro__", ()) for name in inspect.get_annotations(base)}
    except BaseException:  # noqa: BLE001 - an object can say anything of its signature
        return ""
    if any(one.kind is one.VAR_KEYWORD for one in parameters):
        return ""
    taken |= {one.name for one in parameters if one.kind in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY)}
    return next((keyword for keyword in keywords if keyword not in taken), "")


def owners(names: list[str]) -> dict[str, str]:
    """The files of these distributions, each with the name of the one that has it."""
    found = {}
    for name in names:
        try:
            files = importlib.metadata.distribution(name).files or ()
        except importlib.metadata.PackageNotFoundError:
            continue
        found.update(
            {os.path.realpath(str(file.locate())): name for file in files if re.search(r"\.(py|so|pyd)$", str(file))}
        )
    return found


def main(argv: list[str]) -> None:
    """Answer for all uses."""
    result, uses = argv
    with open(uses, encoding="utf-8") as file:
        document = json.load(file)
    sys.argv = sys.argv[:1]
    of, leave = owners(document["distributions"]), os._exit  # a module can replace it
    answers = []
    for use in document["uses"]:
        there, lacks, path = find(*use)
        answers.append({"there": there, "lacks": lacks, "distribution": of.get(os.path.realpath(path), "")})
    with open(result, "w", encoding="utf-8") as file:
        json.dump({"answers": answers}, file)
    leave(0)  # threads and exit handlers of the modules would keep this waiting


if __name__ == "__main__":
    main(sys.argv[1:])
