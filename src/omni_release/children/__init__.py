"""Programs that a lane starts, each in a process of its own.

`build` runs on our interpreter. `probe` runs on the interpreter of an environment under test, where nothing of ours is
installed: it is started as a file, uses the standard library alone, and writes what it found to a file.
"""

from pathlib import Path


def program(name: str) -> Path:
    """The file of one of them."""
    return Path(__file__).with_name(f"{name}.py")
