"""The file of models that `models update` writes: its rows, their sources, and its text."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omni_release.core.errors import SettingsError
from omni_release.core.toml import read_values
from omni_release.models.facts import Model
from omni_release.models.registry import as_date, model_of


@dataclass(frozen=True)
class Source:
    """Where facts were read, on which day, and about which platforms.

    `name` is that of the reader, such as "openai"; `text` is the name of the file, or the address.
    """

    name: str
    text: str
    read: datetime.date
    platforms: tuple[str, ...]

    @property
    def label(self) -> str:
        """What a model has as its source: the files of two vendors may have the same name."""
        return f"{self.text} ({self.name})"


@dataclass(frozen=True)
class Overlay:
    """Rows that are added to the built-in table, and their sources."""

    models: tuple[Model, ...] = ()
    sources: tuple[Source, ...] = ()


def read(path: Path) -> Overlay:
    """The rows of a file that `models update` has written. Raises SettingsError where it is invalid."""
    try:
        document = read_values(path.read_text(encoding="utf-8"))
        sources = tuple(_source(table) for table in document.get("source", ()))
        texts = {source.name: source.label for source in sources}
        models = tuple(_model(table, texts) for table in document.get("model", ()))
    except OSError as error:
        raise SettingsError(f"cannot be read: {error.strerror}", "Correct its permissions.", path=path) from None
    except (RecursionError, KeyError, ValueError, TypeError, AttributeError) as error:  # the parsers raise ValueErrors
        what = f"no key {error}" if isinstance(error, KeyError) else str(error)
        hint = "Correct it, or delete it and run `omni-release models update`. See docs/models.md."
        raise SettingsError(f"is not a table of models: {what}", hint, path=path) from None
    return Overlay(models, sources)


def _source(table: Mapping[str, Any]) -> Source:
    platforms = tuple(map(str, table.get("platforms", ())))
    return Source(str(table["name"]), str(table["from"]), as_date(table["read"]), platforms)


def _model(table: Mapping[str, Any], sources: Mapping[str, str]) -> Model:
    row = {key.replace("-", "_"): value for key, value in table.items()}
    if "price" in row:
        price = {key.replace("-", "_"): value for key, value in row["price"].items()}
        row["price"] = {"source": row["source"], "read": row["read"], **price}
    return model_of(row, str(row["platform"]), str(row.get("vendor", row["platform"])), sources)


def write(overlay: Overlay) -> str:
    """The text of the file: one block per source and per model, sorted."""
    lines = ["# Written by `omni-release models update`. Review it as a diff, and commit it: see docs/models.md.", ""]
    for source in sorted(overlay.sources, key=lambda one: one.name):
        lines += ["[[source]]", f"name = {_quoted(source.name)}", f"from = {_quoted(source.text)}"]
        lines += [f"read = {source.read}", f"platforms = [{', '.join(map(_quoted, source.platforms))}]", ""]
    names = {source.label: source.name for source in overlay.sources}
    for model in sorted(overlay.models, key=lambda one: (one.platform, one.name)):
        lines += ["[[model]]", *_block(model, names[model.source]), ""]
    return "\n".join(lines)


def _block(model: Model, source: str) -> Iterable[str]:
    yield f"platform = {_quoted(model.platform)}"
    yield f"name = {_quoted(model.name)}"
    if model.vendor != model.platform:
        yield f"vendor = {_quoted(model.vendor)}"
    yield f"kind = {_quoted(model.kind)}"
    yield f"stage = {_quoted(model.stage)}"
    for key, value in (("deprecated", model.deprecated), ("end", model.end)):
        if value is not None:
            yield f"{key} = {value}"
    if model.released:
        yield f"released = {_quoted(model.released)}"
    if model.successors:
        yield f"successors = [{', '.join(map(_quoted, model.successors))}]"
    if model.contested:
        claims = (
            f"{{ {f'end = {claim.end}, ' if claim.end else ''}source = {_quoted(claim.source)} }}"
            for claim in model.contested
        )
        yield f"contested = [{', '.join(claims)}]"
    if model.price is not None:
        named = ("input", "cached_input", "image_input", "cached_image_input", "text_output", "image_output")
        prices = ((key.replace("_", "-"), getattr(model.price, key)) for key in named)
        stated = [f"{key} = {value}" for key, value in prices if value is not None]
        sizes = [f"{_quoted(size)} = {value}" for size, value in model.price.per_image.items()]
        stated += [f"per-image = {{ {', '.join(sizes)} }}"] if sizes else []
        stated += [] if model.price.second_hand else ["first-hand = true"]
        yield f"price = {{ {', '.join(stated)} }}"
    yield f"source = {_quoted(source)}"
    yield f"read = {model.checked}"
    yield f"first-hand = {_quoted(model.first_hand)}"


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + re.sub(r"[\x00-\x1f\x7f\ud800-\udfff]", " ", escaped) + '"'
