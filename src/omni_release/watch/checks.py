"""Checks of the published release: what users get with it today, and what has changed since its day."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from omni_release import distributions, environments, watch
from omni_release import models as models_module
from omni_release.code import dependency_checks
from omni_release.core.errors import Inconclusive, NotApplicable, OmniReleaseError, ToolUnavailable
from omni_release.core.model import Finding, Release, Severity
from omni_release.core.tasks import Rule, RuleClass, reports
from omni_release.core.text import counted, listed
from omni_release.core.world import IndexFile, World
from omni_release.environments import installers
from omni_release.models import Registry
from omni_release.models import checks as model_checks
from omni_release.models.names import PROSE, Search, find_names
from omni_release.models.overlay import stated
from omni_release.models.registry import OVERLAY

YANKED = Rule("yanked", RuleClass.RELEASE, "Release is yanked")
# These are warnings under any settings: `strict` is for findings of quality rules.
NEWER = Rule("newer-dependencies", RuleClass.RELEASE, "Dependencies are newer than the release")
HELD_BACK = Rule("held-back", RuleClass.RELEASE, "Requirements exclude newer versions")
DEPENDENCY_YANKED = Rule("dependency-yanked", RuleClass.RELEASE, "Newest dependency of the release's day is yanked")
ENDED = Rule("models-ended", RuleClass.RELEASE, "Models have ended since the release")
ADVISORY = Rule("advisory-since", RuleClass.RELEASE, "Dependency of the release's day has a known vulnerability")

_AT_ONCE = 8
"""Questions to the index at a time."""

_NAMED = 5


@reports(YANKED)
def release_not_yanked(release: Release, world: World) -> Iterator[Finding]:
    """Release is not yanked

    The index lists the release, and has not marked it as yanked, so that installers choose it.

    Fix: release the next version.
    """
    name, version = distributions.project_and_version(world.journal.artifacts())
    files = watch.files_on_index(release, world)
    if not files:
        raise Inconclusive(f"the index does not list {name} {version} any more", "Run this again.")
    reasons = {file.yanked for file in files if file.yanked is not None}
    if all(file.yanked is not None for file in files):
        why = "; ".join(sorted(filter(None, reasons)))
        yield Finding(f"{name} {version} is yanked{why and f': {why}'}", YANKED.id)


@reports(*model_checks.RULES)
def published_models(release: Release, world: World) -> Iterator[Finding]:
    """No retired models

    No code that the release ships uses a model that is shut down, or that shuts down within 60 days, by the table of
    models, the project's own rows, and what `omni-release models update --user` has read.

    Fix: replace each retired name by its successor, and release.
    """
    registry, search = _models(release, world)
    if not search.occurrences and not search.unread:
        raise NotApplicable("the release names no model")
    today = world.clock.now().date()
    yield from model_checks.findings_of(release.project, search, registry, today)


def _models(release: Release, world: World) -> tuple[Registry, Search]:
    """The registry of the project, and the names of models in the files of the release."""
    root, rows = release.project.root, release.project.settings.models.model
    registry = stated(root / OVERLAY, rows, models_module.existing_user_cache(world.environment))
    return registry, find_names(str(root), watch.published_files(release), registry.added)


@reports(dependency_checks.VULNERABILITY)
def published_vulnerabilities(release: Release, world: World) -> Iterator[Finding]:
    """No known vulnerabilities

    pip-audit finds no published vulnerability in the release, and in what is installed with it today.

    Fix: release a version that requires a dependency without the vulnerability.
    """
    site = environments.site_packages(release.environment(watch.INSTALLED))
    yield from dependency_checks.audited(release, world, ("--path", str(site)))


@reports(NEWER, HELD_BACK, DEPENDENCY_YANKED, ENDED, ADVISORY)
def changes_since_release(release: Release, world: World) -> Iterator[Finding]:
    """Changes since the release

    What users get today is compared with what they got on the release's day: versions of dependencies, those that the
    requirements exclude, yanks, models, vulnerabilities. What has changed is a warning. Where the release does not
    install, it is compared with what the index has.

    Fix: test the release with the newer versions, and release a version with requirements that fit.
    """
    if not distributions.wheels(release.dist):
        raise Inconclusive("there are no files of the release", "See what take-release and build-wheel report.")
    time = watch.released_at(release, world)
    if time is None:
        raise NotApplicable("the index does not state when the release was uploaded")
    today = world.clock.now().date()
    yield from _ended_models(release, world, time.date(), today)
    own = canonicalize_name(release.project.name)
    found = watch.installed(release, watch.INSTALLED)
    after = {name: version for name, version in found.items() if name != own} if own in found else None
    before, unknown = _on_its_day(release, world, time)
    before = {name: version for name, version in before.items() if name != own}
    if after is not None and unknown is None:
        yield from _newer(before, after, time)
    yield from _on_the_index(before, after, time, world)
    if unknown is not None:
        raise unknown
    yield from _advisories(release, world, before, after or {})


def _ended_models(release: Release, world: World, since: date, today: date) -> Iterator[Finding]:
    """A warning for the models of the code that were shut down, deprecated or routed since that day."""
    registry, search = _models(release, world)
    names = {(o.name, o.platform) for o in search.occurrences if not o.computed and not o.path.endswith(PROSE)}
    ended: dict[str, str] = {}
    for name, platform in sorted(names):
        model = registry.find(name, platform)
        days = (model.end, model.deprecated) if model else ()
        if model and any(day and since < day <= today for day in days):
            ended[name] = f"{name}: {registry.describe(name, today, platform)}"
    if ended:
        message = f"ended or deprecated since {since}, the release's day: {listed([*ended], _NAMED)}"
        yield Finding("\n".join((message, *ended.values())), ENDED.id, Severity.WARNING)


def _on_its_day(release: Release, world: World, time: datetime) -> tuple[Mapping[str, str], Inconclusive | None]:
    """The versions that users got with the release when it was uploaded; the error where that is unknown."""
    wheel = distributions.installable(release.dist)
    project, _ = distributions.name_and_version(wheel.name)
    own = f"{project} @ {wheel.resolve().as_uri()}"
    until = ("--exclude-newer", time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))
    resolved = installers.resolve(release, world, "on-its-day", (own,), *until)
    if resolved.code != 0:
        message = "\n".join(("uv cannot tell what the release was installed with on its day:", *resolved.tail[-5:]))
        return {}, Inconclusive(message, "Check that the index states when its files were uploaded (PEP 700).")
    text = (release.work_dir / "on-its-day.resolved").read_text(encoding="utf-8")
    pinned = re.findall(r"(?m)^([\w.-]+)==([^\s;\\]+)", text)
    return {canonicalize_name(name): version for name, version in pinned}, None


def _newer(before: Mapping[str, str], after: Mapping[str, str], time: datetime) -> Iterator[Finding]:
    """A warning for the versions of today that differ from those of the release's day."""
    changed = [f"{n} {before[n]} → {after[n]}" for n in sorted(before.keys() & after.keys()) if before[n] != after[n]]
    changed += [f"{name} {after[name]} (new)" for name in sorted(after.keys() - before.keys())]
    changed += [f"{name} {before[name]} (gone)" for name in sorted(before.keys() - after.keys())]
    if changed:
        message = f"users get {counted(len(changed), 'other version')} than on {time.date()}, the release's day"
        yield Finding(f"{message}: {listed(changed, _NAMED)}\n" + "\n".join(changed), NEWER.id, Severity.WARNING)


def _on_the_index(
    before: Mapping[str, str], after: Mapping[str, str] | None, time: datetime, world: World
) -> Iterator[Finding]:
    """Warnings for what was yanked, and for what was published and is excluded. Raises Inconclusive at the end.

    Where the release does not install (`after` is None), what was published since its day may be why.
    """
    current = before if after is None else after
    names = sorted(current)

    def ask(name: str) -> tuple[IndexFile, ...] | OmniReleaseError:
        try:
            return world.default_index.files(name)
        except OmniReleaseError as error:
            return error

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        answers = dict(zip(names, pool.map(ask, names), strict=True))
    held, yanked, unanswered = [], [], []
    for name, files in answers.items():
        if isinstance(files, OmniReleaseError):
            unanswered.append(f"{name}: {files.message}")
            continue
        published = _published(files)
        then = max((one for one in published if one.uploaded <= time), default=None)
        if then and then.yanked is not None:
            yanked.append(f"{name} {then.version}{then.yanked and f': {then.yanked}'}")
        newest = max((one for one in published if one.yanked is None and one.is_for_here), default=None)
        if newest and newest.uploaded > time and _parsed(current[name]) < newest.version:
            held.append(f"{name} {current[name]} (newest: {newest.version})")
    if held and after is None:
        message = f"the index has newer versions than on {time.date()}, the release's day: {listed(held, _NAMED)}"
        yield Finding(f"{message}\n" + "\n".join(held), NEWER.id, Severity.WARNING)
    elif held:
        message = f"the requirements exclude {counted(len(held), 'newer version')}: {listed(held, _NAMED)}"
        yield Finding(f"{message}\n" + "\n".join(held), HELD_BACK.id, Severity.WARNING)
    if yanked:
        message = f"the newest version on {time.date()}, the release's day, is yanked: {listed(yanked, _NAMED)}"
        yield Finding(message, DEPENDENCY_YANKED.id, Severity.WARNING)
    if unanswered:
        raise Inconclusive("\n".join(("the index did not answer about:", *unanswered)), "Run this again.")


@dataclass(frozen=True, order=True)
class _Published:
    """A final version on the index: when its first file was uploaded; the reason where all its files are yanked.

    `is_for_here` is whether a file of it is for the Python that runs omni-release, by the metadata.
    """

    version: Version
    uploaded: datetime
    yanked: str | None = field(compare=False)
    is_for_here: bool = field(compare=False)


def _published(files: Iterable[IndexFile]) -> list[_Published]:
    """The final versions whose time the index states."""
    by_version: dict[Version, list[IndexFile]] = {}
    for file in files:
        try:
            version = _parsed(distributions.name_and_version(file.name)[1])
        except OmniReleaseError:
            continue
        if not version.is_prerelease and file.uploaded is not None:
            by_version.setdefault(version, []).append(file)
    return [
        _Published(
            version,
            min(file.uploaded for file in of if file.uploaded),
            None if any(file.yanked is None for file in of) else next((f.yanked for f in of if f.yanked), ""),
            any(_is_for_here(file.requires_python) for file in of if file.yanked is None),
        )
        for version, of in by_version.items()
    ]


def _is_for_here(requires_python: str) -> bool:
    try:
        return SpecifierSet(requires_python).contains(".".join(map(str, sys.version_info[:3])))
    except InvalidSpecifier:  # which pip ignores
        return True


def _parsed(version: str) -> Version:
    try:
        return Version(version)
    except InvalidVersion:
        return Version("0")


def _advisories(
    release: Release, world: World, before: Mapping[str, str], after: Mapping[str, str]
) -> Iterator[Finding]:
    """A warning for vulnerabilities of versions that are no longer installed: who has not upgraded has them."""
    old = sorted(f"{name}=={version}" for name, version in before.items() if after.get(name) != version)
    if not old:
        return
    listing = release.work_dir / "on-its-day.txt"
    listing.write_text("\n".join((*old, "")), encoding="utf-8")
    what = ("--requirement", str(listing), "--no-deps", "--disable-pip")
    try:
        found = [f.message for f in dependency_checks.audited(release, world, what, log="pip-audit-on-its-day")]
    except ToolUnavailable:  # which the check of what is installed today reports
        return
    if found:
        message = "versions that were installed on the release's day have known vulnerabilities"
        yield Finding("\n".join((message, *found)), ADVISORY.id, Severity.WARNING)
