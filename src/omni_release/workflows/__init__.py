"""Workflows for a pipeline, written once into a project and its own from then on."""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib import resources

from omni_release import __version__

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
    return (resources.files("omni_release.workflows") / f"{name}.yml").read_text(encoding="utf-8")
