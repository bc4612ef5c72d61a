"""Where uv and pip get our own file from: the target index alone, and no setting of this machine changes that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from omni_release.seams import World


@dataclass(frozen=True)
class Source:
    """The arguments that name it, and the variables (with their secrets) where the address has a password in it."""

    uv: tuple[str, ...]
    pip: tuple[str, ...]
    secrets: Mapping[str, str]


def target_index(world: World, project: str) -> Source:
    """The target index as a source of the project's own file."""
    simple, secrets = world.index.target.simple, world.index.reading(project)
    uv, pip = ("--no-config", "--refresh-package", project), ("--no-cache-dir",)
    if secrets:  # pip's --isolated would ignore the variable; there is no other of its own, and no file
        return Source(uv, pip, secrets)
    return Source((*uv, "--default-index", simple), ("--isolated", *pip, "--index-url", simple), {})
