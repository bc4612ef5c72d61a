"""The files of a GitHub release: the distributions, their checksums and the page of the rehearsal; which it has."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from omni_release.core.documents import sha256
from omni_release.core.errors import Conflict, Inconclusive
from omni_release.core.model import Artifact, Release
from omni_release.core.world import ToolAnswer

SUMS = "SHA256SUMS"
"""The file with the checksums of all distributions, as `sha256sum --check` reads it."""

PAGE = "report.html"
"""The page of the rehearsal, without the folders of this machine."""

UPLOADED = "uploaded"
"""The state of a file that GitHub has as a whole."""


@dataclass(frozen=True)
class ReleaseFile:
    """A file that a release is to have; its content where it is written for it, else it is at `path`.

    A page that differs is the same to its readers: only a file that is `exact` must have our bytes.
    """

    path: Path
    digest: str
    content: bytes | None = None
    exact: bool = True

    @property
    def name(self) -> str:
        return self.path.name


@dataclass(frozen=True)
class Attached:
    """A file that a release on GitHub has; `digest` is empty where GitHub does not state its SHA-256."""

    name: str
    digest: str
    whole: bool


def wanted(release: Release, artifacts: Sequence[Artifact]) -> tuple[ReleaseFile, ...]:
    """The files that the release of these artifacts is to have; none where nothing is built."""
    if not artifacts:
        return ()
    listed = sorted(artifacts, key=lambda artifact: artifact.name)
    sums = "".join(f"{artifact.sha256}  {artifact.name}\n" for artifact in listed).encode()
    folder = release.records / "github"
    files = [ReleaseFile(release.dist / artifact.name, artifact.sha256) for artifact in listed]
    files.append(ReleaseFile(folder / SUMS, hashlib.sha256(sums).hexdigest(), sums))
    page = release.folder / PAGE
    if page.is_file():
        content = _public(page.read_bytes(), release)
        files.append(ReleaseFile(folder / PAGE, hashlib.sha256(content).hexdigest(), content, exact=False))
    return tuple(files)


def _public(page: bytes, release: Release) -> bytes:
    """The page without the folders of this machine."""
    for folder in (release.work_dir, release.folder, release.project.root):
        page = page.replace(str(folder).encode(), "…".encode())
    return page


def attached(assets: Sequence[Mapping[str, object]]) -> tuple[Attached, ...]:
    """The files of a release, as `gh release view --json assets` lists them."""
    return tuple(
        Attached(
            str(asset["name"]),
            str(asset.get("digest") or "").removeprefix("sha256:"),
            asset.get("state", UPLOADED) == UPLOADED,
        )
        for asset in assets
    )


def missing(
    files: Sequence[ReleaseFile], there: Sequence[Attached], download: Callable[[str], Path]
) -> tuple[ReleaseFile, ...]:
    """The files that the release does not have, or only in part. `download` fetches one that GitHub states no hash of.

    Raises Conflict where it has another file of the name.
    """
    by_name = {attached.name: attached for attached in there if attached.whole}
    found = []
    for file in files:
        other = by_name.get(file.name) or by_name.get(_renamed(file.name))
        if other is None:
            found.append(file)
        elif file.exact and (other.digest or sha256(download(other.name))) != file.digest:
            hint = f"Delete {other.name} from the draft on GitHub, then run the same command again."
            raise Conflict(f"the release on GitHub has another {other.name}: its sha256 is not ours", hint)
    return tuple(found)


def _renamed(name: str) -> str:
    """The name that GitHub gives a file whose name has other characters than these."""
    return re.sub(r"[^\w.+-]+", ".", name)


def view(answer: ToolAnswer) -> Mapping[str, object]:
    """What `gh release view --json` prints. Raises Inconclusive where it is something else."""
    try:
        document = json.loads(answer.out)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise Inconclusive("gh printed no release", "Upgrade gh.")
    return document
