"""The registry of AI models: life cycle, successors and prices, each with its source (models.toml)."""

from __future__ import annotations

import datetime
import functools
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources
from types import MappingProxyType


@dataclass(frozen=True)
class Price:
    """Prices in USD per million tokens, None if unknown. `per_image` is in USD, by size.

    `second_hand`: read on pages that quote the source, not on the source itself.
    """

    input: float | None
    text_output: float | None
    image_output: float | None
    per_image: Mapping[str, float] = field(default_factory=dict)
    source: str = ""
    checked: datetime.date | None = None
    second_hand: bool = False


@dataclass(frozen=True)
class Model:
    """A model of the registry. `shut_down` is the first day on which it no longer responds."""

    name: str
    family: str
    stage: str
    released: datetime.date | None
    shut_down: datetime.date | None
    successor: str | None
    source: str
    checked: datetime.date
    price: Price | None

    def lives(self, on: datetime.date) -> bool:
        """Whether it responds on this day, as far as is known."""
        return self.shut_down is None or on < self.shut_down


@functools.cache
def all_models() -> Mapping[str, Model]:
    """All models of models.toml, by name."""
    text = (resources.files("omni_release.models") / "models.toml").read_text(encoding="utf-8")
    document = tomllib.loads(text)
    sources: dict[str, str] = document["sources"]
    models = {}
    for table in document["model"]:
        price = None
        if costs := table.get("price"):
            price = Price(
                input=costs.get("input"),
                text_output=costs.get("text-output"),
                image_output=costs.get("image-output"),
                per_image=MappingProxyType(costs.get("per-image", {})),
                source=sources[costs["source"]],
                checked=costs["checked"],
                second_hand=costs.get("second-hand", False),
            )
        models[table["name"]] = Model(
            name=table["name"],
            family=table["family"],
            stage=table["stage"],
            released=table.get("released"),
            shut_down=table.get("shut-down"),
            successor=table.get("successor"),
            source=sources[table["source"]],
            checked=table["checked"],
            price=price,
        )
    return MappingProxyType(models)


def bare_name(name: str) -> str:
    """A model's name without the prefix `models/`."""
    return name.strip().removeprefix("models/")


def find(name: str) -> Model | None:
    """The model of this name, with or without the prefix `models/`; None if it is unknown."""
    return all_models().get(bare_name(name))


def successor(name: str, on: datetime.date) -> str | None:
    """The living end of the chain of successors; None if it is unknown, or the chain ends in a dead one or a circle."""
    seen: set[str] = set()
    model = find(name)
    while model is not None and model.name not in seen:
        if model.name != bare_name(name) and model.lives(on):
            return model.name
        seen.add(model.name)
        model = find(model.successor) if model.successor else None
    return None


def describe(name: str, on: datetime.date) -> str:
    """A model's life span, as a phrase."""
    model = find(name)
    if model is None:
        return "not in the table of models"
    if not model.lives(on):
        heir = successor(name, on)
        return f"shut down on {model.shut_down}" + (f", replaced by {heir}" if heir else "")
    return f"shuts down on {model.shut_down}" if model.shut_down else f"{model.stage}, no shut-down date announced"
