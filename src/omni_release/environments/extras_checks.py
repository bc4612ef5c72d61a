"""Do the extras exist that requirements and the README name, and can each be installed?"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from omni_release import distributions, environments
from omni_release.core.errors import Inconclusive, NotApplicable
from omni_release.core.model import Finding, Release, Severity
from omni_release.core.tasks import Rule, RuleClass, reports
from omni_release.core.world import World
from omni_release.environments import installers
from omni_release.environments.requirements import is_for_development


@reports(
    Rule("extra-of-its-own", RuleClass.RELEASE, "Requirement names an extra that the project does not have"),
    Rule("extra-unknown", RuleClass.QUALITY, "Requirement names an extra that its project does not provide"),
    Rule("extra-in-prose", RuleClass.QUALITY, "README or a message names an extra that the project does not have"),
)
def extras_exist(release: Release, world: World) -> Iterator[Finding]:
    """Named extras exist

    Each extra that a requirement, the README or a string in a module names is provided; installers skip an unknown one.

    Fix: correct the name of the extra.
    """
    from packaging.utils import canonicalize_name

    wheel = distributions.installable(release.dist)
    metadata = distributions.metadata(wheel)
    own_name = canonicalize_name(release.project.name)
    own = _provided(metadata.get_all("Provides-Extra"))
    site = environments.site_packages(release.environment("candidate"))
    installed = {canonicalize_name(found.name): found for found in environments.distributions_in(site)}
    for stated in metadata.get_all("Requires-Dist", []):
        if (requirement := distributions.parsed_requirement(stated)) is None:
            continue  # an index refuses it: see upload-rules
        name = canonicalize_name(requirement.name)
        if name != own_name and name not in installed:
            continue
        provided = own if name == own_name else _provided(installed[name].metadata.get_all("Provides-Extra"))
        for extra in sorted(requirement.extras):
            if canonicalize_name(extra) not in provided:
                known = f"it has: {', '.join(sorted(provided))}" if provided else "it has none"
                message = f"{requirement.name} has no extra {extra!r} ({known}), which `{stated}` names"
                rule = "extra-of-its-own" if name == own_name else "extra-unknown"
                yield Finding(message, rule, path=release.project.stated_in, distribution=wheel.name)
    for where, extra in _named_in_texts(wheel, own_name):
        if canonicalize_name(extra) not in own:
            message = f"{where} names the extra {release.project.name}[{extra}], which does not exist"
            yield Finding(message, "extra-in-prose", Severity.WARNING, distribution=wheel.name)


UNRESOLVABLE = Rule("extra-unresolvable", RuleClass.RELEASE, "Requirements of an extra cannot be met")
NOT_HERE = Rule("extra-not-here", RuleClass.QUALITY, "Extra cannot be installed on this machine")


@reports(UNRESOLVABLE, NOT_HERE)
def extras_install(release: Release, world: World) -> Iterator[Finding]:
    """Extras can be installed

    For each extra, uv finds versions of all that it requires, with the requirements of the release itself.

    Fix: correct the requirement that uv names; its whole output is in `logs/extra-NAME.log` of the run.
    """
    wheel = distributions.installable(release.dist)
    extras = distributions.metadata(wheel).get_all("Provides-Extra", [])
    if not extras:
        raise NotApplicable("the project has no extras")
    name, _ = distributions.name_and_version(wheel.name)
    where = wheel.resolve().as_uri()
    if installers.resolve(release, world, "extras", (f"{name}[{','.join(extras)}] @ {where}",)).code == 0:
        return
    if installers.resolve(release, world, "extra-none", (f"{name} @ {where}",)).code != 0:
        raise Inconclusive("uv finds no versions for the release itself, without extras", "See `works-with-uv`.")
    for extra in extras:  # two may exclude each other
        completed = installers.resolve(release, world, f"extra-{extra}", (f"{name}[{extra}] @ {where}",))
        if completed.code == 0:
            continue
        text = installers.said(completed)
        if completed.network or _OFFLINE.search(text):
            raise Inconclusive(f"uv could not reach an index for the extra {extra}: {completed.tail[-1]}", _NETWORK)
        certain = "No solution found" in text and not _OF_MACHINE.search(text) and not is_for_development(extra)
        rule = UNRESOLVABLE if certain else NOT_HERE
        severity = Severity.ERROR if certain else Severity.WARNING
        message = f"the extra {extra} cannot be installed: {installers.reason_in(text)[:500]}"
        yield Finding(message, rule.id, severity, path=release.project.stated_in, distribution=wheel.name)


_NETWORK = "Run it again with a network."
_OFFLINE = re.compile(r"network was disabled|network connectivity is disabled")
_OF_MACHINE = re.compile(r"\bwheels?\b|\bPython\b|\bplatform|\bABI\b|Failed to build|pre-release", re.IGNORECASE)
"""What uv says where another machine, another Python or a compiler may do."""


def _named_in_texts(wheel: Path, name: str) -> Iterator[tuple[str, str]]:
    """The extras that the description and the messages in modules name, as `NAME[extra]`: where, and the extra."""
    pattern = re.compile(rf"(?<![\w.-]){re.sub(r'[-_.]+', '[-_.]+', name)}\[([\w., -]+)\]", re.IGNORECASE)

    def extras(text: str) -> Iterator[str]:
        named = (extra.strip() for names in pattern.findall(text) for extra in names.split(","))
        return (extra for extra in dict.fromkeys(named) if re.fullmatch(r"\w[\w.-]*", extra) and not extra.isdigit())

    payload = distributions.metadata(wheel).get_payload()
    for extra in extras(payload if isinstance(payload, str) else ""):
        yield "the description", extra
    for entry in distributions.contents(wheel):
        if not entry.name.endswith(".py"):
            continue
        for text in _strings(entry.read().decode("utf-8", "replace"), name):
            for extra in extras(text):
                yield entry.name, extra


_INSTALLS = re.compile(r"\b(?:install|add|extras?)\b", re.IGNORECASE)  # `acme[key]` alone may be code


def _strings(source: str, name: str) -> Iterator[str]:
    """The strings of a module that tell how to install a project; none where it is no Python of this version."""
    if not re.search(re.sub(r"[-_.]+", "[-_.]+", name) + r"\[", source, re.IGNORECASE):
        return
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and _INSTALLS.search(node.value):
            yield node.value


def _provided(extras: Iterable[str] | None) -> set[str]:
    """The normalised names of extras."""
    from packaging.utils import canonicalize_name

    return {str(canonicalize_name(extra)) for extra in extras or ()}
