"""What stands in the way of a new version. Each guard says why, and all of them are told at once."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

from omni_release.errors import CannotTell
from omni_release.versions import listing
from omni_release.versions.member import canonical
from omni_release.versions.spelling import Version, parse

TYPE_CHECKING = False  # as the type checker knows it; importing it costs a start and a half
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Protocol

    from omni_release.seams import IndexFile

    class Index(Protocol):
        """An index that is only asked what it has: see `seams.Index`."""

        def files(self, project: str) -> Sequence[IndexFile]: ...


_TAG = re.compile(r"^(?P<prefix>.*?)(?P<version>(?:\d+!)?\d+(?:\.\d+)*(?:[-_.]?[a-z]+[-_.]?\d*)*)$", re.IGNORECASE)
_USUAL = ("", "v", "release", "version", "ver", "rel", "r")


def against(root: Path, name: str, new: str) -> Iterator[str]:
    """Why the project at `root` cannot become `new`, as far as the version and git can tell."""
    version = parse(new)
    if version is None:
        yield f"{new!r} is no version (PEP 440): write it as 1.2.3, 1.2.3rc1, 1.2.3.post1 or 1.2.3.dev1"
        return
    if version.local:
        yield f"{new} is a local version, which no index takes: leave out +{version.local}"
    head = (listing.git(str(root), "rev-parse", "--verify", "--quiet", "HEAD") or "").strip()
    if not head:
        return
    taken = [(tag, commit) for tag, tagged, commit in _tags(root, name) if tagged.key == version.key]
    for tag, commit in taken:
        if commit != head:
            yield f"{new} is tagged already: {tag} is commit {commit[:12]}, and this is {head[:12]}"
    merged = [(tagged, tag) for tag, tagged, _ in _tags(root, name, "--merged", "HEAD")]
    newest = max(merged, key=lambda pair: pair[0].key, default=None)
    if newest and not taken and version.key <= newest[0].key:
        yield f"{new} is not larger than {newest[0]}, which this commit descends from (tag {newest[1]})"


def on_index(root: Path, name: str, new: str, index: Index) -> Iterator[str]:
    """Why the index stands in the way: it has files of this version that are not the ones in dist/.

    Raises CannotTell where it does not answer.
    """
    version = parse(new)
    dist = root / "dist"
    ours = (
        {hashlib.sha256(file.read_bytes()).hexdigest() for file in dist.iterdir() if file.is_file()}
        if dist.is_dir()
        else set()
    )
    for file in index.files(canonical(name)):
        found = _file_version(file.name)
        if version and found and found.key == version.key and file.sha256 not in ours:
            yield f"{new} is on the index already, with other bytes: {file.name}. No name is ever free again"


def asked(root: Path, name: str, new: str, index: Index) -> tuple[list[str], str]:
    """What `on_index` says, and why it could not be told, if so."""
    try:
        return list(on_index(root, name, new, index)), ""
    except CannotTell as error:
        return [], error.message


def _tags(root: Path, name: str, *which: str) -> Iterator[tuple[str, Version, str]]:
    """The tags that are versions of this project: the tag, its version, the commit."""
    form = "%(refname:strip=2)%09%(objectname)%09%(*objectname)"
    listed = listing.git(str(root), "for-each-ref", f"--format={form}", *which, "refs/tags") or ""
    for line in listed.splitlines():
        tag, commit, peeled = line.split("\t")
        match = _TAG.match(tag)
        version = parse(match["version"]) if match else None
        prefix = match["prefix"].rstrip("-_/@.=").lower() if match else ""
        prefix = re.sub(r"[-_/@.=]v$", "", prefix)
        if version and (prefix in _USUAL or canonical(prefix) == canonical(name)):
            yield tag, version, peeled or commit


def _file_version(file: str) -> Version | None:
    if file.endswith(".whl"):
        return parse(file.split("-")[1]) if file.count("-") >= 4 else None
    return parse(re.sub(r"\.(?:tar\.gz|zip)$", "", file).rpartition("-")[2])
