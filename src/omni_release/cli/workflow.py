"""`omni-release workflow github`: print the workflows, or write them where the service looks for them."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from omni_release import __version__
from omni_release.core import errors
from omni_release.core.actions import Write
from omni_release.core.errors import Conflict, UsageError
from omni_release.core.world import Files

FOLDER = Path(".github", "workflows")


def main(root: Path, name: str, files: Files, *, write: bool, json: bool = False) -> int:
    """Print or write the workflows, as JSON too. Raises Conflict where a file of another content is there."""
    if name and name not in NAMES:
        raise UsageError(f"there is no workflow {name!r}", f"There are: {', '.join(NAMES)}.")
    # The matrix is what nox lists: without a noxfile there is none.
    parts = {"gate": ("sessions",) if (root / "noxfile.py").is_file() else ()}
    texts = {n: github(n, *parts.get(n, ())) for n in NAMES if name in ("", n)}
    if write:
        _write(root, texts, files)
    if json:
        from omni_release.core.documents import to_json

        told = [{"path": (FOLDER / f"{n}.yml").as_posix(), "text": text} for n, text in texts.items()]
        sys.stdout.write(to_json({"workflows": told, "written": write}))
    elif write:
        sys.stdout.writelines(f"{(FOLDER / n).as_posix()}.yml\n" for n in texts)
    else:
        sys.stdout.write("---\n".join(f"# {(FOLDER / n).as_posix()}.yml\n{text}" for n, text in texts.items()))
    return errors.EXIT_PASSED


def _write(root: Path, texts: Mapping[str, str], files: Files) -> None:
    targets = {root / FOLDER / f"{n}.yml": text.encode() for n, text in texts.items()}
    for target, content in targets.items():
        if target.exists() and target.read_bytes() != content:
            raise Conflict(f"{target} is there, and is another", "Compare it with what is printed without --write.")
    for target, content in targets.items():
        files.write(Write(target, content))


# The actions below were last looked up in 2026-08, in public workflows.


@dataclass(frozen=True)
class Pinned:
    """An action, the commit that it is pinned to, and the version that this commit is."""

    action: str
    commit: str
    version: str

    def __str__(self) -> str:
        return f"{self.action}@{self.commit} # {self.version}"


ACTIONS = {
    "checkout": Pinned("actions/checkout", "3d3c42e5aac5ba805825da76410c181273ba90b1", "v7.0.1"),
    "setup-python": Pinned("actions/setup-python", "5fda3b95a4ea91299a34e894583c3862153e4b97", "v7.0.0"),
    "upload-artifact": Pinned("actions/upload-artifact", "043fb46d1a93c77aae656e7c1c64a875d1fc6a0a", "v7.0.1"),
    "download-artifact": Pinned("actions/download-artifact", "3e5f45b2cfb9172054b4087a40e8e0b5a5461e7c", "v8.0.1"),
    "gh-action-pypi-publish": Pinned(
        "pypa/gh-action-pypi-publish", "dc37677b2e1c63e2034f94d8a5b11f265b73ba33", "v1.14.2"
    ),
    "upload-sarif": Pinned("github/codeql-action/upload-sarif", "ff2f1c621b7f889edc0d3c761ac2e6a3f8cdb0dd", "v4.37.7"),
}
"""The one place of the actions' commits."""


NAMES = ("gate", "release")

_REQUIREMENT = f"omni-release[all]=={__version__}"


def github(name: str, *parts: str) -> str:
    """The workflow of this name, with more jobs at its end."""
    text = "".join(_template(part) for part in (name, *parts))
    text = re.sub(r"uses: <([a-z-]+)>", lambda match: f"uses: {ACTIONS[match[1]]}", text)
    return text.replace("<omni-release>", _REQUIREMENT)


def _template(name: str) -> str:
    return (resources.files("omni_release") / "workflows" / f"{name}.yml").read_text(encoding="utf-8")
