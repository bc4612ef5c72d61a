"""Former names of checks, steps, rules, settings and commands, with today's: what a project has written stays valid.

The settings (waivers, `severity`, keys), comments with waivers, the baseline, checklists, sign-offs, `--only`, `sign`
and `explain` take a former name for today's, and say what it is called now: in a line on stderr, or as a finding. A
name is never given to something else.
"""

from __future__ import annotations

TYPE_CHECKING = False  # as the type checker knows it; importing typing slows the start down
if TYPE_CHECKING:
    from collections.abc import Mapping

TASKS: Mapping[str, str] = {
    "after-release-is-answered": "after-release-answered",
    "artifacts-match": "distributions-match",
    "before-release-is-answered": "before-release-answered",
    "bug-patterns-are-gone": "bug-patterns",
    "build-is-reproducible": "build-reproducible",
    "cassettes-are-clean": "cassettes-clean",
    "checklists-are-valid": "checklists-valid",
    "configured-models-are-known": "configured-models",
    "contract-holds": "response-schema",
    "credentials-are-there": "credentials-present",
    "dependencies-are-maintained": "dependencies-maintained",
    "failures-surface": "silent-failures",
    "git-is-clean": "git-clean",
    "imports-are-declared": "imports-declared",
    "in-step-with-remote": "git-in-sync",
    "index-answers": "index-responds",
    "index-shows-the-release": "release-listed",
    "index-would-take": "upload-rules",
    "live-smoke-stands": "live-evidence",
    "local-environment-works": "local-environment",
    "lower-bounds-hold": "lower-bounds",
    "model-names-live": "retired-models",
    "models-answer": "models-respond",
    "no-known-vulnerability": "vulnerabilities",
    "nobody-uses-local-environment": "local-environment-unused",
    "nothing-deprecated-is-used": "deprecated-apis",
    "nothing-stray": "no-stray-files",
    "packages-are-alive": "abandoned-packages",
    "project-is-valid": "project-valid",
    "project-page-answers": "project-page",
    "rehearsal-stands": "rehearsal-passed",
    "release-is-young-enough": "upload-window",
    "requirements-agree": "pip-check",
    "response-models-hold": "response-models",
    "sdist-is-the-checkout": "sdist-tracked-files",
    "smoke-passes-emulated": "smoke-emulated",
    "smoke-passes-live": "smoke-live",
    "tag-is-right": "tag-available",
    "take-cassettes": "replace-cassettes",
    "traffic-is-recorded-emulated": "recorded-emulated",
    "traffic-is-recorded-live": "recorded-live",
    "twine-check-passes": "twine-check",
    "verify-commands-pass": "verify-commands",
    "version-is-free-or-ours": "version-available",
    "wheel-contents-are-right": "wheel-contents",
    "wheel-equals-checkout": "wheel-matches-checkout",
    "wheel-is-whole": "wheel-complete",
    "works-installed-by-pip": "works-with-pip",
    "works-installed-by-uv": "works-with-uv",
}
"""Former ids of checks and steps."""

RULES: Mapping[str, str] = {}
"""Former names of rules, both as `check/rule`, with today's id of the check."""

SETTINGS: Mapping[str, str] = {}
"""Former names of keys, as `publish.listing-timeout`, with today's name in the same table: the last part alone."""


COMMANDS: Mapping[str, str] = {}
"""Former names of commands."""


def notice(former: str, today: str) -> str:
    """What to say to a person who has written a former name."""
    return f"`{former}` is now called `{today}`"


def current(name: str) -> str:
    """Today's name of a task, of `check/rule` or of a rule alone; the name itself where it is no former one."""
    check, slash, rule = name.partition("/")
    if not slash:
        alone = {old.partition("/")[2]: new.partition("/")[2] for old, new in RULES.items()}
        return TASKS.get(name, alone.get(name, name))
    full = f"{TASKS.get(check, check)}/{rule}"
    return RULES.get(full, full)


def setting(tables: tuple[str | int, ...], key: str) -> str:
    """Today's name of a key in these tables of the settings, the first of which is that of all settings."""
    table = ".".join(part for part in tables[1:] if isinstance(part, str))
    name = key.replace("_", "-")
    return SETTINGS.get(f"{table}.{name}".lstrip("."), key)


def former_settings(name: str) -> tuple[str, ...]:
    """The former names of a key: their last part, for `name` with its tables."""
    table, _, key = name.rpartition(".")
    return tuple(
        old.rpartition(".")[2] for old, new in SETTINGS.items() if (old.rpartition(".")[0], new) == (table, key)
    )
