"""Which models a project names, where, and whether they still live."""

from __future__ import annotations

import datetime
import functools
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources
from types import MappingProxyType
from typing import Any


@dataclass(frozen=True)
class Price:
    """USD per million tokens; None where it is not known. `per_image` is USD by size.

    `second_hand`: read on other pages than the source, which quote it.
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
    """What is known of a model. `shut_down` is the first day on which it does not answer any more."""

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
        """Whether it answers on this day, as far as is known."""
        return self.shut_down is None or on < self.shut_down


@functools.cache
def all_models() -> Mapping[str, Model]:
    """All models of models.toml, by name."""
    read = tomllib.loads((resources.files("omni_release.models") / "models.toml").read_text(encoding="utf-8"))
    sources: dict[str, str] = read["sources"]
    return MappingProxyType({table["name"]: _model(table, sources) for table in read["model"]})


def _model(table: dict[str, Any], sources: dict[str, str]) -> Model:
    return Model(
        name=table["name"],
        family=table["family"],
        stage=table["stage"],
        released=table.get("released"),
        shut_down=table.get("shut-down"),
        successor=table.get("successor"),
        source=sources[table["source"]],
        checked=table["checked"],
        price=_price(table["price"], sources) if "price" in table else None,
    )


def _price(table: dict[str, Any], sources: dict[str, str]) -> Price:
    return Price(
        table.get("input"),
        table.get("text-output"),
        table.get("image-output"),
        MappingProxyType(table.get("per-image", {})),
        sources[table["source"]],
        table["checked"],
        table.get("second-hand", False),
    )


def bare_name(name: str) -> str:
    """A model's name without `models/` before it."""
    return name.strip().removeprefix("models/")


def find(name: str) -> Model | None:
    """What is known of the model of this name, with or without `models/` before it."""
    return all_models().get(bare_name(name))


def successor(name: str, on: datetime.date) -> str | None:
    """The living end of the chain of successors; None where it ends in a dead one, in a circle, or is not known."""
    seen: set[str] = set()
    model = find(name)
    while model is not None and model.name not in seen:
        if model.name != bare_name(name) and model.lives(on):
            return model.name
        seen.add(model.name)
        model = find(model.successor) if model.successor else None
    return None


def describe(name: str, on: datetime.date) -> str:
    """A model's life span in a sentence."""
    model = find(name)
    if model is None:
        return "not in our table of models"
    if not model.lives(on):
        heir = successor(name, on)
        return f"shut down on {model.shut_down}" + (f", replaced by {heir}" if heir else "")
    return f"shuts down on {model.shut_down}" if model.shut_down else f"{model.stage}, no shut-down date announced"
