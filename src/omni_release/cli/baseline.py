"""`baseline`: accept the findings of today, in a file of the project that only shrinks."""

from __future__ import annotations

import sys

from omni_release.cli import lane
from omni_release.cli.parser import add_dry_run, add_project, subcommand
from omni_release.core import errors
from omni_release.core.errors import UsageError

TYPE_CHECKING = False  # as the type checker knows it; importing typing slows the start down
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from omni_release.cli.parser import Commands
    from omni_release.core.baseline import Baseline
    from omni_release.core.fingerprints import Fingerprint
    from omni_release.core.tasks import Lane


class Arguments(lane.Arguments):
    """The arguments of `baseline`; it is not `alone` where `init` writes it."""

    update: bool = False
    alone: bool = True


def add_parser(commands: Commands, name: str) -> None:
    """Add `baseline`."""
    description = "Accept today's findings of quality rules; new ones still count"
    parser = subcommand(commands, name, description, "baseline", "baseline --update")
    add_project(parser)
    add_dry_run(parser)
    parser.add_argument("--update", action="store_true", help="remove the entries that are gone, and add none")
    parser.set_defaults(run=run)


def run(arguments: Arguments) -> int:
    """Run the checks of the rehearsal with quality rules, and write what they find; exit code 0 where it is written.

    The project's tests are not run: what they find is never in a baseline.

    Raises UsageError where the file exists already, or does not.
    """
    import dataclasses

    from omni_release import lanes
    from omni_release.core import baseline

    arguments.command, dry = "rehearse", arguments.dry_run
    arguments.dry_run = False
    request = lane.request(arguments)
    old = baseline.read(request.project.root)
    _check(old, exists=(old.root / baseline.FILE).exists(), update=arguments.update)
    found = old if arguments.update else dataclasses.replace(old, recording=True)
    looked_at = _with_quality_rules(lanes.rehearse())
    request = dataclasses.replace(request, baseline=found, only=looked_at)
    code = lane.start(request)
    missed = tuple(id for id in _with_quality_rules(lanes.gate()) if id in found.not_run)
    if code != errors.EXIT_INTERRUPTED and missed:
        # What is in the source can be looked at, although a failed build has stopped the rehearsal.
        code = lane.start(dataclasses.replace(request, lane="gate", only=missed, verbosity=-1)) or code
    if code == errors.EXIT_INTERRUPTED:
        return code
    entries = found.remaining if arguments.update else found.kept
    unseen = [id for id in looked_at if id in found.not_run - found.judged]
    sys.stdout.write(lane.shown(_summary(entries, len(old.entries), code, unseen, alone=arguments.alone)))
    if not dry and (entries or old.entries):
        from omni_release.core.documents import write_file

        write_file(old.root / baseline.FILE, baseline.document(entries).encode())
    return errors.EXIT_PASSED


def _check(old: Baseline, *, exists: bool, update: bool) -> None:
    from omni_release.core.baseline import FILE

    if update and not exists:
        raise UsageError(f"there is no {FILE} to update", "Write it with `omni-release baseline`.")
    if exists and not update:
        raise UsageError(
            f"{FILE} exists, with {len(old.entries)} findings; nothing is added to it",
            "Fix new findings, or waive them. `omni-release baseline --update` removes what is gone.",
        )


def _with_quality_rules(lane: Lane) -> tuple[str, ...]:
    """The checks whose findings can be in a baseline."""
    from omni_release.core.tasks import RuleClass

    return tuple(task.id for task in lane.tasks if any(rule.kind is RuleClass.QUALITY for rule in task.rules))


def _summary(entries: Iterable[Fingerprint], before: int, code: int, unseen: Sequence[str], *, alone: bool) -> str:
    """What the file holds, by rule, and what to do next; `code` is the exit code of the run.

    `unseen` are the checks that did not run, because a task that they need failed. Not `alone`, `init` says the next.
    """
    from collections import Counter

    from omni_release.core.baseline import FILE
    from omni_release.core.own_commands import typed
    from omni_release.core.text import counted
    from omni_release.report import next_step

    counts = Counter(entry.rule for entry in entries)
    total = counts.total()
    empty = not total and not before
    lines = ["", f"{FILE}: {counted(total, 'finding')}{f' (before: {before})' if before else ''}"]
    if empty:
        lines[1] = f"No finding of a quality rule{' in the checks that ran' if unseen else ''}: no baseline is needed."
    lines += [f"  {number:>5}  {rule}" for rule, number in sorted(counts.items(), key=lambda one: (-one[1], one[0]))]
    if code == errors.EXIT_FAILED and not empty:
        lines.append("Problems are not in it: fix them.")
    if code == errors.EXIT_INCONCLUSIVE:
        lines.append("What has no result is not in it: do first what the message of the check says.")
    if unseen:
        lines.append(f"Not run, because a task that they need failed: {', '.join(unseen)}.")
    if unseen or code == errors.EXIT_INCONCLUSIVE:
        again = "omni-release baseline" if empty else f"git rm --force {FILE} && omni-release baseline"
        lines.append(typed(f"To accept their findings, too, run after that: {again}"))
    return "\n".join((*lines, "" if empty or not alone else next_step.line(f"git add {FILE}")))
