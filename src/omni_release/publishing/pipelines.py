"""The project's own pipelines that publish: whether one release starts two, and whether they hide other bytes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omni_release.core.errors import NotApplicable
from omni_release.core.model import Finding, Release
from omni_release.core.tasks import Rule, RuleClass, reports
from omni_release.core.world import World

_FOLDER = Path(".github", "workflows")
_LARGEST = 1_000_000
_MOST_CALLS = 4  # as GitHub has it: https://docs.github.com/en/actions/how-tos/reuse-automations/reuse-workflows
_ACTION = re.compile(
    r"pypa/gh-action-pypi-publish(?:/|@|$)|[^/]+/[^@]*pypi[^@]*publish|[^/]+/[^@]*publish[^@]*pypi|[^/]+/[^@]*poetry-publish"
)
_COMMAND = re.compile(r"\b(?:twine\s+upload|(?:uv|flit|poetry|hatch|pdm|maturin)\s+publish|maturin\s+upload)\b")
_SKIPS = re.compile(r"--skip-existing\b")
_TEST_INDEX = re.compile(r"test\.pypi\.org|\btestpypi\b", re.IGNORECASE)
_EVENT = re.compile(r"github\.event_name\s*(==|!=)\s*['\"](\w+)['\"]")
_COMPARED = re.compile(r"\bomni-release\s+published\b")

_APPROVED = re.compile(r"\bomni-release\s+(?:release\b|doctor\b.*--only[ =]approved\b)")

TAG, RELEASE = "the push of a tag", "the release event"
_RELEASE_TYPES = {"published", "released", "created", "prereleased"}

TWICE = Rule("publishes-twice", RuleClass.QUALITY, "One release starts two publishing jobs")
SKIPS = Rule("skip-existing", RuleClass.QUALITY, "Upload skips files that exist, whatever their bytes")


UNAPPROVED = Rule("unapproved-upload", RuleClass.QUALITY, "Upload does not ask for the approvals of the settings")


@reports(TWICE, SKIPS, UNAPPROVED)
def pipelines_publish_once(release: Release, world: World) -> Iterator[Finding]:
    """Pipelines publish once

    No workflow on GitHub publishes to the same index for the tag and again for the release, or skips existing files
    without a comparison. Where the settings ask for `approvals`, it asks for them before the upload.

    Fix: keep one of the two events. In place of `skip-existing`, compare the files with those on the index, as
    `omni-release published` does after the upload. For approvals, add the job that `omni-release workflow github` has.
    """
    publishing = [(workflow, upload) for workflow in _workflows(release.project.root) for upload in workflow.uploads]
    if not publishing:
        raise NotApplicable("no workflow on GitHub publishes")
    for index in dict.fromkeys(upload.index for _, upload in publishing):
        of_index = [(workflow, upload) for workflow, upload in publishing if upload.index == index]
        yield from _twice(of_index, index)
    for workflow, upload in publishing:
        if upload.skips and upload.index == "PyPI" and not _COMPARED.search(workflow.text):
            message = "existing files are skipped, so a file of this version with other bytes goes unnoticed"
            message += (
                "\n→ Compare the files with those on the index after the upload: `omni-release published --to pypi`."
            )
            yield Finding(message, SKIPS.id, path=workflow.path, line=workflow.line_of("skip-existing"))
    if release.project.settings.publish.approvals:
        uploading = dict.fromkeys(workflow for workflow, upload in publishing if upload.index == "PyPI")
        for workflow in uploading:
            if not any(_APPROVED.search(line.partition("#")[0]) for line in workflow.text.splitlines()):
                message = "publishes without the approvals that `approvals` asks for"
                message += "\n→ Add the job `approved` that `omni-release workflow github release` prints."
                yield Finding(message, UNAPPROVED.id, path=workflow.path, configured=True)


def publishes(root: Path) -> bool:
    """Whether a workflow of a project on GitHub publishes."""
    return any(workflow.uploads for workflow in _workflows(root))


def _workflows(root: Path) -> list[_Workflow]:
    files = {path.relative_to(root).as_posix(): _read(path) for path in _paths(root)}
    found = []
    for path, (text, jobs, on) in files.items():
        events = _events(on)
        uploads = tuple(upload for job in jobs for upload in _uploads(job, events, files))
        found.append(_Workflow(path, text, uploads))
    return found


@dataclass(frozen=True)
class _Upload:
    """A step that uploads: the index, the events that start it, and whether it skips existing files."""

    index: str
    events: frozenset[str]
    skips: bool


@dataclass(frozen=True)
class _Workflow:
    path: str
    text: str
    uploads: tuple[_Upload, ...]

    def line_of(self, word: str) -> int | None:
        """The first line with a word, from 1."""
        lines = self.text.splitlines()
        return next((number for number, line in enumerate(lines, 1) if word in line.partition("#")[0]), None)


def _twice(uploads: Sequence[tuple[_Workflow, _Upload]], index: str) -> Iterator[Finding]:
    """The findings about two events of one release that both lead to an upload to this index."""
    both = frozenset((TAG, RELEASE))
    for workflow in dict.fromkeys(workflow for workflow, _ in uploads):
        events = frozenset(event for other, upload in uploads if other == workflow for event in upload.events)
        if both <= events:
            message = f"publishes to {index} on {TAG} and on {RELEASE}: a release starts both"
            yield Finding(message, TWICE.id, path=workflow.path, line=workflow.line_of("release:"))
            return
    # Of more than two files, each may publish a project of its own. One that others call has no event.
    events_of = {workflow: upload.events for workflow, upload in uploads if upload.events}
    if len(events_of) == 2 and both == frozenset().union(*events_of.values()):
        first, second = events_of
        there = f"{first.path} on {_joined(events_of[first])}"
        message = f"publishes to {index} on {_joined(events_of[second])}, and {there}"
        yield Finding(message, TWICE.id, path=second.path)


def _joined(events: frozenset[str]) -> str:
    return " and ".join(sorted(events))


def _paths(root: Path) -> list[Path]:
    folder = root / _FOLDER
    if not folder.is_dir() or folder.is_symlink():
        return []
    files = (path for path in folder.iterdir() if path.suffix in (".yml", ".yaml"))
    return sorted(path for path in files if path.is_file() and not path.is_symlink())


_File = tuple[str, Sequence[Mapping[str, Any]], object]
"""A workflow's file: its text, its jobs, and the events that it names."""


def _read(path: Path) -> _File:
    """A workflow's file; without jobs where it is too large, or no valid workflow: GitHub says so itself."""
    import yaml

    if path.stat().st_size > _LARGEST:
        return "", (), None
    text = path.read_text(encoding="utf-8", errors="replace")
    try:
        content = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError):
        return text, (), None
    jobs = content.get("jobs") if isinstance(content, dict) else None
    if not isinstance(jobs, dict):
        return text, (), None
    on = content.get("on", content.get(True))  # YAML 1.1 reads `on` as a boolean
    return text, tuple(job for job in jobs.values() if isinstance(job, dict)), on


def _table(value: object) -> Mapping[str, Any]:
    """A mapping of a workflow; empty for any other value, which GitHub refuses."""
    return value if isinstance(value, dict) else {}


def _events(on: object) -> frozenset[str]:
    """The events of a release that start a workflow."""
    names = [on] if isinstance(on, str) else on if isinstance(on, list) else []
    triggers: Mapping[str, Any] = on if isinstance(on, dict) else dict.fromkeys(map(str, names))
    found = set()
    if "push" in triggers:
        filters = _table(triggers["push"])
        # With a filter for branches alone, tags start nothing.
        if "tags" in filters or not {"branches", "branches-ignore"} & {*filters}:
            found.add(TAG)
    if "release" in triggers:
        types = _table(triggers["release"]).get("types") or [*_RELEASE_TYPES]
        if any(str(name) in _RELEASE_TYPES for name in (types if isinstance(types, list) else [types])):
            found.add(RELEASE)
    return frozenset(found)


def _uploads(
    job: Mapping[str, Any], events: frozenset[str], files: Mapping[str, _File], depth: int = 0
) -> Iterator[_Upload]:
    """The uploads of a job, also where another workflow of the repository has its steps."""
    called = files.get(str(job.get("uses", "")).removeprefix("./"))
    if called and depth < _MOST_CALLS:
        left = _limited(events, str(job.get("if", "")))
        yield from (upload for inner in called[1] for upload in _uploads(inner, left, files, depth + 1))
    steps = job.get("steps")
    for step in steps if isinstance(steps, list) else ():
        if not isinstance(step, dict):
            continue
        action, script = str(step.get("uses", "")), str(step.get("run", ""))
        if not (_ACTION.match(action) or _COMMAND.search(script)):
            continue
        options = _table(step.get("with"))
        index = "TestPyPI" if _TEST_INDEX.search(f"{options} {script} {step.get('env')}") else "PyPI"
        skips = str(options.get("skip-existing", options.get("skip_existing", ""))).lower() == "true"
        limited = _limited(events, f"{job.get('if', '')} {step.get('if', '')}")
        yield _Upload(index, limited, skips or _SKIPS.search(script) is not None)


def _limited(events: frozenset[str], condition: str) -> frozenset[str]:
    """The events that a condition leaves."""
    names = {"push": TAG, "release": RELEASE}
    for relation, name in _EVENT.findall(condition):
        event = frozenset((names.get(name, ""),))
        if relation == "!=":
            events -= event
        elif "||" not in condition:
            events &= event
    return events
