"""Programs that a run starts, each in a process of its own.

`ask_keyring` and `build` run on our interpreter, as modules. `shield` runs on it too, as a file.

`filling`, `local`, `probe` and `recorder` run on the interpreter of another environment, where nothing of ours is
installed: they are files, and use the standard library alone. What `filling` and `probe` found they write to a file,
`local` prints it; `recorder` is not started, but copied into the environment, and imported as each interpreter starts.
"""

from pathlib import Path


def program(name: str) -> Path:
    """The file of one of them."""
    return Path(__file__).with_name(f"{name}.py")
