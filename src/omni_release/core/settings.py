"""The settings of `[tool.omni-release]`: a table is a class, a field is a key (with `-` for `_`) and its type.

Most are named tuples: a dataclass costs five times as much when it is imported, and `omni-release version` has to start
fast (see bench/start.py).
"""

from __future__ import annotations

import datetime
import re
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from omni_release.core import renamed
from omni_release.core.vendors import VendorName

TABLE = "tool.omni-release"


class Waiver(typing.NamedTuple):
    """An accepted finding: `check` is the id of a check or a rule, `path` a glob, `until` the last day."""

    check: str
    reason: str
    until: datetime.date
    path: str = "*"


@dataclass(frozen=True)
class SeverityLevel:
    """How much a quality rule matters: `error` blocks, `warning` does not, `off` is not reported, for a `reason`.

    In the settings a string is enough for a level without a reason.
    """

    SHORT: typing.ClassVar[str] = "level"

    level: typing.Literal["error", "warning", "off"]
    reason: str = ""

    def __post_init__(self) -> None:
        if self.level == "off" and not self.reason:
            raise ValueError("is off without a reason", 'Write { level = "off", reason = "…" }.')


@dataclass(frozen=True)
class Tests:
    """How to run the project's tests against the installed wheel. `timeout` is in seconds.

    `pass_env`, here and in other tables, are variables that are passed although their names are those of secrets.
    `pythons` are the interpreters on which the wheel is installed and imported: by name, or `all` that the wheel
    promises. The tests run there with `pythons_run_tests`, and uv downloads those that are missing only with
    `pythons_download`. With `extras`, each extra is installed and imported.
    """

    command: tuple[str, ...] = ("pytest",)
    requirements: tuple[str, ...] = ()
    timeout: float = 1800.0
    pass_env: tuple[str, ...] = ()
    pythons: typing.Literal["all"] | tuple[str, ...] = ()
    pythons_run_tests: bool = False
    pythons_download: bool = False
    extras: bool = False

    def __post_init__(self) -> None:
        for name in () if self.pythons == "all" else self.pythons:
            if not re.fullmatch(PYTHON_NAME, name):
                raise ValueError(f"has no Python called {name!r} in `pythons`", "Write 3.12, 3.13t or pypy3.10.")


PYTHON_NAME = r"(?P<implementation>cpython|pypy|graalpy)?(?P<version>3\.\d+(?:\.\d+)?)(?P<threaded>t?)"
"""The name of a Python in the settings: its implementation (default: cpython), its version, `t` for free-threaded."""


_PACKAGE_NAME = r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?"  # as in PEP 508


class Verify(typing.NamedTuple):
    """How to verify the installed release. `timeout` is in seconds, for each command.

    `pip` is `full` (pip downloads all dependencies into an empty environment) or `own-file` (uv downloads them). The
    default is `own-file` for a rehearsal and `full` for a release.
    """

    pip: typing.Literal["full", "own-file", ""] = ""
    commands: tuple[tuple[str, ...], ...] = ()
    timeout: float = 120.0
    pass_env: tuple[str, ...] = ()


class VersionPlace(typing.NamedTuple):
    """A place of the version in `path`: at `key`, or in the group `version` of the regular expression `pattern`."""

    path: str
    key: str = "version"
    pattern: str = ""


class Version(typing.NamedTuple):
    """Places of the version that are not discovered; `ignore` are globs of files with another version.

    `lockstep` are the folders of other projects of the repository that always have the same version.
    """

    place: tuple[VersionPlace, ...] = ()
    ignore: tuple[str, ...] = ()
    lockstep: tuple[str, ...] = ()


class SmokeModel(typing.NamedTuple):
    """A class of the project (`pkg.module:Class`) for the values at `path` in a response.

    `fields` maps a field to its place in the value, where the names differ; a value without `where` is skipped; `calls`
    are the kinds of calls it is for (generate, refine; default: all).
    """

    path: str
    class_: str
    where: str = ""
    calls: tuple[typing.Literal["generate", "refine"], ...] = ()
    fields: Mapping[str, str] = {}


class Smoke(typing.NamedTuple):
    """How to test the live API: recorded, emulated and live.

    `tests` are the project's own pytest files (none: the scenarios of omni-release, with its own provider), `cassettes`
    is the folder of the recordings. `vendors` are the services that the tests call: a live run needs a key of each, and
    `base_url` is the base URL of a gateway to the first, or to each that it names. `budget` (USD) and `timeout`
    (seconds) are for a whole run of all vendors. A live run of a wheel is valid for `max_age_days`. A cassette may have
    `largest_cassette` bytes, and be `cassette_age_days` old, at most. `model` are classes to check with recorded
    responses.
    """

    tests: tuple[str, ...] = ()
    vendors: tuple[VendorName, ...] = ("gemini",)
    cassettes: str = "cassettes"
    budget: float = 1.0
    timeout: float = 900.0
    max_age_days: float = 7.0
    base_url: str | Mapping[VendorName, str] = ""
    largest_cassette: int = 200_000
    cassette_age_days: float = 180.0
    pass_env: tuple[str, ...] = ()
    model: tuple[SmokeModel, ...] = ()


class Git(typing.NamedTuple):
    """The remote and the branch of a release, and the name of its tag; each is detected if it is empty.

    `{version}` and `{name}` in `tag` are replaced by the version and the project's name.
    """

    remote: str = ""
    branch: str = ""
    tag: str = ""
    pass_env: tuple[str, ...] = ()


class Prepare(typing.NamedTuple):
    """The commit that `prepare` makes: its subject, and the branch that it makes it on (empty: the current one).

    `{version}` and `{name}` in both are replaced by the version and the project's name.
    """

    message: str = "Release {version}"
    branch: str = ""


class Local(typing.NamedTuple):
    """The environment on this machine to upgrade after a release: its folder, or its interpreter."""

    environment: str = ""
    python: str = ""


class Command(typing.NamedTuple):
    """A command of the project, run in the lanes of `when`. `timeout` is in seconds.

    It runs in `cwd` (relative to the project) of a copy of the tracked files, or of the checkout itself, after the
    commands that it `needs`.
    """

    name: str
    run: tuple[str, ...]
    when: tuple[typing.Literal["gate", "rehearse"], ...] = ("gate",)
    cwd: str = "."
    where: typing.Literal["copy", "checkout"] = "copy"
    needs: tuple[str, ...] = ()
    timeout: float = 600.0
    pass_env: tuple[str, ...] = ()


class Downstream(typing.NamedTuple):
    """A package that requires this one, and is to work with the release. `timeout` is in seconds.

    `source` is `index`, the URL of a git repository (`…@REF` for a branch or a tag), or a folder relative to the
    project. `command` runs in its files, or in an empty folder; without one, it is imported. `requirements` are
    installed with it.
    """

    name: str
    source: str = "index"
    extras: tuple[str, ...] = ()
    requirements: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    timeout: float = 600.0


class Audit(typing.NamedTuple):
    """`rules` is the folder of the project's own rule files, `ignore` are globs of files that no rule checks."""

    rules: str = ""
    ignore: tuple[str, ...] = ()


class IndexAddress(typing.NamedTuple):
    """A package index: the addresses for uploads, of the simple API's root, and of a release's page.

    `{name}` and `{version}` in the address of the page are replaced.
    """

    upload: str = ""
    simple: str = ""
    project_page: str = ""


class PublisherIdentity(typing.NamedTuple):
    """Who publishes, as the attestations on the index have to say; what is empty is not compared.

    `workflow` is the name of its file, or on GitLab its path; `email` is of Google Cloud, `project_id` of CircleCI.
    """

    kind: typing.Literal["GitHub", "GitLab", "Google", "CircleCI", ""] = ""
    repository: str = ""
    workflow: str = ""
    environment: str = ""
    email: str = ""
    project_id: str = ""


class Publish(typing.NamedTuple):
    """How to publish: timeouts in seconds, of one attempt to upload a file, all attempts, and until it is listed.

    `approvals` is the number of people who have to approve a release; their keys are in the file `allowed_signers`, and
    reviewers of the GitHub environment `github_environment` count, too. With `rebuilt_elsewhere`, only files are
    published that a rebuild in another place has given again, byte by byte. `publisher` is who the attestations of the
    files are to be of.
    """

    attempt_timeout: float = 300.0
    upload_timeout: float = 900.0
    listing_timeout: float = 1800.0
    approvals: int | None = None
    allowed_signers: str = "allowed_signers"
    github_environment: str = ""
    rebuilt_elsewhere: bool = False
    publisher: PublisherIdentity = PublisherIdentity()


class Dependencies(typing.NamedTuple):
    """Optional checks of the dependencies; each installs packages, or needs a network."""

    maintained: bool = False
    lower_bounds: bool | typing.Literal["tests"] = False
    vulnerabilities: bool = False


@dataclass(frozen=True)
class Workspace:
    """Many packages in one repository: settings of the pyproject.toml at its root.

    `members` are folders or globs, instead of what is detected, and `exclude` those that are no part of it. `versions`
    is `fixed` where all packages share one version; `groups` are names of packages that share one. `tag` names the tags
    of a package whose own settings do not (`{name}-v{version}`), `name` is the workspace's.
    """

    name: str = ""
    members: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    versions: typing.Literal["independent", "fixed"] = "independent"
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    tag: str = ""


ApiPolicy = typing.Literal["semver", "calver", "zero-major", "deprecate-first"]


class AcceptedBreak(typing.NamedTuple):
    """A break of the API that is meant: in this `version`, of the objects whose names match the glob `name`."""

    version: str
    name: str
    reason: str


class Api(typing.NamedTuple):
    """How the API is compared with that of the last release. Names that match a glob of `ignore` are not the API."""

    policy: ApiPolicy = "semver"
    ignore: tuple[str, ...] = ()
    accepted: tuple[AcceptedBreak, ...] = ()


NO_DATE = datetime.date.min
"""A date that is not given."""


class ModelPrice(typing.NamedTuple):
    """Prices in USD per million tokens, None where none is given; `per_image` in USD, by size ("1K", "1024x1024")."""

    input: float | None = None
    text_output: float | None = None
    image_output: float | None = None
    per_image: Mapping[str, float] = {}


class ModelRow(typing.NamedTuple):
    """A model that the project adds to the table of models, or what it corrects there: a key that is not given stays.

    `end` is the first day on which the model no longer responds, or from which another one does (`routed`).
    """

    name: str
    platform: str = ""
    kind: str = ""
    stage: typing.Literal["stable", "preview", "deprecated", "scheduled", "routed", "unconfirmed", "shut-down", ""] = ""
    deprecated: datetime.date = NO_DATE
    end: datetime.date = NO_DATE
    successors: tuple[str, ...] = ()
    source: str = ""
    price: ModelPrice = ModelPrice()


class Models(typing.NamedTuple):
    """Facts about models that the table of models lacks."""

    model: tuple[ModelRow, ...] = ()


@dataclass(frozen=True)
class Settings:
    """All settings; each has a default.

    With `strict`, quality rules block; `severity` sets this for single rules, checks or families. `build_timeout` is in
    seconds. `cache` says where passed results of earlier runs are used again (`local`: not where `CI` is set);
    with `evidence = "fresh"` no rehearsal that has used one is released.
    """

    import_packages: tuple[str, ...] = ()
    generated: tuple[str, ...] = ()
    strict: bool = False
    severity: Mapping[str, SeverityLevel] = field(default_factory=dict)
    keep_runs: int = 5
    cache: typing.Literal["local", "always", "never"] = "local"
    evidence: typing.Literal["cached", "fresh"] = "cached"
    build_timeout: float = 900.0
    build_pass_env: tuple[str, ...] = ()
    image_model: str = "gemini-3-pro-image"
    image_fallback_model: str = "gemini-nano-banana-2.1"
    image_timeout_seconds: float = 90.0
    tests: Tests = field(default_factory=Tests)
    verify: Verify = field(default_factory=Verify)
    index: Mapping[str, IndexAddress] = field(default_factory=dict)
    publish: Publish = field(default_factory=Publish)
    version: Version = field(default_factory=Version)
    command: tuple[Command, ...] = ()
    downstream: tuple[Downstream, ...] = ()
    audit: Audit = field(default_factory=Audit)
    dependencies: Dependencies = field(default_factory=Dependencies)
    api: Api = field(default_factory=Api)
    smoke: Smoke = field(default_factory=Smoke)
    models: Models = field(default_factory=Models)
    git: Git = field(default_factory=Git)
    local: Local = field(default_factory=Local)
    prepare: Prepare = field(default_factory=Prepare)
    workspace: Workspace = field(default_factory=Workspace)
    waiver: tuple[Waiver, ...] = ()


def read(metadata: Mapping[str, object], path: Path, text: str) -> Settings:
    """The settings of a parsed pyproject.toml. Raises SettingsError with the line of the key."""
    from omni_release.core.settings_reader import Reader

    tool = metadata.get("tool")
    table = tool.get("omni-release", {}) if isinstance(tool, dict) else {}
    reader = Reader(path, text)
    settings = reader.table(Settings, table, (TABLE,))
    for number, each in enumerate(settings.downstream):
        for key, given in (("name", (each.name,)), ("extras", each.extras)):
            if odd := next((name for name in given if not re.fullmatch(_PACKAGE_NAME, name)), None):
                hint = "Write it as on the index: acme-web."
                raise reader.error((TABLE, "downstream", number, key), f"is no name: {odd!r}", hint)
    names = [re.sub(r"[-_.]+", "-", each.name).lower() for each in settings.downstream]
    for number, name in enumerate(names):
        if name in names[:number]:
            hint = "Put its extras and requirements into one table."
            raise reader.error((TABLE, "downstream", number, "name"), f"is given twice: {name}", hint)
    waivers = tuple(waiver._replace(check=renamed.current(waiver.check)) for waiver in settings.waiver)
    by_age = sorted(settings.severity.items(), key=lambda entry: renamed.current(entry[0]) == entry[0])
    severity = {renamed.current(name): level for name, level in by_age}  # today's name, if both are given
    return replace(settings, waiver=waivers, severity=severity)
