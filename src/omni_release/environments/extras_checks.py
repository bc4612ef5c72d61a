"""Do the extras exist that requirements and the README name?"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from omni_release import distributions, environments
from omni_release.core.model import Finding, Release, Severity
from omni_release.core.tasks import Rule, RuleClass, reports
from omni_release.core.world import World


@reports(
    Rule("extra-of-its-own", RuleClass.RELEASE, "Requirement names an extra that the project does not have"),
    Rule("extra-unknown", RuleClass.QUALITY, "Requirement names an extra that its project does not provide"),
    Rule("extra-in-prose", RuleClass.QUALITY, "README names an extra that the project does not have"),
)
def extras_exist(release: Release, world: World) -> Iterator[Finding]:
    """Named extras exist

    Each extra that a requirement or the README names is provided; installers skip an unknown one.

    Fix: correct the name of the extra.
    """
    from importlib import metadata as installed_metadata

    from packaging.utils import canonicalize_name

    wheel = distributions.installable(release.dist)
    metadata = distributions.metadata(wheel)
    own_name = canonicalize_name(release.project.name)
    own = _provided(metadata.get_all("Provides-Extra"))
    site = environments.site_packages(release.environment("candidate"))
    installed = {canonicalize_name(d.name): d for d in installed_metadata.distributions(path=[str(site)]) if d.name}
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
    text = metadata.get_payload()
    pattern = rf"\b{re.sub(r'[-_.]+', '[-_.]+', own_name)}\[([\w., -]+)\]"
    named = re.findall(pattern, text if isinstance(text, str) else "", re.IGNORECASE)
    for extra in dict.fromkeys(extra.strip() for names in named for extra in names.split(",")):
        if extra and extra != "..." and canonicalize_name(extra) not in own:
            message = f"the description names the extra {release.project.name}[{extra}], which does not exist"
            yield Finding(message, "extra-in-prose", Severity.WARNING, distribution=wheel.name)


def _provided(extras: Iterable[str] | None) -> set[str]:
    """The normalised names of extras."""
    from packaging.utils import canonicalize_name

    return {str(canonicalize_name(extra)) for extra in extras or ()}
