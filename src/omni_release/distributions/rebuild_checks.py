"""Checks of the built distributions against the other builds: one straight from the checkout, and a second one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from omni_release import distributions
from omni_release.core.errors import NotApplicable
from omni_release.core.model import Finding, Release, Severity
from omni_release.core.tasks import Rule, RuleClass, reports
from omni_release.core.text import listed
from omni_release.core.world import World
from omni_release.distributions import comparison, differences
from omni_release.distributions.checks import HOLLOW


@reports(
    Rule("lost-in-sdist", RuleClass.RELEASE, "Published wheel lacks files of the checkout", caused_by=(HOLLOW,)),
    Rule("added-by-sdist", RuleClass.RELEASE, "Published wheel has files that the checkout lacks"),
    Rule("sdist-differs", RuleClass.RELEASE, "Published wheel differs from the checkout"),
)
def wheel_matches_checkout(release: Release, world: World) -> Iterator[Finding]:
    """Wheel built from the sdist equals a wheel built from the checkout

    The wheel to publish contains the same files and bytes as a wheel built straight from the checkout. Compiled files
    are compared by name alone; what build back ends write about the build and the repository may differ.

    Fix: include the missing files in the sdist, at the place where the build back end looks for them, and remove what
    earlier builds left behind (build/). With hatchling, do not combine `sources = ["src"]` with
    `packages = ["src/NAME"]`, which drops the prefix in the sdist.
    """
    published, straight = _comparable_wheels(release)
    found = comparison.compare(published, straight, release.work_dir)
    elsewhere = distributions.built_elsewhere(world)
    name = published.name
    if found.missing:
        message = f"{name} lacks {listed(found.missing)}, which a wheel from the checkout has"
        yield Finding(message, "lost-in-sdist", distribution=name, subjects=tuple(found.missing))
    if found.added:
        why = ". It was not built here: a leftover of an earlier build (build/, dist/)?" if elsewhere else ""
        message = f"{name} has {listed(found.added)}, which a wheel from the checkout lacks{why}"
        yield Finding(message, "added-by-sdist")
    if found.changed:
        message = f"{name} differs from a wheel from the checkout in: {listed(found.changed)}"
        yield Finding(message, "sdist-differs")
    if found.expected:
        message = f"the build back end writes these differently for each build: {listed(found.expected)}"
        yield Finding(message, severity=Severity.NOTICE)


def _comparable_wheels(release: Release) -> tuple[Path, Path]:
    """A built wheel and the one from the checkout: those for any platform, else two of one file name.

    Raises NotApplicable where there are no such two.
    """
    straight = release.rebuilt / "checkout"
    built = distributions.wheels(release.dist)
    general = next((wheel for wheel in built if wheel.stem.endswith("-any")), None)
    other = next(iter(sorted(straight.glob("*-any.whl"))), None)
    if general and other:
        return general, other
    for published in built:
        if (other := straight / published.name).is_file():
            return published, other
    raise NotApplicable("no wheel of the same platform was built both ways")


@reports(Rule("not-reproducible", RuleClass.QUALITY, "Second build differs"))
def build_reproducible(release: Release, world: World) -> Iterator[Finding]:
    """Build is reproducible

    A second build gives the same wheel, byte for byte, and the same files in the sdist. Where only the headers of an
    sdist differ, such as the times that setuptools writes, that is no warning, but the sdist is not reproducible.
    Wheels of one platform are not compared.

    Fix: make the build deterministic: take times from SOURCE_DATE_EPOCH, and sort generated content.
    """
    built = distributions.in_folder(release.dist)
    native = [path for path in built if distributions.is_wheel(path.name) and not path.name.endswith("-any.whl")]
    if len(native) == len(built):
        raise NotApplicable("wheels of one platform are not compared with a second build")
    for path in native:
        message = f"{path.name} was not compared with a second build"
        yield Finding(message, severity=Severity.NOTICE, distribution=path.name)
    for path in (path for path in built if path not in native):
        again, name = release.rebuilt / "again" / path.name, path.name
        if not again.is_file():
            message = f"the second build has no {name}"
            yield Finding(message, "not-reproducible", Severity.WARNING, distribution=name)
        elif found := differences.between(path, again):
            changed = sorted(name for each in found if each.aspect in differences.OF_FILES for name in each.names)
            kinds = dict.fromkeys(each.aspect.value for each in found)
            place = (
                f"in {listed(changed)}" if changed else f"only in what the archive says of files: {', '.join(kinds)}"
            )
            # setuptools writes the present time into an sdist, and has no setting for it.
            severity = Severity.WARNING if changed or distributions.is_wheel(name) else Severity.NOTICE
            message = f"{name} differs from a second build {place}"
            yield Finding(message, "not-reproducible", severity, distribution=name)
