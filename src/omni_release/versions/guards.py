"""What stands in the way of a new version. Each guard says why, and all of them are told at once."""

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

TYPE_CHECKING = False  # as the type checker knows it; importing it costs a start and a half
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Protocol

    from omni_release.core.world import FileStatus, IndexFile

    class Index(Protocol):
        """An index that is only asked what it has: see `seams.Index`."""

        def files(self, project: str) -> Sequence[IndexFile]: ...

        def file_statuses(self, project: str, artifacts: Sequence[Artifact]) -> Sequence[FileStatus]: ...


if TYPE_CHECKING:
    from collections.abc import Iterable


def local_problems(root: Path, name: str, new: str) -> Iterator[str]:
    """Why the project at `root` cannot become `new`, as far as the version and git can tell."""
    version = parse(new)
    if version is None:
        yield f"{new!r} is no version (PEP 440): write it as 1.2.3, 1.2.3rc1, 1.2.3.post1 or 1.2.3.dev1"
        return
    if version.local:
        yield f"{new} is a local version, which no index takes: leave out +{version.local}"
    head = (source_tree.git_output(str(root), "rev-parse", "--verify", "--quiet", "HEAD") or "").strip()
    if not head:
        below_git = any((folder / ".git").exists() for folder in (root, *root.parents))
        if below_git and source_tree.git_output(str(root), "rev-parse", "--git-dir") is None:
            yield f"git does not answer in {root}, so nobody knows which versions are tagged: `git status` says why"
        return
    commits = _commits(root)
    ours = project_tags(commits, name)
    taken = [tag.name for tag in ours if tag.version.key == version.key]
    for tag in taken:
        if commits[tag] != head:
            yield f"{new} is tagged already: {tag} is commit {commits[tag][:12]}, and this is {head[:12]}"
    merged = _commits(root, "--merged", "HEAD")
    newest = max((tag for tag in ours if tag.name in merged), key=lambda tag: tag.version.key, default=None)
    if newest and not taken and version.key <= newest.version.key:
        yield f"{new} is not larger than {newest.version}, which this commit descends from (tag {newest.name})"


def index_problems(root: Path, name: str, new: str, index: Index) -> tuple[list[str], list[str]]:
    """Why the index stands in the way, having files of this version that are not the ones in dist/; what it left open.

    A file name is taken for good: so a file of this version that dist/ has not is in the way as well.
    """
    from omni_release import distributions

    try:
        listed = {file.name for file in index.files(canonical(name)) if distributions.is_of(file.name, new)}
    except Inconclusive as error:
        return [], [error.message]
    except ImportError:
        return [], ["asking an index needs omni-release[release]"]
    ours = list(_built(root / "dist", new)) if listed else []
    said = [
        f"{new} is on the index already, with a file that is not in dist/: {file}. No name is ever free again"
        for file in sorted(listed - {artifact.name for artifact in ours})
    ]
    untold = []
    for told in index.file_statuses(canonical(name), ours) if ours else ():
        if told.state is FileState.OTHER_BYTES:
            said.append(f"{new} is on the index already, with other bytes: {told.name} ({told.why})")
        elif told.state in (FileState.INCONCLUSIVE, FileState.REFUSED):
            untold.append(f"{told.name}: {told.why}")
    return said, untold


def _built(dist: Path, version: str) -> Iterator[Artifact]:
    """The distributions of a version in a folder."""
    from omni_release import distributions
    from omni_release.core import documents

    for file in sorted(dist.iterdir()) if dist.is_dir() else ():
        if file.is_file() and distributions.is_of(file.name, version):
            yield documents.artifact_of(file)


def _commits(root: Path, *which: str) -> dict[str, str]:
    """The tags, and the commits that they are of."""
    form = "%(refname:strip=2)%09%(objectname)%09%(*objectname)"
    listed = source_tree.git_output(str(root), "for-each-ref", f"--format={form}", *which, "refs/tags") or ""
    return {tag: peeled or commit for tag, commit, peeled in (line.split("\t") for line in listed.splitlines())}


_PLAIN = re.compile(r"(?:v|ver|version|r|rel|release)?[-_/.]?v?", re.IGNORECASE)

_END = re.compile(r"[-_/@.=]*v?$", re.IGNORECASE)


class Tag(NamedTuple):
    """A tag of a version: its name, what stands in it before the version, and whether that names the project."""

    name: str
    prefix: str
    version: Version
    named: bool


def split_tag(tag: str) -> tuple[str, str] | None:
    """What stands before the version in a tag's name, and the version; None where it has none."""
    parts = _parts(tag)
    return (parts[0], tag.removeprefix(parts[0])) if parts else None


def project_tags(tags: Iterable[str], project: str) -> list[Tag]:
    """Those that may be the project's: that name it, or name no project."""
    found = [Tag(tag, *parts, _names(parts[0], project)) for tag in tags if (parts := _parts(tag))]
    return [tag for tag in found if tag.named or _PLAIN.fullmatch(tag.prefix)]


def _names(prefix: str, project: str) -> bool:
    stem = _END.sub("", prefix)
    return canonical(project) in (canonical(stem), canonical(stem.rpartition("/")[2]))


def _parts(tag: str) -> tuple[str, Version] | None:
    for at, letter in enumerate(tag):
        if letter.isdigit() and (version := parse(tag[at:])):
            return tag[:at], version
    return None
