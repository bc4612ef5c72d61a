"""The registry of AI models: life cycle, successors and prices, each with its source (data/*.json)."""

from __future__ import annotations

import datetime
from collections.abc import Mapping

from omni_release.models.facts import Model
from omni_release.models.overlay import at, current, existing_user_cache
from omni_release.models.registry import PROJECT, Registry, builtin

__all__ = ["PROJECT", "Model", "Registry", "all_models", "at", "builtin", "current", "existing_user_cache", "find"]


def all_models() -> Mapping[str, Model]:
    """The models of the current registry by name; of a name on several platforms the vendor's own."""
    return {name: found[0] for name, found in current().by_name.items()}


def bare_name(name: str) -> str:
    """A model's name without the prefix `models/`."""
    return name.strip().removeprefix("models/")


def find(name: str, platform: str = "") -> Model | None:
    """The model of this name in the current registry, in any written form; None if it is unknown."""
    return current().find(name, platform)


def successor(name: str, on: datetime.date) -> str | None:
    """The name to use instead, by the current registry: see `Registry.successor`."""
    return current().successor(name, on)


def describe(name: str, on: datetime.date, platform: str = "") -> str:
    """A model's life span by the current registry, as a phrase."""
    return current().describe(name, on, platform)
