"""The check of the built distributions by the upload rules of an index, before anything is uploaded."""

from __future__ import annotations

from collections.abc import Iterator

from omni_release import distributions
from omni_release.core.errors import InvalidDistribution
from omni_release.core.model import Finding, Release
from omni_release.core.tasks import Rule, RuleClass, reports
from omni_release.core.world import World
from omni_release.local_index import Account, IndexPolicy, StoredFile, UploadContext, UploadRequest


@reports(Rule(r"index-[a-z-]+", RuleClass.RELEASE, "PyPI would refuse the upload"))
def upload_rules(release: Release, world: World) -> Iterator[Finding]:
    """PyPI upload rules accept the distributions

    A package index with PyPI's rules for uploads accepts each distribution; every refusal is reported.

    Fix: correct the project and build again before the upload, since a file name can be used only once; docs/index.md
    lists the rules.
    """
    from packaging.metadata import parse_email

    from omni_release.local_index import rules

    stored: tuple[StoredFile, ...] = ()
    now = world.clock.now()
    for path in distributions.in_folder(release.dist):
        try:
            content = distributions.core_metadata(path)
        except InvalidDistribution:
            content = b""  # the rules on distributions say so
        metadata, unparsed = parse_email(content)
        upload = UploadRequest.of_file(path, metadata, tuple(sorted(unparsed)), Account("", ""))
        seen: set[str] = set()
        for refusal in rules.refusals(UploadContext(upload, stored, frozenset(), IndexPolicy(), now)):
            if refusal.reason not in seen:
                seen.add(refusal.reason)
                yield Finding(f"{path.name}: {refusal.status} {refusal.reason}", f"index-{refusal.rule}")
        file = StoredFile(path.name, upload.version, upload.filetype, upload.size, upload.digests, now)
        stored = (*stored, file)
