"""The rules of an index, held against what was built, before anything is uploaded."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from pathlib import Path

from omni_release import distributions
from omni_release.core.errors import InvalidDistribution
from omni_release.core.model import Finding, Release
from omni_release.core.world import World
from omni_release.local_index import Account, Case, Held, Policy, Submission, from_file

_ANYBODY = Account("", "")


def upload_rules(release: Release, world: World) -> Iterator[Finding]:
    """An index with PyPI's rules would take each of the distributions.

    All that it would refuse stands above, and not only the first: docs/index.md has the rules. A file name and a
    version can be used once only, so mend this before the upload.
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
