"""The record of a rebuild: whether the files of a run came out again, where, and for which bytes.

It is bound to the bytes by their hashes and to itself by a digest, and not signed: it says what someone claims.
docs/threat-model.md says what that is worth.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from omni_release import distributions
from omni_release.builds import record
from omni_release.builds.record import BuildEnvironment
from omni_release.core import documents
from omni_release.core.actions import Write
from omni_release.core.build_place import BuildPlace
from omni_release.core.errors import Inconclusive, NotApplicable, UsageError
from omni_release.core.model import Artifact, Finding, Release, Severity
from omni_release.core.tasks import Rule, RuleClass, reports
from omni_release.core.world import Files, World

FOLDER = "rebuilt"
"""The folder in a run folder with the records of its rebuilds."""

_KIND = "omni-release rebuild"
_LARGE = 4 * 1024 * 1024


@dataclass(frozen=True)
class RebuildRecord:
    """A rebuild of the `artifacts` of a `run`, and what came out: the same set of names and hashes is `equal`.

    `at` is the time in UTC (ISO 8601), `source` the repository that was cloned, `built` what the run states of its
    build, `rebuild` what this one ran with, None where it did not come so far. `differences` are lines for a person.
    """

    id: str
    at: str
    project: str
    version: str
    run: str
    commit: str
    source: str
    tool: str
    result: Literal["equal", "different", "inconclusive"]
    artifacts: tuple[Artifact, ...]
    rebuilt: tuple[Artifact, ...]
    differences: tuple[str, ...]
    built: BuildEnvironment
    rebuild: BuildEnvironment | None

    @property
    def document(self) -> dict[str, Any]:
        """The record as JSON, with the digest of all of it."""
        content = {"schema_version": 1, "kind": _KIND, **json.loads(json.dumps(asdict(self)))}
        return {**content, "digest": _digest(content)}

    def write(self, path: Path, files: Files) -> None:
        files.write(Write(path, documents.to_json(self.document).encode("utf-8", "backslashreplace")))


def _digest(content: Mapping[str, Any]) -> str:
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(canonical.encode()).hexdigest()


def read(path: Path) -> RebuildRecord:
    """The record in a file. Raises UsageError for any other file, and for a record that was changed."""
    import msgspec

    hint = "Take the file that `omni-release rebuild` has written, as it is."
    try:
        if path.stat().st_size > _LARGE:
            raise UsageError(f"{path} is no record of a rebuild: it is too large", hint)
        content = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(f"{path} cannot be read: {error}", hint) from None
    if not isinstance(content, dict) or content.get("kind") != _KIND:
        raise UsageError(f"{path} is no record of a rebuild", hint)
    if content.pop("digest", "") != _digest(content):
        raise UsageError(f"{path} was changed after it was written: its digest is another one", hint)
    if content.pop("schema_version", 0) != 1:
        raise UsageError(f"{path} is the record of another version of omni-release", "Rebuild with this version.")
    del content["kind"]
    try:
        found = msgspec.convert(content, RebuildRecord, strict=True)
    except msgspec.ValidationError as error:
        raise UsageError(f"{path} is no record of a rebuild: {error}", hint) from None
    if not re.fullmatch(r"[0-9a-f-]{1,64}", found.id):  # it becomes the name of a file
        raise UsageError(f"{path} is no record of a rebuild: its id is {found.id!r}", hint)
    if json.loads(json.dumps(asdict(found))) != content:  # a key that is not known here may say anything
        raise UsageError(f"{path} has keys that are not those of a record", hint)
    return found


def refused(found: RebuildRecord, artifacts: Sequence[Artifact], commit: str | None, place: BuildPlace | None) -> str:
    """Why a record is none for these artifacts, which were built in this place of this commit; empty where it is one.

    Of files that were given to the run, which has no `place`, the record says where they were built. Of a record that
    is not `equal` the place does not matter.
    """
    if _pairs(found.artifacts) != _pairs(artifacts):
        other = sorted(name for name, _ in _pairs(found.artifacts) ^ _pairs(artifacts))
        return f"it is for other files: {', '.join(dict.fromkeys(other))}"
    if found.commit != commit:
        return f"it is for another commit: {found.commit}"
    if found.result != "equal":
        return ""
    if _pairs(found.rebuilt) != _pairs(artifacts):
        return "it says `equal`, and lists other hashes"
    there = found.rebuild.place if found.rebuild else BuildPlace()
    is_other = there.is_other(place or found.built.place)
    if is_other is None:
        return "it does not say where it was made, or the run does not say where it was built"
    return "" if is_other else "it was made where the run was built"


def _pairs(artifacts: Sequence[Artifact]) -> set[tuple[str, str]]:
    return {(artifact.name, artifact.sha256) for artifact in artifacts}


def hand_over(paths: Sequence[Path], run: Path, artifacts: Sequence[Artifact], files: Files) -> None:
    """Copy records that were handed over into the run folder, those that are for its artifacts."""
    for path in paths:
        found = read(path)
        if _pairs(found.artifacts) == _pairs(artifacts):
            found.write(run / FOLDER / f"{found.id}.json", files)


@reports(
    Rule("rebuild-differs", RuleClass.RELEASE, "Rebuild of these files differs"),
    Rule("rebuild-refused", RuleClass.RELEASE, "Record of a rebuild is refused"),
)
def rebuilt_elsewhere(release: Release, world: World) -> Iterator[Finding]:
    """Files were rebuilt elsewhere

    With `rebuilt-elsewhere = true` in [tool.omni-release.publish], a rebuild in another place has given the same bytes.

    Fix: run `omni-release rebuild --run RUN --to FILE` on another machine, from its own clone, and hand the file over
    with `--rebuilt FILE`.
    """
    if not release.project.settings.publish.rebuilt_elsewhere:
        raise NotApplicable("`rebuilt-elsewhere` is not set in [tool.omni-release.publish]")
    artifacts = world.journal.artifacts()
    if not artifacts:
        raise NotApplicable("nothing is built yet")
    environment = record.read(release.folder)
    place, commit = environment.place if environment else None, world.journal.commit_built()
    equal: dict[str, RebuildRecord] = {}
    different: dict[str, Finding] = {}
    against: list[Finding] = []
    for path in (*release.rebuilds, *sorted((release.folder / FOLDER).glob("*.json"))):
        try:
            found = read(path)
        except UsageError as error:
            against.append(Finding(error.message, "rebuild-refused"))
            continue
        if why := refused(found, artifacts, commit, place):
            against.append(Finding(f"{path.name}: {why}", "rebuild-refused"))
        elif found.result == "different":
            message = f"{path.name}: a rebuild elsewhere differs: {'; '.join(found.differences)}"
            different[found.id] = Finding(message, "rebuild-differs")
        elif found.result == "equal":
            equal[found.id] = found
    yield from different.values()
    if equal:
        _, version = distributions.project_and_version(artifacts)
        places = {found.rebuild.platform for found in equal.values() if found.rebuild}
        yield Finding(f"{version} was rebuilt elsewhere ({', '.join(sorted(places))})", severity=Severity.NOTICE)
    elif against:
        yield from against
    elif not different:
        run = release.folder.name
        hint = f"On another machine: omni-release rebuild --run {run} --to FILE; then hand it over with --rebuilt FILE."
        raise Inconclusive("no rebuild of these files elsewhere is known", hint)
