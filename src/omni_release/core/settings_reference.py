"""The reference of the settings: the JSON schema for editors and validate-pyproject, and the example in the docs.

The types and defaults come from the tables in `core.settings`, the words and the example of each key from here.
"""

from __future__ import annotations

import collections.abc
import datetime
import types
import typing
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from omni_release.core import renamed
from omni_release.core.settings import TABLE, Settings
from omni_release.core.settings_reader import fields_of, is_table


class Key(NamedTuple):
    """The example of a key, as TOML, and what it says."""

    example: str
    words: str


TABLES = {
    "severity": "for single quality rules, checks or families: see below",
    "tests": "how to run the tests against the wheel",
    "verify": "how to verify the installed package",
    "index.company": "the index for `--to company`; `upload` can come from .pypirc",
    "publish": "timeouts of a publish, in seconds; approvals: see how-to/two-approvals.md",
    "publish.publisher": "who the attestations on the index are to be of: see publishing.md. Default: by the CI job",
    "version": "see versions.md",
    "version.place": "a place that is not discovered: see versions.md",
    "command": "a command of your own: see gate.md",
    "downstream": "a package that requires this one: see how-to/dependents.md",
    "audit": "see audit.md",
    "dependencies": "optional checks, all off by default: see audit.md",
    "api": "the API against that of the last release: see api.md",
    "api.accepted": "a break of the API that is meant in one version",
    "smoke": "smoke tests of a live API: see smoke.md. May be empty",
    "smoke.model": "a class to fill from each recorded response: see contract.md",
    "models.model": "a model to add to the table of models, or a fact to correct there: see models.md",
    "models.model.price": "USD per million tokens",
    "git": "all are detected by default: see publishing.md",
    "local": "an environment to upgrade after a release; default: none",
    "prepare": "the commit that `omni-release prepare` makes",
    "workspace": "many packages in one repository; in the pyproject.toml at its root: see how-to/monorepo.md",
    "waiver": "accept a finding: see below",
}
"""What each table is for."""

KEYS = {
    "import-packages": Key(
        '["acme", "lib/tools"]', "names or paths; default: `import-names` of [project], else what the back end installs"
    ),
    "generated": Key('["src/acme/_build.json"]', "globs of files that the build adds, and git does not track"),
    "strict": Key("true", "quality rules block, too: see below; default: false"),
    "keep-runs": Key("5", "number of runs to keep in .omni-release/runs/"),
    "cache": Key('"local"', 'use passed results again, but not where CI is set (default); or "always", "never"'),
    "evidence": Key('"cached"', 'default; "fresh": a rehearsal that has used results of earlier runs is not released'),
    "build-timeout": Key("900", "seconds"),
    "build-pass-env": Key('["BUILD_TOKEN"]', "variables with secrets that the build back end gets; default: none"),
    "image-model": Key('"gemini-3-pro-image"', "overridden by IMAGE_MODEL"),
    "image-fallback-model": Key('"gemini-nano-banana-2.1"', 'or "none"; overridden by IMAGE_FALLBACK_MODEL'),
    "image-timeout-seconds": Key("90", "per call; overridden by IMAGE_TIMEOUT_SECONDS"),
    "severity.silent-failures": Key('"error"', '"error" blocks, "warning" does not'),
    "severity.imports-declared": Key('{ level = "off", reason = "plug-ins are loaded by name" }', "needs a reason"),
    "tests.command": Key('"pytest -q"', "a string or a list; default: pytest"),
    "tests.requirements": Key('["pytest-httpserver"]', "default: what the project declares: see below"),
    "tests.timeout": Key("1800", "seconds"),
    "tests.pass-env": Key('["DATABASE_PASSWORD"]', "variables with secrets that the tests get; default: none"),
    "tests.pythons": Key('"all"', 'Pythons to install and import it on, or ["3.12", "pypy3.10"]; default: none'),
    "tests.pythons-run-tests": Key("true", "run the tests on each of them, too; default: false"),
    "tests.pythons-download": Key("true", "let uv download those that are missing; default: false"),
    "tests.extras": Key("true", "install and import each extra; default: false"),
    "verify.pip": Key('"own-file"', '"full": pip installs the dependencies (default in a release); "own-file": uv'),
    "verify.commands": Key('["acme --version"]', "run in the environment that uv installed the package into"),
    "verify.timeout": Key("120", "seconds, per command, and per import of the installed package"),
    "verify.pass-env": Key('["ACME_TOKEN"]', "default: none"),
    "index.company.upload": Key('"https://packages.example.invalid/upload/"', "the address for uploads"),
    "index.company.simple": Key('"https://packages.example.invalid/simple/"', "default: the usual ones are tried"),
    "index.company.project-page": Key('"https://packages.example.invalid/{name}/{version}/"', "optional"),
    "publish.attempt-timeout": Key("300", "for one attempt to upload a file"),
    "publish.upload-timeout": Key("900", "for all attempts to upload one file"),
    "publish.listing-timeout": Key("1800", "until the index lists the whole release"),
    "publish.approvals": Key("2", "people who have to approve a release; default: none"),
    "publish.allowed-signers": Key('"allowed_signers"', "their keys, as OpenSSH lists them; read from the last tag"),
    "publish.github-environment": Key('"pypi"', "its reviewers count as approvers, too; default: none"),
    "publish.rebuilt-elsewhere": Key("true", "only what a rebuild elsewhere gives again: how-to/rebuild.md"),
    "publish.publisher.kind": Key('"GitHub"', 'or "GitLab", "Google", "CircleCI"'),
    "publish.publisher.repository": Key('"acme/acme"', "on GitHub or GitLab"),
    "publish.publisher.workflow": Key('"release.yml"', "the file of the workflow; on GitLab its path"),
    "publish.publisher.environment": Key('"pypi"', "the environment that the publisher is limited to"),
    "publish.publisher.email": Key('"publisher@acme.iam.gserviceaccount.com"', "of Google Cloud"),
    "publish.publisher.project-id": Key('"fdd9283f-e619-46af-8f9c-851f7d3e8b2b"', "of CircleCI"),
    "version.ignore": Key('["src/acme/legacy/*"]', "globs of files with versions of something else"),
    "version.lockstep": Key('["../acme-c"]', "folders of projects of the repository with the same version"),
    "version.place.path": Key('"deploy/Chart.yaml"', "the file"),
    "version.place.key": Key('"appVersion"', "default: version. Dotted in TOML and JSON; `section.option` in INI"),
    "version.place.pattern": Key("'image: acme:(?P<version>\\S+)'", "a regular expression with a group `version`"),
    "command.name": Key('"npm-build"', "the task is called command-npm-build"),
    "command.run": Key('"npm run build"', "a string or a list; no shell"),
    "command.when": Key('["gate"]', 'default: gate. Also "rehearse"'),
    "command.cwd": Key('"frontend"', "default: the project folder"),
    "command.where": Key('"copy"', 'default: a copy of the tracked files; or "checkout"'),
    "command.needs": Key('["npm-install"]', "commands that must pass first"),
    "command.timeout": Key("600", "seconds"),
    "command.pass-env": Key('["NPM_TOKEN"]', "variables with secrets that it gets; default: none"),
    "downstream.name": Key('"acme-web"', "its name on the index"),
    "downstream.source": Key('"https://git.example/acme-web.git"', 'a git URL or a folder; default: "index"'),
    "downstream.extras": Key('["async"]', "its extras; default: none"),
    "downstream.requirements": Key('["pytest"]', "installed with it; default: none"),
    "downstream.command": Key('"pytest -q tests"', "run in its files; default: it is imported"),
    "downstream.timeout": Key("600", "seconds, of the command, or of each import"),
    "audit.rules": Key('"audit/rules"', "a folder with your own rule files"),
    "audit.ignore": Key('["web/vendor/*"]', "globs of files that no rule scans"),
    "api.policy": Key('"semver"', 'default; "calver", "zero-major", "deprecate-first"'),
    "api.ignore": Key('["acme.testing.*"]', "globs of names that are not the API"),
    "api.accepted.version": Key('"1.4.1"', "the version that breaks it"),
    "api.accepted.name": Key('"acme.sign"', "the object; may be a glob"),
    "api.accepted.reason": Key('"it never worked"', "required"),
    "dependencies.maintained": Key("true", "ask the index: is a dependency deprecated, archived or inactive?"),
    "dependencies.lower-bounds": Key(
        "true", 'install the package with each dependency at its lower bound; "tests": test it'
    ),
    "dependencies.vulnerabilities": Key("true", "run pip-audit, which must be installed; needs the network"),
    "smoke.tests": Key('["tests/smoke"]', "your own pytest files; default: omni-release's scenarios"),
    "smoke.vendors": Key('["openai", "anthropic"]', "the services that the tests call; default: gemini"),
    "smoke.cassettes": Key('"cassettes"', "the folder with the cassettes"),
    "smoke.budget": Key("1.0", "USD, for a live run; overridden by --budget"),
    "smoke.timeout": Key("900", "seconds, for a whole run; overridden by --deadline"),
    "smoke.max-age-days": Key("7", "how long the evidence of a live run is valid"),
    "smoke.base-url": Key('"https://gateway.example"', "a gateway to the first vendor; or { openai = … }"),
    "smoke.largest-cassette": Key("200000", "bytes"),
    "smoke.cassette-age-days": Key("180", "how old a cassette may be"),
    "smoke.pass-env": Key('["GATEWAY_TOKEN"]', "for a live run, besides the keys of the vendors; default: none"),
    "smoke.model.path": Key('"candidates.*.content.parts.*"', "path in the response"),
    "smoke.model.class": Key('"acme.answers:Part"', "pydantic, attrs, a dataclass or a TypedDict"),
    "smoke.model.where": Key('"inline_data"', "optional: only where this field is present"),
    "smoke.model.calls": Key('["generate", "refine"]', "optional: only for these kinds of calls"),
    "smoke.model.fields": Key('{ mime_type = "inline_data.mime_type" }', "optional: fields with other names"),
    "models.model.name": Key('"acme-vision-1"', "as it is called"),
    "models.model.platform": Key('"openai"', "default: that of the table; `project` for a name that it lacks"),
    "models.model.kind": Key('"image"', "text, image, embedding, …"),
    "models.model.stage": Key('"deprecated"', "stable, preview, deprecated, scheduled, routed, unconfirmed, shut-down"),
    "models.model.deprecated": Key("2026-11-01", "optional"),
    "models.model.end": Key("2027-05-01", "the first day on which it does not respond, or is routed"),
    "models.model.successors": Key('["acme-vision-2"]', "what to use instead"),
    "models.model.source": Key('"https://acme.example/models"', "where this is stated"),
    "models.model.price.input": Key("1.5", "optional, as are the others"),
    "models.model.price.text-output": Key("7.5", "text and thinking"),
    "models.model.price.image-output": Key("30", "image tokens"),
    "models.model.price.per-image": Key('{ "1K" = 0.034 }', "USD per image, by size"),
    "git.remote": Key('"origin"', "default: the upstream of the branch, else origin, else the only remote"),
    "git.branch": Key('"main"', "the release branch: a name or a glob. Default: the remote's default branch"),
    "git.tag": Key('"v{version}"', "default: the style of the existing tags; `{name}` is the project name"),
    "git.pass-env": Key('["GIT_TOKEN"]', "for git's credential helper, and the hooks of a push; default: none"),
    "local.environment": Key('".venv"', "its folder, or"),
    "local.python": Key('".venv/bin/python"', "its interpreter"),
    "prepare.message": Key('"Release {version}"', "the subject; `{name}` is the project name"),
    "prepare.branch": Key('"release-{version}"', "a new branch for it; default: the current branch"),
    "workspace.name": Key('"acme"', "default: the name of the package at the root, else of the folder"),
    "workspace.members": Key('["packages/*"]', "folders or globs; default: what uv, hatch, … name, else all packages"),
    "workspace.exclude": Key('["packages/legacy"]', "folders or globs of packages that are no part of it"),
    "workspace.versions": Key('"independent"', 'default: each package has its own version; "fixed": all share one'),
    "workspace.tag": Key(
        '"{name}-v{version}"', "of packages without a `tag` of their own; default: the existing style"
    ),
    "workspace.groups": Key(
        '{ core = ["acme", "acme-c"] }', "packages that share a version, by any name; default: none"
    ),
    "waiver.check": Key('"version-drift"', "a check's id, or a finding's rule"),
    "waiver.path": Key('"src/legacy/*"', "optional: a glob"),
    "waiver.reason": Key('"frozen copy of 1.x, goes with 2.0"', "why it is accepted"),
    "waiver.until": Key("2027-01-31", "the last day; after it the finding is an error again"),
}
"""Each key with its tables, as a project would write them."""

_ONE_OR_THE_OTHER = (
    *("local.python", "version.place.pattern", "publish.publisher.email", "publish.publisher.project-id"),
)
"""The keys that stand in a comment in the example: they take the place of the key before them."""

_ARRAYS = ("api.accepted", "downstream", "waiver", "command", "version.place", "smoke.model", "models.model")

_COLUMN = 42


def example() -> str:
    """All settings, as a project would write them: TOML, with comments."""
    lines: list[str] = [f"[{TABLE}]"]
    table = ""
    for name, key in KEYS.items():
        above, _, last = name.rpartition(".")
        if above != table:
            table = above
            brackets = ("[[", "]]") if above in _ARRAYS else ("[", "]")
            lines += ["", _commented(f"{brackets[0]}{TABLE}.{above}{brackets[1]}", TABLES[above])]
        mark = "# " if name in _ONE_OR_THE_OTHER else ""
        lines.append(_commented(f"{mark}{last} = {key.example}", key.words))
    return "\n".join((*lines, ""))


def _commented(text: str, words: str) -> str:
    return f"{text:<{_COLUMN - 2}}  # {words}"


def json_schema(tool_name: str = "omni-release") -> dict[str, Any]:
    """The JSON schema (draft 7) of the table: for editors, and for validate-pyproject, whose plug-in this is.

    validate-pyproject hands in the name of the table.
    """
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$id": f"https://json.schemastore.org/partial-{tool_name}.json",  # as SchemaStore names the part of a tool
        "title": f"[tool.{tool_name}]",
        **_table(Settings, ""),
    }


def _table(shape: Any, above: str) -> dict[str, Any]:
    """The schema of a table; `above` is its name, with a dot at its end."""
    types = typing.get_type_hints(shape)
    properties: dict[str, Any] = {}
    required = []
    for field in fields_of(shape).values():
        plain = field.name.rstrip("_")
        name = plain.replace("_", "-")
        content = _value(types[field.name], f"{above}{name}", command=plain in ("command", "commands", "run"))
        if words := (KEYS[f"{above}{name}"].words if f"{above}{name}" in KEYS else TABLES.get(f"{above}{name}", "")):
            content = {"description": words, **content}
        if field.default is field.empty:
            required.append(name)
        elif isinstance(field.default, str | int | float) and field.default != "":
            content["default"] = field.default
        properties[name] = content
        if plain != name:  # both spellings are read
            properties[plain] = content
        for former in renamed.former_settings(f"{above}{name}"):
            properties[former] = {**content, "description": f"former name of {name}"}
    schema: dict[str, Any] = {"type": "object", "additionalProperties": False, "properties": properties}
    return {**schema, "required": required} if required else schema


def _value(kind: Any, name: str, *, command: bool = False) -> dict[str, Any]:
    """The schema of a value; a command is a string, or a list of arguments."""
    if isinstance(kind, type) and is_table(kind):
        short = getattr(kind, "SHORT", None)
        table = _table(kind, f"{name}.")
        return {"oneOf": [_value(typing.get_type_hints(kind)[short], name), table]} if short else table
    origin, parameters = typing.get_origin(kind), typing.get_args(kind)
    if origin is typing.Literal:
        return {"enum": [choice for choice in parameters if choice]}
    if origin is tuple:
        items = {"type": "array", "items": _value(parameters[0], name, command=command)}
        return {"oneOf": [{"type": "string"}, items]} if command and parameters[0] is str else items
    if origin is collections.abc.Mapping:
        example = next((key for key in TABLES if key.startswith(f"{name}.")), name)
        return {"type": "object", "additionalProperties": _value(parameters[1], example)}
    if origin in (types.UnionType, typing.Union):
        if types.NoneType in parameters:  # a number, which may be 0
            return {"type": _SCALARS[parameters[0]]["type"], "minimum": 0}
        return {"oneOf": [_value(part, name) for part in parameters]}
    return dict(_SCALARS[kind])


_SCALARS: Mapping[type, Mapping[str, Any]] = {
    str: {"type": "string", "minLength": 1},
    bool: {"type": "boolean"},
    int: {"type": "integer", "exclusiveMinimum": 0},
    float: {"type": "number", "exclusiveMinimum": 0},
    # A date of TOML has no type in JSON: editors see a string, validate-pyproject sees what Python reads.
    datetime.date: {"format": "date", "not": {"type": ["array", "boolean", "null", "number", "object"]}},
}


def names(shape: Any = Settings, above: str = "") -> Iterator[str]:
    """The full names of all keys that are no tables of their own."""
    types = typing.get_type_hints(shape)
    for field in fields_of(shape).values():
        name = f"{above}{field.name.rstrip('_').replace('_', '-')}"
        kind = types[field.name]
        inner = typing.get_args(kind)[-1] if typing.get_origin(kind) is collections.abc.Mapping else kind
        inner = typing.get_args(kind)[0] if typing.get_origin(kind) is tuple else inner
        if isinstance(inner, type) and is_table(inner) and not hasattr(inner, "SHORT"):
            example = next((key for key in TABLES if key.startswith(f"{name}.") and key.count(".") == 1), name)
            mapped = typing.get_origin(kind) is collections.abc.Mapping
            yield from names(inner, f"{example if mapped else name}.")
        elif not (typing.get_origin(kind) is collections.abc.Mapping and hasattr(inner, "SHORT")):
            yield name
