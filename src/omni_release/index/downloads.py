"""Download the files of a released version, checked against the hashes of the index. Nothing is built or run."""

from __future__ import annotations

import hashlib
import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from packaging.tags import Tag, sys_tags
from packaging.utils import InvalidSdistFilename, InvalidWheelFilename, parse_sdist_filename, parse_wheel_filename
from packaging.version import InvalidVersion, Version

from omni_release.core.documents import sha256
from omni_release.core.errors import Inconclusive, UsageError
from omni_release.core.redaction import public_address, strip_userinfo
from omni_release.core.world import IndexFile
from omni_release.index import describe_error, open_session, read_errors
from omni_release.index.client import Client

LARGEST = 512 * 1024 * 1024
"""The most that is downloaded, in bytes, all files together."""

_CHUNK = 64 * 1024
_SILENCE = 15.0  # seconds without a byte


def download(simple_url: str, project: str, version: str, folder: Path) -> Sequence[Path]:
    """The sdist and a wheel of a version (empty: the newest final one) in `folder`: the wheel for this machine if any.

    Raises UsageError where the index does not have the version, Inconclusive where it does not answer or sends other
    bytes than it lists.
    """
    files = list(_chosen(Client(simple_url).files(project), project, version))
    if not files:
        wanted = f"{project} {version}".strip()
        hint = "Check the name and the version, and the index that this machine installs from."
        raise UsageError(f"{strip_userinfo(simple_url)} has no sdist and no wheel of {wanted}", hint)
    paths = []
    left = LARGEST
    for file in files:
        path = folder / Path(file.name).name
        left = _fetch(simple_url, file, path, left)
        paths.append(path)
    return paths


def kept(simple_url: str, file: IndexFile, folder: Path) -> Path:
    """A file of the index in `folder`, by its sha256: downloaded only where it is not there. Raises as `download`.

    A file without a sha256 on the index is downloaded again each time.
    """
    path = folder / (file.sha256 or "unknown") / Path(file.name).name
    if file.sha256 is not None and path.is_file() and sha256(path) == file.sha256:
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent) as name:
        part = Path(name, path.name)
        _fetch(simple_url, file, part, LARGEST)
        part.replace(path)
    return path


def read_url(url: str, most: int, headers: Mapping[str, str] = MappingProxyType({})) -> bytes:
    """The bytes at an http or https address. Raises UsageError for any other, and where they are more than `most`.

    `headers` may hold a key: with them no redirect is followed. Raises Inconclusive where the server does not answer
    with the bytes.
    """
    shown = public_address(url)
    if not url.lower().startswith(("https://", "http://")):
        raise UsageError(f"{shown} is not an http or https address", "Name a file, or an address with https://.")
    content = bytearray()
    try:
        options: dict[str, Any] = {"stream": True, "timeout": _SILENCE, "allow_redirects": not headers}
        with open_session(url) as client, client.s.get(url, headers=dict(headers), **options) as response:
            response.raise_for_status()
            if response.is_redirect:
                raise ValueError(f"it redirects ({response.status_code})")
            for chunk in response.iter_content(_CHUNK):
                content += chunk
                if len(content) > most:
                    raise UsageError(f"{shown} has more than {most:,} bytes", "Download the file, and name it.")
    except read_errors() as error:
        why = re.sub(r"[?#]\S*", "", describe_error(error))  # a query may have a token
        raise Inconclusive(
            f"{shown} was not read: {why}", "Try it again, or download the file and name it with --from."
        ) from None
    return bytes(content)


def _chosen(files: Sequence[IndexFile], project: str, version: str) -> Iterator[IndexFile]:
    """The sdist of the version, and the wheel that suits this machine best, else the first one.

    As for an installer, a version that was yanked is chosen only where it is named, or where there is no other.
    """
    by_version: dict[Version, list[tuple[IndexFile, frozenset[Tag]]]] = {}
    for file in files:
        try:
            if file.name.endswith(".whl"):
                _, parsed, _, tags = parse_wheel_filename(file.name)
            else:
                _, parsed = parse_sdist_filename(file.name)
                tags = frozenset()
        except (InvalidWheelFilename, InvalidSdistFilename, InvalidVersion):
            continue
        by_version.setdefault(parsed, []).append((file, tags))
    try:
        asked = Version(version) if version else None
    except InvalidVersion:
        raise UsageError(f"{version!r} is not a version", f"Write it as {project}==1.2.3.") from None
    kept = [known for known, of in by_version.items() if any(file.yanked is None for file, _ in of)] or [*by_version]
    final = [known for known in kept if not known.is_prerelease]
    chosen = asked or max(final or kept, default=None)
    found = by_version.get(chosen, []) if chosen else []
    yield from (file for file, tags in found if not tags and file.name.endswith(".tar.gz"))
    wheels = [(file, tags) for file, tags in found if tags]
    order = {tag: number for number, tag in enumerate(sys_tags())}
    if wheels:
        yield min(wheels, key=lambda one: min(order.get(tag, len(order)) for tag in one[1]))[0]


def _fetch(simple_url: str, file: IndexFile, path: Path, most: int) -> int:
    """Write a file of at most this many bytes; how many are left."""
    digest = hashlib.sha256()
    try:
        with (
            open_session(simple_url) as client,
            client.s.get(file.url.partition("#")[0], stream=True, timeout=_SILENCE) as response,
            path.open("xb") as target,
        ):
            response.raise_for_status()
            for chunk in response.iter_content(_CHUNK):
                most -= len(chunk)
                if most < 0:
                    hint = "Download the files yourself and name them."
                    raise UsageError(f"the files are larger than {LARGEST // 1024 // 1024} MiB", hint)
                digest.update(chunk)
                target.write(chunk)
    except read_errors() as error:
        raise Inconclusive(f"{file.name} was not downloaded: {describe_error(error)}", "Try it again.") from None
    if file.sha256 is not None and digest.hexdigest() != file.sha256:
        message = f"{file.name} has another sha256 than the index lists"
        raise Inconclusive(message, "Try it again; if it stays so, report it to the index.")
    return most
