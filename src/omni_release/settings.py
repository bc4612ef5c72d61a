"""The settings of `[tool.omni-release]`: what there is, of which type, and a clear word about what there is not.

The tables are the dataclasses below: a field is a key (with `-` for `_`), its type is what the value must be.
"""

from __future__ import annotations

import collections.abc
import dataclasses
import datetime
import difflib
import math
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from omni_release.errors import SettingsError
from omni_release.toml_lines import Keys, nearest

TABLE = "tool.omni-release"
T = typing.TypeVar("T")


@dataclass(frozen=True)
class Waiver:
    """One way to say "I know, go on": `check` is a check's id or a rule, `path` a glob, `until` the last day."""

    check: str
    reason: str
    until: datetime.date
    path: str = "*"


@dataclass(frozen=True)
class Tests:
    """How the project's tests are run against the installed wheel. `timeout` is in seconds."""

    command: tuple[str, ...] = ("pytest",)
    requirements: tuple[str, ...] = ()
    timeout: float = 1800.0


@dataclass(frozen=True)
class Verify:
    """How what was installed from the index is verified. `timeout` is in seconds, for each command.

    `pip` is `full` (pip fetches all dependencies into an empty environment) or `own-file` (uv fetches them); where it
    is not said, a rehearsal does the second and a release the first.
    """

    pip: typing.Literal["full", "own-file", ""] = ""
    commands: tuple[tuple[str, ...], ...] = ()
    timeout: float = 120.0


@dataclass(frozen=True)
class VersionPlace:
    """A place of the version in `path`: at `key` (default: `version`), or where `pattern` has its group `version`."""

    path: str
    key: str = "version"
    pattern: str = ""


@dataclass(frozen=True)
class Version:
    """Where the version stands that discovery does not know of; `ignore` are globs of files that state another."""

    place: tuple[VersionPlace, ...] = ()
    ignore: tuple[str, ...] = ()


@dataclass(frozen=True)
class SmokeModel:
    """A class of the project (`pkg.module:Class`) that holds what stands at `path` in an answer.

    `fields` says where in there a field comes from whose name is another; `where` names what must be there, else it is
    passed over; `calls` are the kinds of calls that it is for (generate, refine; default: all).
    """

    path: str
    class_: str
    where: str = ""
    calls: tuple[typing.Literal["generate", "refine"], ...] = ()
    fields: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Smoke:
    """How the live API is tested: recorded, emulated and live.

    `tests` are the project's own pytest files (none: the scenarios of omni-release run, against its own provider),
    `cassettes` is the folder of the recordings. `budget` is in USD and `timeout` in seconds, for a whole run;
    `base_url` is what answers in the service's place (a gateway, say), `max_age_days` how long a live run of a wheel
    stands. A cassette may have `largest_cassette` bytes, and be `cassette_age_days` old. `model` is what is held
    against recorded answers.
    """

    tests: tuple[str, ...] = ()
    cassettes: str = "cassettes"
    budget: float = 1.0
    timeout: float = 900.0
    max_age_days: float = 7.0
    base_url: str = ""
    largest_cassette: int = 200_000
    cassette_age_days: float = 180.0
    model: tuple[SmokeModel, ...] = ()


@dataclass(frozen=True)
class Git:
    """Which remote and branch a release is of, and how its tag is called; found out where it is not said.

    In `tag`, `{version}` stands for the version and `{name}` for the project's name.
    """

    remote: str = ""
    branch: str = ""
    tag: str = ""


@dataclass(frozen=True)
class Local:
    """The environment on this machine that is upgraded after a release: its folder, or its interpreter."""

    environment: str = ""
    python: str = ""


@dataclass(frozen=True)
class Command:
    """A command of the project's own, which joins the lanes of `when`. `timeout` is in seconds.

    It runs in `cwd` (relative to the project) of a copy of what git knows, or of the checkout itself, after the
    commands that it `needs`.
    """

    name: str
    run: tuple[str, ...]
    when: tuple[typing.Literal["gate", "rehearse"], ...] = ("gate",)
    cwd: str = "."
    where: typing.Literal["copy", "checkout"] = "copy"
    needs: tuple[str, ...] = ()
    timeout: float = 600.0


@dataclass(frozen=True)
class Audit:
    """`rules` is the folder of the project's own rule files, `ignore` are globs of files that no rule looks at."""

    rules: str = ""
    ignore: tuple[str, ...] = ()


@dataclass(frozen=True)
class IndexAddress:
    """A package index by name: where files are sent, its simple API's root, and a release's page.

    In the page's address `{name}` and `{version}` are filled in.
    """

    upload: str = ""
    simple: str = ""
    project_page: str = ""


@dataclass(frozen=True)
class Publish:
    """How long a publish is given, in seconds: one attempt to send a file, all attempts, and until it is listed."""

    attempt_timeout: float = 300.0
    upload_timeout: float = 900.0
    listing_timeout: float = 1800.0


@dataclass(frozen=True)
class Dependencies:
    """What is asked of the dependencies beyond their declarations; each costs installs, or needs a network."""

    maintained: bool = False
    lower_bounds: bool = False
    vulnerabilities: bool = False


@dataclass(frozen=True)
class Settings:
    """All settings; each has a default, so that a project needs none. `build_timeout` is in seconds."""

    import_packages: tuple[str, ...] = ()
    generated: tuple[str, ...] = ()
    keep_runs: int = 5
    build_timeout: float = 900.0
    image_model: str = "gemini-3-pro-image"
    image_fallback_model: str = "gemini-3.1-flash-image"
    image_timeout_seconds: float = 90.0
    tests: Tests = field(default_factory=Tests)
    verify: Verify = field(default_factory=Verify)
    index: Mapping[str, IndexAddress] = field(default_factory=dict)
    publish: Publish = field(default_factory=Publish)
    version: Version = field(default_factory=Version)
    command: tuple[Command, ...] = ()
    audit: Audit = field(default_factory=Audit)
    dependencies: Dependencies = field(default_factory=Dependencies)
    smoke: Smoke = field(default_factory=Smoke)
    git: Git = field(default_factory=Git)
    local: Local = field(default_factory=Local)
    waiver: tuple[Waiver, ...] = ()


def read(metadata: Mapping[str, object], path: Path, text: str) -> Settings:
    """The settings of a parsed pyproject.toml. Raises SettingsError with the key's line."""
    tool = metadata.get("tool")
    table = tool.get("omni-release", {}) if isinstance(tool, dict) else {}
    return _Reader(path, text).table(Settings, table, (TABLE,))


@dataclass(frozen=True)
class _Reader:
    path: Path
    text: str

    def table(self, shape: type[T], value: object, keys: Keys) -> T:
        if not isinstance(value, dict):
            raise self.error(keys, f"must be a table, not {_kind(value)}")
        fields = {f.name.rstrip("_").replace("_", "-"): f for f in dataclasses.fields(shape)}  # type: ignore[arg-type]  # T is a dataclass
        types = typing.get_type_hints(shape)
        read: dict[str, object] = {}
        for key, item in value.items():
            found = fields.get(key.replace("_", "-"))
            if found is None:
                near = difflib.get_close_matches(key, fields, 1, 0.5)
                known = f"did you mean `{near[0]}`?" if near else f"known keys: {', '.join(fields)}."
                raise self.error((*keys, key), "is not a setting", known)
            if found.name in read:
                raise self.error((*keys, key), "is given twice, with `-` and with `_`", "Leave one of them out.")
            read[found.name] = self.value(types[found.name], item, (*keys, key))
        for key, f in fields.items():
            required = f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING
            if required and f.name not in read:
                raise self.error(keys, f"needs the key `{key}`")
        return shape(**read)

    def value(self, kind: object, item: object, keys: Keys) -> object:
        if isinstance(kind, type) and dataclasses.is_dataclass(kind):
            return self.table(kind, item, keys)
        if typing.get_origin(kind) is typing.Literal:
            choices = typing.get_args(kind)
            if item not in choices:
                raise self.error(keys, f"must be one of {', '.join(repr(one) for one in choices if one)}, not {item!r}")
            return item
        if typing.get_origin(kind) is tuple:
            return self.items(typing.get_args(kind)[0], item, keys)
        if typing.get_origin(kind) is collections.abc.Mapping:
            if not isinstance(item, dict):
                raise self.error(keys, f"must be a table, not {_kind(item)}")
            return {name: self.value(typing.get_args(kind)[1], part, (*keys, name)) for name, part in item.items()}
        if kind is float and isinstance(item, int) and not isinstance(item, bool):
            item = float(item)
        if kind is datetime.date and isinstance(item, str):
            try:
                item = datetime.date.fromisoformat(item)
            except ValueError:
                raise self.error(keys, f"is no date: {item!r}", "Write it as 2027-01-31.") from None
        assert isinstance(kind, type)
        if type(item) is not kind:
            raise self.error(keys, f"must be {_KINDS[kind]}, not {_kind(item)}")
        if kind in (int, float) and isinstance(item, int | float) and not 0 < item < math.inf:
            raise self.error(keys, "must be larger than 0" if item <= 0 else f"must be a finite number, not {item}")
        if isinstance(item, str) and not item.strip() and not _is_command(keys):
            raise self.error(keys, "must not be empty")
        return item

    def items(self, kind: object, item: object, keys: Keys) -> tuple[object, ...]:
        if _is_command(keys) and kind is str and isinstance(item, str):
            import shlex

            try:
                item = shlex.split(item)
            except ValueError as error:
                raise self.error(keys, f"cannot be split as a shell would: {error}") from None
        if not isinstance(item, list):
            raise self.error(keys, f"must be a list, not {_kind(item)}")
        if _is_command(keys) and kind is str and not item:
            raise self.error(keys, "must not be empty")
        return tuple(self.value(kind, part, (*keys, number)) for number, part in enumerate(item))

    def error(self, keys: Keys, what: str, hint: str = "") -> SettingsError:
        *names, last = [key for key in keys if isinstance(key, str)]
        said = f"`{last}` in [{'.'.join(names)}] {what}" if names else f"[{last}] {what}"
        # What stands in an inline table or in a list has no line of its own: the line of what it stands in.
        return SettingsError(said, hint or "See docs/settings.md.", path=self.path, line=nearest(self.text, keys))


_KINDS = {str: "a string", int: "a whole number", float: "a number", bool: "true or false", datetime.date: "a date"}


def _is_command(keys: Keys) -> bool:
    return next(key for key in reversed(keys) if isinstance(key, str)) in ("command", "commands", "run")


def _kind(value: object) -> str:
    if isinstance(value, dict):
        return "a table"
    return "a list" if isinstance(value, list) else f"{_KINDS.get(type(value), type(value).__name__)} ({value!r})"
