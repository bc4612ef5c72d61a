"""What prevents a new version, and the tags of versions. All problems are reported at once."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from omni_release import source_tree
from omni_release.core.errors import Inconclusive
from omni_release.core.model import Artifact
from omni_release.core.world import FileState
from omni_release.versions.member import canonical
from omni_release.versions.pep440 import Version, parse

TYPE_CHECKING = False  # typing costs more to import than a whole run of `version`
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Protocol

    from omni_release.core.world import FileStatus, IndexFile

    class Index(Protocol):
        """An index that is only read: see `world.Index`."""

        def files(self, project: str) -> Sequence[IndexFile]: ...

        def file_statuses(self, project: str, artifacts: Sequence[Artifact]) -> Sequence[FileStatus]: ...


def local_problems(root: Path, name: str, new: str) -> Iterator[str]:
    """Why the project at `root` cannot become `new`, judging by the version and by git's tags."""
    version = parse(new)
    if version is None:
        yield f"{new!r} is not a version (PEP 440): write it as 1.2.3, 1.2.3rc1, 1.2.3.post1 or 1.2.3.dev1"
        return
    if version.local:
        yield f"{new} is a local version, which indexes refuse: remove +{version.local}"
    head = (source_tree.git_output(str(root), "rev-parse", "--verify", "--quiet", "HEAD") or "").strip()
    if not head:
        in_repository = any((folder / ".git").exists() for folder in (root, *root.parents))
        if in_repository and source_tree.git_output(str(root), "rev-parse", "--git-dir") is None:
            yield f"git does not work in {root}, so the tagged versions are unknown: run `git status` there"
        return
    commits = _tag_commits(root)
    tags = project_tags(commits, name)
    same = [tag.name for tag in tags if tag.version.key == version.key]
    for tag in same:
        if commits[tag] != head:
            yield f"{new} is already tagged: {tag} is commit {commits[tag][:12]}, HEAD is {head[:12]}"
    merged = _tag_commits(root, "--merged", "HEAD")
    newest = max((tag for tag in tags if tag.name in merged), key=lambda tag: tag.version.key, default=None)
    if newest and not same and version.key <= newest.version.key:
        yield f"{new} is not larger than {newest.version}, the newest version that HEAD contains (tag {newest.name})"


def _tag_commits(root: Path, *options: str) -> dict[str, str]:
    """The tags, and their commits."""
    form = "%(refname:strip=2)%09%(objectname)%09%(*objectname)"
    listed = source_tree.git_output(str(root), "for-each-ref", f"--format={form}", *options, "refs/tags") or ""
    return {tag: peeled or commit for tag, commit, peeled in (line.split("\t") for line in listed.splitlines())}


def index_problems(root: Path, name: str, new: str, index: Index) -> tuple[list[str], list[str]]:
    """Why an index prevents the version, and what it left undetermined.

    A file name can never be reused: so a file of this version that dist/ does not have is a problem as well.
    """
    from omni_release import distributions
    from omni_release.core import documents

    try:
        listed = {file.name for file in index.files(canonical(name)) if distributions.is_of(file.name, new)}
    except Inconclusive as error:
        return [], [error.message]
    except ImportError:
        return [], ["reading an index needs omni-release[release]"]
    dist = root / "dist"
    files = sorted(dist.iterdir()) if listed and dist.is_dir() else []
    ours = [documents.artifact_of(file) for file in files if file.is_file() and distributions.is_of(file.name, new)]
    problems = [
        f"{new} is already on the index, with a file that is not in dist/: {file}. File names can never be reused"
        for file in sorted(listed - {artifact.name for artifact in ours})
    ]
    undetermined = []
    for status in index.file_statuses(canonical(name), ours) if ours else ():
        if status.state is FileState.OTHER_BYTES:
            problems.append(f"{new} is already on the index, with other bytes: {status.name} ({status.why})")
        elif status.state in (FileState.INCONCLUSIVE, FileState.REFUSED):
            undetermined.append(f"{status.name}: {status.why}")
    return problems, undetermined


_PLAIN = re.compile(r"(?:v|ver|version|r|rel|release)?[-_/.]?v?", re.IGNORECASE)

_END = re.compile(r"[-_/@.=]*v?$", re.IGNORECASE)


class Tag(NamedTuple):
    """A tag of a version: its name, the prefix before the version, and whether the prefix names the project."""

    name: str
    prefix: str
    version: Version
    named: bool


def split_tag(tag: str) -> tuple[str, str] | None:
    """The prefix of a tag's name, and the version after it; None where it has no version."""
    parts = _parts(tag)
    return (parts[0], tag.removeprefix(parts[0])) if parts else None


def project_tags(tags: Iterable[str], project: str) -> list[Tag]:
    """The tags that may be the project's: those that name it, and those that name no project."""
    found = []
    for tag in tags:
        if parts := _parts(tag):
            stem = _END.sub("", parts[0])
            named = canonical(project) in (canonical(stem), canonical(stem.rpartition("/")[2]))
            if named or _PLAIN.fullmatch(parts[0]):
                found.append(Tag(tag, *parts, named))
    return found


def _parts(tag: str) -> tuple[str, Version] | None:
    """The prefix, and the version that begins at the earliest digit possible."""
    for at, letter in enumerate(tag):
        if letter.isdigit() and (version := parse(tag[at:])):
            return tag[:at], version
    return None
