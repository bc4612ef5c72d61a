"""What is known beyond the built-in table: a project's rows, the file that it commits, and a user's cache.

A project's rows in pyproject.toml come first, then its file `omni-release-models.toml`, then the built-in table. A
user's cache adds names and earlier ends alone, and a run (a rehearsal, a release) ignores it.
"""

from __future__ import annotations

import datetime
import functools
import os
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from omni_release.core.errors import SettingsError
from omni_release.core.toml import read_values
from omni_release.models import overlay_file
from omni_release.models.facts import CURRENT, GONE, Claim, Model, Price, Stage
from omni_release.models.overlay_file import Overlay
from omni_release.models.registry import OVERLAY, PROJECT, Platform, Registry, builtin

if TYPE_CHECKING:
    from omni_release.core.settings import ModelRow


def at(root: Path, user_cache: Path | None = None) -> Registry:
    """The registry of the project at `root`: its own rows over its committed file over the built-in table.

    With `user_cache`, what that file adds is there too. Raises SettingsError where a file is invalid.
    """
    files = (root / "pyproject.toml", root / OVERLAY, *((user_cache,) if user_cache else ()))
    return _loaded(root, user_cache, tuple(map(_state, files)))


def current() -> Registry:
    """The registry of the project that the current folder is in; the built-in table where there is none that is valid.

    For code that runs in a project without knowing of it: a provider, the emulator, a smoke test.
    """
    try:
        here = Path.cwd()
        root = next((folder for folder in (here, *here.parents) if (folder / "pyproject.toml").is_file()), None)
        return builtin() if root is None else at(root)
    except (SettingsError, OSError):  # invalid settings, of which each command says so; a folder that was deleted
        return builtin()


def user_cache(environment: Mapping[str, str]) -> Path:
    """The file with what `models update --user` has read."""
    if sys.platform == "win32":
        base = environment.get("LOCALAPPDATA") or str(Path.home() / "AppData" / "Local")
    else:
        base = environment.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "omni-release" / OVERLAY


def _state(path: Path) -> tuple[int, int]:
    try:
        found = path.stat()
    except OSError:
        return 0, 0
    return found.st_mtime_ns, found.st_size


@functools.lru_cache(maxsize=8)
def _loaded(root: Path, user_cache: Path | None, states: tuple[tuple[int, int], ...]) -> Registry:
    return stated(root / OVERLAY, _rows(root / "pyproject.toml"), user_cache)


def stated(committed: Path, rows: Sequence[ModelRow], user_cache: Path | None = None) -> Registry:
    """The registry with the rows of a project's settings, and with its committed file if it exists: see `at`."""
    registry = builtin()
    if user_cache is not None and user_cache.is_file():
        registry = _with_cache(registry, overlay_file.read(user_cache))
    if committed.is_file():
        registry = merged(registry, overlay_file.read(committed))
    return _with_rows(registry, rows)


def _rows(path: Path) -> tuple[ModelRow, ...]:
    """The rows [[tool.omni-release.models.model]] of a pyproject.toml."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError:
        return ()
    except UnicodeDecodeError as error:
        raise SettingsError(f"is not valid UTF-8: {error}", path=path) from None
    if not re.search(r"^\s*(?:\[+.*|[\w.\"'-]+\.\s*)?models\b", text, re.MULTILINE):
        return ()  # the most of them: parsing costs more than all else here
    import tomllib

    from omni_release.core import settings

    try:
        metadata = read_values(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"is not valid TOML: {error}", path=path) from None
    return settings.read(metadata, path, text).models.model


def merged(registry: Registry, overlay: Overlay) -> Registry:
    """The registry with the rows of an overlay, each of which may change a row or add one."""
    models = dict(registry.models)
    for model in overlay.models:
        known = models.get((model.platform, model.name))
        models[model.platform, model.name] = model if known is None else combined(known, model)
    platforms = dict(registry.platforms)
    for source in overlay.sources:
        for name in source.platforms:
            known_platform = platforms.get(name, Platform(name, name, name, source.read))
            platforms[name] = replace(known_platform, read=max(known_platform.read, source.read))
    return Registry(MappingProxyType(models), MappingProxyType(platforms))


def combined(known: Model, new: Model) -> Model:
    """A row with newer facts.

    What was read at the vendor stays where the newer source is second-hand; its other date becomes a claim. No source
    revives what the vendor calls dead. A second-hand source without a date, or with one that is known (also as the day
    before which the vendor promises no end), says nothing about the stage.
    """
    first = new.end_is_first_hand
    price = known.price if new.price is None else new.price
    if known.price is not None and not known.price.second_hand and new.price is not None and new.price.second_hand:
        price = known.price
    stated = known.end is not None or known.stage in GONE or known.stage is Stage.ROUTED
    dead = stated and (known.end is None or known.end <= new.checked)
    if stated and known.end_is_first_hand and (dead or not first):
        contested = known.contested
        claimed = {known.end, *(claim.end for claim in contested)}
        if new.end is not None and new.end not in claimed:
            own = () if contested else (Claim(known.end, known.source),)
            contested = (*contested, *own, Claim(new.end, new.source))
        return replace(known, price=price, contested=contested)
    if not first and (new.end in (known.end, known.not_before) or (new.end is None and new.stage in CURRENT)):
        return replace(known, price=price)
    return replace(
        new,
        vendor=known.vendor,
        kind=known.kind,
        released=known.released or new.released,
        deprecated=new.deprecated or known.deprecated,
        not_before=known.not_before if new.end is None else None,
        successors=new.successors or known.successors,
        price=price,
    )


def _with_cache(registry: Registry, overlay: Overlay) -> Registry:
    """The registry with what a user's cache may add: names that are absent, and earlier ends."""
    models = dict(registry.models)
    for model in overlay.models:
        known = models.get((model.platform, model.name))
        earlier = known is not None and model.end is not None and (known.end is None or model.end < known.end)
        if known is None:
            models[model.platform, model.name] = model
        elif earlier and known.stage not in GONE:
            models[model.platform, model.name] = combined(known, model)
    return Registry(MappingProxyType(models), registry.platforms)


def _with_rows(registry: Registry, rows: Sequence[ModelRow]) -> Registry:
    """The registry with the rows of a project's settings, which are right whatever anything else says."""
    if not rows:
        return registry
    models = dict(registry.models)
    for row in rows:
        known = registry.find(row.name, row.platform)
        platform = row.platform or (known.platform if known else PROJECT)
        source = row.source or "[[tool.omni-release.models.model]] in pyproject.toml"
        model = known or Model(row.name, platform, platform, "text", Stage.STABLE, source, datetime.date.today())  # noqa: DTZ011  # the day on this machine
        models[platform, model.name] = _corrected(model, row, source)
    return Registry(MappingProxyType(models), registry.platforms)


def _corrected(model: Model, row: ModelRow, source: str) -> Model:
    """A model with what a row states of it."""
    from omni_release.core.settings import NO_DATE

    stage = Stage(row.stage) if row.stage else model.stage
    end = row.end if row.end != NO_DATE else model.end
    if row.end != NO_DATE and not row.stage:
        stage = stage if stage in (Stage.ROUTED, Stage.DEPRECATED) else Stage.SCHEDULED
    if row.stage in ("stable", "preview") and row.end == NO_DATE:
        end = None
    return replace(
        model,
        kind=row.kind or model.kind,
        stage=stage,
        end=end,
        deprecated=row.deprecated if row.deprecated != NO_DATE else model.deprecated,
        successors=row.successors or model.successors,
        contested=() if row.stage or row.end != NO_DATE else model.contested,
        price=_corrected_price(model, row, source),
        source=source,
        first_hand="yes",
    )


def _corrected_price(model: Model, row: ModelRow, source: str) -> Price | None:
    """The model's price with what a row states of it; a price that it does not state stays."""
    stated, known = row.price, model.price or Price()
    if stated == type(stated)():
        return model.price
    return replace(
        known,
        input=known.input if stated.input is None else stated.input,
        text_output=known.text_output if stated.text_output is None else stated.text_output,
        image_output=known.image_output if stated.image_output is None else stated.image_output,
        per_image=MappingProxyType({**known.per_image, **stated.per_image}),
        introductory=known.introductory if stated.input is None and stated.text_output is None else None,
        source=source,
        checked=model.checked,
        second_hand=False,
    )


def existing_user_cache(environment: Mapping[str, str] = os.environ) -> Path | None:
    """The user's cache, if there is one: for looking names up, not for a run."""
    path = user_cache(environment)
    return path if path.is_file() else None
