"""The table of models, and how a written name is looked up in it."""

from __future__ import annotations

import datetime
import functools
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import resources
from types import MappingProxyType
from typing import Any

from omni_release.models import references
from omni_release.models.facts import PLATFORMS, RESALE, Claim, Introductory, Model, Price, Stage

STALE_AFTER = datetime.timedelta(days=60)
"""The age from which the facts about a platform are reported as old."""


OVERLAY = "omni-release-models.toml"
"""The file of a project with what it adds to the table of models."""

PROJECT = "project"
"""The platform of a project's own row that states none."""


@dataclass(frozen=True)
class Platform:
    """A platform of the registry: the Gemini API and Vertex AI are two, since their dates differ.

    `read` is the day of the newest of its sources.
    """

    name: str
    title: str
    vendor: str
    read: datetime.date


@dataclass(frozen=True)
class Unknown:
    """What the registry has on a name that it does not list.

    `nearest` are the living names nearest to it; `relatives` the known models of its family and version. `elsewhere` is
    the model of this name on another platform, or the one that the name is a snapshot of. `recommended`: a source names
    it as the successor of a known model.
    """

    name: str
    platform: str
    nearest: tuple[str, ...]
    relatives: tuple[Model, ...]
    elsewhere: Model | None = None
    recommended: bool = False

    def relatives_are_gone(self, on: datetime.date) -> bool:
        """Whether there are relatives, and none of them responds."""
        gone = bool(self.relatives) and not any(model.lives(on) for model in self.relatives)
        return gone and not self.recommended


@dataclass(frozen=True)
class Registry:
    """The models by platform and name, and the platforms by name."""

    models: Mapping[tuple[str, str], Model]
    platforms: Mapping[str, Platform]

    def named(self, written: str) -> tuple[Model, ...]:
        """The models of this name on all platforms, those of the vendors first."""
        _, name = references.split(written)
        for spelling in references.spellings(name):
            if found := self.by_name.get(spelling):
                return found
        return ()

    def find(self, written: str, platform: str = "") -> Model | None:
        """The model of a written name, on this platform (default: the one that the name states, or its vendor's).

        None if it is unknown there.
        """
        stated, name = references.split(written)
        platform = platform or stated
        if not platform:
            platform = "bedrock" if references.is_of_bedrock(name) else ""
        found = self.named(name)
        if not platform:
            if references.is_of_vertex(name):
                found = tuple(model for model in found if model.platform == "vertex-ai")
            return found[0] if found else None
        return next((model for model in found if model.platform == platform), None)

    def served(self, written: str, *platforms: str) -> Model | None:
        """The model that the first of these platforms, or else the project's own rows, has of this name."""
        found = (self.find(written, platform) for platform in (*platforms, PROJECT) if platform)
        return next(filter(None, found), None)

    def title(self, platform: str) -> str:
        """The title of a platform; its name where it has none."""
        return self.platforms[platform].title if platform in self.platforms else platform

    def successor(self, name: str, on: datetime.date, platform: str = "") -> str | None:
        """The name to use instead: the first in the chain of successors whose end is not announced.

        Else the last one of the chain that responds; None if there is none. A chain may be a circle.
        """
        start = self.find(name, platform)
        seen: set[str] = {start.name} if start else set()
        queue, living = [start] if start else [], ""
        while queue:
            model = queue.pop(0)
            for heir in model.successors:
                found = self.find(heir, model.platform) or self.find(heir)
                if found is None or found.name in seen:
                    continue
                if found.is_current(on):
                    return found.name
                living = found.name if found.lives(on) else living
                seen.add(found.name)
                queue.append(found)
        return living or None

    def unknown(self, written: str, on: datetime.date, platform: str = "") -> Unknown:
        """What is known about a name that `find` does not find."""
        import difflib

        stated, name = references.split(written)
        platform = platform or stated or ("bedrock" if references.is_of_bedrock(name) else "")
        own = references.vendor_name(name) if references.is_of_bedrock(name) else name
        others = self.named(name) or self.named(own) or self.named(references.without_date(own))
        relatives = self._relatives(own) if own != name else self._relatives(name)
        candidates = sorted({model.name for model in self.models.values() if model.lives(on)})
        nearest = difflib.get_close_matches(own, candidates, n=2, cutoff=0.85)
        recommended = any(name in model.successors for model in self.models.values())
        return Unknown(name, platform, tuple(nearest), relatives, others[0] if others else None, recommended)

    def describe(self, name: str, on: datetime.date, platform: str = "") -> str:
        """A model's life span, as a phrase."""
        model = self.find(name, platform)
        if model is None:
            near = self.unknown(name, on, platform).nearest
            return "not in the table of models" + (f"; nearest known: {', '.join(near)}" if near else "")
        phrase = model.phrase(on) + self.elsewhere(model, platform or references.split(name)[0])
        if not model.is_current(on) and (heir := self.successor(name, on, platform)):
            phrase += f" → {heir}"
        return phrase

    def elsewhere(self, model: Model, stated: str) -> str:
        """` on Vertex AI`, where a name is known there, and neither its prefix (`stated`) nor its form says so."""
        own_form = references.is_of_bedrock(model.name) or references.is_of_vertex(model.name)
        return "" if stated or own_form or model.platform not in RESALE else f" on {self.title(model.platform)}"

    def of_platform(self, platform: str) -> Iterator[Model]:
        """The models of a platform, by name."""
        return (model for (of, _), model in sorted(self.models.items()) if of == platform)

    def stale(self, platform: str, on: datetime.date) -> bool:
        """Whether the newest source of a platform is older than STALE_AFTER."""
        known = self.platforms.get(platform)
        return known is not None and known.read + STALE_AFTER < on

    def _relatives(self, name: str) -> tuple[Model, ...]:
        """The known models of the same family and version: `gemini-2.0-flash…` for `gemini-2.0-flash-exp-9`."""
        parts = re.split(r"[-@]", name)
        while len(parts) > 1 and any(char.isdigit() for part in parts[:-1] for char in part):
            parts.pop()
            stem = "-".join(parts)
            found = [
                model for (_, other), model in self.models.items() if re.split(r"[-@]", other)[: len(parts)] == parts
            ]
            if stem and found:
                return tuple(found)
        return ()

    @functools.cached_property
    def added(self) -> frozenset[str]:
        """The names that the built-in table does not have."""
        return frozenset(self.by_name) - frozenset(builtin().by_name)

    @functools.cached_property
    def by_name(self) -> Mapping[str, tuple[Model, ...]]:
        """The models of each name, those of the vendors' own platforms first."""
        found: dict[str, list[Model]] = {}
        for model in sorted(self.models.values(), key=_order):
            found.setdefault(model.name, []).append(model)
        return {name: tuple(models) for name, models in found.items()}


def _order(model: Model) -> tuple[int, str]:
    return PLATFORMS.index(model.platform) if model.platform in PLATFORMS else -1, model.name


@functools.cache
def builtin() -> Registry:
    """The table that this version of omni-release was built with."""
    models: dict[tuple[str, str], Model] = {}
    platforms = {}
    for name in PLATFORMS:
        text = (resources.files("omni_release.models") / "data" / f"{name}.json").read_text(encoding="utf-8")
        document = json.loads(text)
        rows = [model_of(row, name, document["vendor"], document["sources"]) for row in document["models"]]
        models |= {(name, model.name): model for model in rows}
        newest = max(model.checked for model in rows)
        platforms[name] = Platform(name, document["title"], document["vendor"], newest)
    return Registry(MappingProxyType(models), MappingProxyType(platforms))


def overview() -> str:
    """The platforms of the built-in table as a table in Markdown, as of the day of its newest source."""
    registry = builtin()
    day = max(platform.read for platform in registry.platforms.values())
    lines = [
        f"As of {day}:",
        "",
        "| platform | names | shut down | end announced | newest source |",
        "|---|---|---|---|---|",
    ]
    for platform in registry.platforms.values():
        found = list(registry.of_platform(platform.name))
        gone = sum(not model.lives(day) for model in found)
        ending = sum(model.lives(day) and model.end is not None and model.end > day for model in found)
        lines.append(f"| {platform.title} (`{platform.name}`) | {len(found)} | {gone} | {ending} | {platform.read} |")
    return "\n".join((*lines, ""))


def model_of(row: Mapping[str, Any], platform: str, vendor: str, sources: Mapping[str, str]) -> Model:
    """The model of a row of a data file or an overlay. Raises KeyError or ValueError where the row is invalid."""
    return Model(
        name=row["name"],
        platform=platform,
        vendor=row.get("vendor", vendor),
        kind=row["kind"],
        stage=Stage(row["stage"]),
        source=sources[row["source"]],
        checked=as_date(row["read"]),
        first_hand=row.get("first_hand", "no"),
        released=str(row.get("released", "")),
        deprecated=_optional_date(row.get("deprecated")),
        end=_optional_date(row.get("end")),
        not_before=_optional_date(row.get("not_before")),
        successors=tuple(row.get("successors", ())),
        contested=tuple(Claim(_optional_date(claim.get("end")), claim["source"]) for claim in row.get("contested", ())),
        price=_price(row["price"], sources) if row.get("price") else None,
        note=row.get("note", ""),
    )


def _price(row: Mapping[str, Any], sources: Mapping[str, str]) -> Price:
    first = row.get("until")
    return Price(
        input=row.get("input"),
        text_output=row.get("text_output"),
        image_output=row.get("image_output"),
        per_image=MappingProxyType(dict(row.get("per_image", {}))),
        source=sources[row["source"]],
        checked=as_date(row["read"]),
        second_hand=not row.get("first_hand", False),
        cached_input=row.get("cached_input"),
        image_input=row.get("image_input"),
        cached_image_input=row.get("cached_image_input"),
        introductory=Introductory(as_date(first["day"]), first["input"], first["text_output"]) if first else None,
    )


def as_date(value: object) -> datetime.date:
    """A date, from a date, a time, or a date as text. Raises ValueError for anything else."""
    if isinstance(value, datetime.datetime):  # it is a date by type, and cannot be compared with one
        return value.date()
    return value if isinstance(value, datetime.date) else datetime.date.fromisoformat(str(value))


def _optional_date(value: object) -> datetime.date | None:
    return None if value is None else as_date(value)
