"""Import the modules of a program of Python, and run it when its arguments come: to import them takes longer.

    python -P -m omni_release.scripts.prepared PROGRAM [MODULE ...]

PROGRAM is run as by `python -m PROGRAM`. What it is to run with is a line of JSON on stdin: its `arguments`, the folder
`cwd`, and all variables of its `environment`. Without that line, nothing is run. What is printed on stderr goes to
stdout; the end of stderr says that the modules are imported.
"""

import contextlib
import importlib
import json
import os
import runpy
import sys


def main() -> None:
    """Import, wait, and run the program."""
    program, *modules = sys.argv[1:]
    imported = os.dup(2)
    os.dup2(1, 2)
    for name in modules:
        with contextlib.suppress(Exception):  # the program itself says what it lacks
            importlib.import_module(name)
    os.close(imported)
    line = sys.stdin.buffer.readline()
    if not line:
        return
    call = json.loads(line)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    os.chdir(call["cwd"])
    os.environ.clear()
    os.environ.update(call["environment"])
    sys.argv[1:] = call["arguments"]
    runpy.run_module(program, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
