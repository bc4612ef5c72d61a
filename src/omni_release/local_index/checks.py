"""The rules of an index, held against what was built, before anything is uploaded."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from pathlib import Path

from omni_release import distributions
from omni_release.core.errors import InvalidDistribution
from omni_release.core.model import Finding, Release
from omni_release.core.tasks import Rule, RuleClass, reports
from omni_release.core.world import World
from omni_release.local_index import Account, Case, Held, Policy, Submission, from_file

_ANYBODY = Account("", "")


@reports(Rule(r"index-[a-z-]+", RuleClass.RELEASE, "PyPI would refuse the upload"))
def upload_rules(release: Release, world: World) -> Iterator[Finding]:
    """PyPI upload rules accept the distributions

    A package index with PyPI's rules for uploads accepts each distribution; every refusal is reported.

    Fix: correct the project and build again before the upload, since a file name can be used only once; docs/index.md
    lists the rules.
    """
    from omni_release.local_index import rules

    held: tuple[Held, ...] = ()
    now = world.clock.now()
    for path in distributions.in_folder(release.dist):
        given = _submission(path)
        case = Case(given, held, frozenset(), Policy(), now)
        seen: set[str] = set()
        for refusal in rules.everything(case):
            if refusal.reason not in seen:
                seen.add(refusal.reason)
                yield Finding(f"{path.name}: {refusal.status} {refusal.reason}", f"index-{refusal.rule}")
        held = (*held, _held(given, now))


def _submission(path: Path) -> Submission:
    """The upload that twine would make of a file. What has no metadata at its place states none."""
    from packaging.metadata import parse_email

    try:
        raw = distributions.core_metadata(path)
    except InvalidDistribution:
        raw = b""
    metadata, unparsed = parse_email(raw)
    return from_file(metadata, tuple(sorted(unparsed)), path, _ANYBODY)


def _held(given: Submission, now: datetime.datetime) -> Held:
    return Held(given.path.name, given.version, given.filetype, given.size, given.digests, now)
