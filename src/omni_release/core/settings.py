"""The settings of `[tool.omni-release]`: what there is, of which type, and a clear word about what there is not.

The tables are the dataclasses below: a field is a key (with `-` for `_`), its type is what the value must be.
"""

from __future__ import annotations

import datetime
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

TABLE = "tool.omni-release"


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
    from omni_release.core.settings_reader import Reader

    tool = metadata.get("tool")
    table = tool.get("omni-release", {}) if isinstance(tool, dict) else {}
    return Reader(path, text).table(Settings, table, (TABLE,))
