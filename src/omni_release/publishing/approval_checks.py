"""The check that a release is approved by as many people as it has to be."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import TYPE_CHECKING

from omni_release import distributions, git
from omni_release.core.errors import Inconclusive, NeedsPerson, NotApplicable, UsageError
from omni_release.core.model import Finding, Release, Severity
from omni_release.core.tasks import Rule, RuleClass, reports
from omni_release.core.text import counted
from omni_release.core.world import World

if TYPE_CHECKING:
    from omni_release.publishing.approvals import Tally
    from omni_release.publishing.approvers import ApprovalRule

TOO_FEW = Rule("too-few-approvers", RuleClass.RELEASE, "List names fewer people than have to approve")

REFUSED = Rule("approval-refused", RuleClass.RELEASE, "Approval does not count")

_NOT_ASKED = "neither `approvals` nor the last release asks for approvals"


@reports(TOO_FEW, REFUSED)
def approved(release: Release, world: World) -> Iterator[Finding]:
    """Release is approved

    As many people as `approvals` says have signed the project, the version, the commit and the hash of each file, each
    with a key that the last release's tag lists.

    Fix: have each of them run `omni-release approve --run RUN`, then release the same run.
    """
    rule = _rule(release, world)
    people = rule.approvers.people
    if len(people) < rule.needed:
        listed = f"{rule.origin} lists {counted(len(people), 'person') if people else 'no person'}"
        message = "\n".join((f"{listed}, and {rule.needed} have to approve", *rule.approvers.problems))
        yield Finding(message, TOO_FEW.id)
        return
    from omni_release.publishing import approval_statement, approvals

    artifacts = world.journal.artifacts()
    if not artifacts:
        raise NotApplicable(f"{_asked(rule)}, of the files of a run: nothing is built yet")
    statement = approval_statement.of_run(artifacts, world.journal.commit_built())
    repository = git.open_repository(release, world)
    context = approvals.Context(repository, world.processes, world.environment, release.folder, world.approvals)
    tally = approvals.tally(statement, rule, context)
    if tally.missing:
        message, hint = "\n".join((said(tally), *tally.refused)), how(release)
        if tally.unknown:
            raise Inconclusive(f"{message}\n{tally.unknown}", hint)
        raise NeedsPerson(message, hint)
    for reason in tally.refused:
        yield Finding(reason, REFUSED.id, Severity.WARNING)
    for person, with_what in tally.approved.items():
        yield Finding(f"{person}: {with_what}", severity=Severity.NOTICE)


def _rule(release: Release, world: World) -> ApprovalRule:
    """Who has to approve the release. Raises NotApplicable where no one has to."""
    wanted = release.project.settings.publish.approvals
    try:
        repository = git.open_repository(release, world)
    except (NotApplicable, UsageError) as error:
        if not wanted:
            raise NotApplicable(_NOT_ASKED) from None
        hint = "Release from a git repository, whose last tag lists the approvers."
        raise Inconclusive(f"it is not known who may approve: {error.message}", hint) from None
    from omni_release.publishing import approvers

    version = distributions.version_to_release(release.version, world.journal.artifacts())
    rule = approvers.rule(release.project, release.inside, version, repository)
    if rule is None:
        raise NotApplicable(_NOT_ASKED)
    return rule


def _asked(rule: ApprovalRule) -> str:
    return f"{counted(rule.needed, 'approval')} by people in {rule.origin}"


def said(tally: Tally) -> str:
    """Who has approved, and who can still approve."""
    names = f": {', '.join(tally.approved)}" if tally.approved else ""
    line = f"{len(tally.approved)} of {counted(tally.rule.needed, 'approval')}{names}"
    if not tally.missing:
        return line
    others = ", ".join(tally.others) or "no one in the list"
    return f"{line}; {tally.missing} more needed, from {others}"


def how(release: Release) -> str:
    """What to do where an approval is missing."""
    name = release.folder.name
    if str(release.inside) == ".":
        return (
            f"Have another person run `omni-release approve --run {name}`. Then resume the release with --run {name}."
        )
    approve = f"omni-release approve --project {shlex.quote(str(release.project.root))} --run {name}"
    return f"Have another person run `{approve}`. Then resume the release."
