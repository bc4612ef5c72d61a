"""Programs that a run starts, each in a process of its own.

`ask_index`, `ask_keyring`, `build` and `prepared` run on our interpreter, as modules; `process_group` and `watchdog`
run on it as files.

`fill_models`, `import_objects`, `inspect_env` and `warnings_recorder` run on the interpreter of another environment,
where omni-release is not installed: each is one file that uses the standard library alone. `warnings_recorder` is not
started, but copied into the environment, where each interpreter imports it at its start.
"""

from pathlib import Path

REQUIREMENTS_FILE = "omni-release-requirements.txt"
"""The file in the environment of a build with all that was asked for, one requirement a line."""

ENVIRONMENT_FILE = "build-environment.json"
"""The file in the run folder with what the distributions were built with: see `builds.record`."""


def program(name: str) -> Path:
    """The file of one of these programs."""
    return Path(__file__).with_name(f"{name}.py")
