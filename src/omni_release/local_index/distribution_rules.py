"""The upload rules on what a distribution contains: rows 17 to 19 of the table in docs/rehearsal-index.md."""

from __future__ import annotations

import base64
import configparser
import contextlib
import csv
import importlib.metadata
import re
from collections.abc import Iterator

from omni_release.core.errors import InvalidDistribution
from omni_release.distributions.archives import Archive
from omni_release.local_index import UploadContext, UploadRequest

_PLATFORM = re.compile(
    r"any|win32|win_arm64|win_amd64|win_ia64|linux_armv[67]l"
    r"|manylinux1_(x86_64|i686)|manylinux2010_(x86_64|i686)"
    r"|manylinux2014_(x86_64|i686|aarch64|armv7l|ppc64|ppc64le|s390x)"
    r"|manylinux_\d+_\d+_(x86_64|i686|aarch64|armv7l|ppc64|ppc64le|s390x|riscv64|loongarch64)"
    r"|musllinux_\d+_\d+_(x86_64|i686|aarch64|armv6l|armv7l|ppc64|ppc64le|s390x|riscv64|loongarch64)"
    r"|macosx_\d+_\d+_(ppc|ppc64|i386|x86_64|arm64|intel|fat|fat3|fat32|fat64|universal|universal2)"
    r"|ios_\d+_\d+_(arm64|x86_64)_(iphoneos|iphonesimulator)"
    r"|android_\d+_(armeabi_v7a|arm64_v8a|x86|x86_64)"
    r"|(pyodide|pyemscripten)_\d+_\d+_wasm32"
)
"""As PyPI lists them: a plain `linux_x86_64` says nothing about the machines that could run it."""


_SCRIPT = re.compile(r"[\w.-]+")


Reasons = Iterator[tuple[str, str]]
"""The rules that an upload breaks, by id, and why."""


def archive(context: UploadContext) -> Reasons:
    """The file is an archive of its kind, without unsafe entries."""
    upload = context.upload
    if _is_complete(context) and (upload.is_wheel or upload.is_sdist):
        try:
            _archive(upload).validate()
        except InvalidDistribution as error:
            yield "archive", f"Invalid distribution file: {error.message}."


def sdist(context: UploadContext) -> Reasons:
    """An sdist has its name (PEP 625: `{normalised_name}-{version}.tar.gz`), its PKG-INFO and its license files."""
    upload = context.upload
    if upload.filetype != "sdist" or upload.filename is None:
        return
    root = _sdist_root(upload)
    if upload.filename != f"{root}.tar.gz":
        yield "sdist-name", f"The sdist's file name {upload.filename!r} should be {root + '.tar.gz'!r} (PEP 625)."
    if not upload.is_sdist or not _is_complete(context):
        return
    with contextlib.suppress(InvalidDistribution):  # reported by the rule on archives
        if _archive(upload).read(f"{root}/PKG-INFO") is None:
            yield "sdist-pkg-info", f"{upload.filename} has no {root}/PKG-INFO."
        if files := license_files(upload):
            inside = set(_archive(upload).names())
            for file in files:
                if f"{root}/{file}" not in inside:
                    place = f"{upload.filename} at {root}/{file}"
                    yield "sdist-license-files", f"License-File {file} does not exist in {place}."


def wheel(context: UploadContext) -> Reasons:
    """A wheel has the name and the tags that it should, and its METADATA, RECORD, licenses and entry points."""
    upload = context.upload
    if not upload.is_wheel or upload.filename is None:
        return
    yield from _wheel_name(upload, upload.filename)
    for tag in upload.filename.removesuffix(".whl").rsplit("-", 1)[-1].split("."):
        if not _PLATFORM.fullmatch(tag):
            yield "wheel-platform", f"The wheel {upload.filename!r} has an unsupported platform tag {tag!r}."
    if not _is_complete(context):
        return
    for rule in (_wheel_metadata, _wheel_record, _wheel_licenses, _wheel_entry_points):
        with contextlib.suppress(InvalidDistribution):  # reported by the rule on archives
            yield from rule(upload)


def _wheel_name(upload: UploadRequest, filename: str) -> Reasons:
    from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename
    from packaging.version import InvalidVersion, Version

    try:
        name, version, *_ = parse_wheel_filename(filename)
    except InvalidWheelFilename as error:
        yield "wheel-name", f"Invalid wheel file name: {error}."
        return
    normal = canonicalize_name(upload.name).replace("-", "_")
    if upload.name and name != canonicalize_name(upload.name):
        yield "wheel-name", f"The wheel's file name {filename!r} is that of {name}, the project is {upload.name}."
    elif upload.name and filename.partition("-")[0] != normal:
        yield "wheel-name", f"The wheel's file name {filename!r} must begin with the normalized name {normal!r}."
    with contextlib.suppress(InvalidVersion):  # reported as invalid metadata
        if version != Version(upload.version):
            reason = f"The wheel's file name {filename!r} states {version}, its metadata {upload.version}."
            yield "wheel-name", reason


def _wheel_metadata(upload: UploadRequest) -> Reasons:
    """METADATA and WHEEL are in the folder that the file name gives."""
    inside = set(_archive(upload).names())
    for name in ("METADATA", "WHEEL"):
        if f"{_dist_info(upload)}/{name}" not in inside:
            yield "wheel-metadata", f"{upload.filename} has no {_dist_info(upload)}/{name}."


def _wheel_record(upload: UploadRequest) -> Reasons:
    """RECORD lists exactly the files in the wheel, with their sha256.

    PyPI refuses only a wheel without one. It takes a wheel whose files differ from it, and writes to the owners.
    """
    record = f"{_dist_info(upload)}/RECORD"
    content = _archive(upload).read(record)
    if content is None:
        yield "wheel-record", f"{upload.filename} has no {record}."
        return
    lines = csv.reader(content.decode(errors="replace").splitlines())
    rows = {row[0].replace("\\", "/"): row[1] for row in lines if len(row) > 1}
    unsigned = {record, f"{record}.jws", f"{record}.p7s"}
    same = {}
    for entry in _archive(upload).entries():
        if entry.is_file:
            # Only a sha256 is compared: a row with a stronger digest, or with none, is taken as it is.
            compared = entry.name not in unsigned and rows.get(entry.name, "").startswith("sha256=")
            same[entry.name] = not compared or rows[entry.name] == f"sha256={_record_digest(entry.sha256)}"
    for name in sorted(set(same) - set(rows) - unsigned):
        yield "wheel-record-differs", f"{upload.filename} contains {name!r}, which its RECORD does not list."
    for name in sorted(set(rows) - set(same)):
        yield "wheel-record-differs", f"RECORD of {upload.filename} lists {name!r}, which is not inside."
    for name in sorted(name for name in same if not same[name]):
        yield "wheel-record-differs", f"RECORD of {upload.filename} states another sha256 for {name!r}."


def _wheel_licenses(upload: UploadRequest) -> Reasons:
    files = license_files(upload)
    if not files:
        return
    inside, folder = set(_archive(upload).names()), f"{_dist_info(upload)}/licenses"
    for file in files:
        if f"{folder}/{file}" not in inside:
            reason = f"License-File {file} does not exist in {upload.filename} at {folder}/{file}."
            yield "wheel-license-files", reason


def _wheel_entry_points(upload: UploadRequest) -> Reasons:
    """entry_points.txt, if there is one, can be read by installers."""
    content = _archive(upload).read(f"{_dist_info(upload)}/entry_points.txt")
    if content is None:
        return
    parser = configparser.ConfigParser(delimiters=("=",), interpolation=None, strict=True)
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # the documented way to keep upper case
    try:
        parser.read_string(content.decode())
    except (configparser.Error, UnicodeDecodeError) as error:
        yield "wheel-entry-points", f"entry_points.txt of {upload.filename} cannot be read: {error}."
        return
    for group in ("console_scripts", "gui_scripts"):
        for key, value in parser.items(group) if parser.has_section(group) else ():
            # PyPI looks at the names alone; installers fail on the values.
            if not _SCRIPT.fullmatch(key) or not importlib.metadata.EntryPoint.pattern.match(value):
                reason = f"entry_points.txt of {upload.filename} has an invalid entry point: {key} = {value}."
                yield "wheel-entry-points", reason


def core_metadata(upload: UploadRequest) -> bytes | None:
    """METADATA of a wheel, which an index serves as a file of its own (PEP 658); None for other files."""
    return _archive(upload).read(f"{_dist_info(upload)}/METADATA") if upload.is_wheel else None


def _is_complete(context: UploadContext) -> bool:
    """Whether the whole file is there: one over the limit was cut."""
    return bool(context.upload.filename) and context.upload.size <= context.policy.file_limit


def _archive(upload: UploadRequest) -> Archive:
    return Archive(upload.path, upload.filename or "the file", bounded=True)


def _sdist_root(upload: UploadRequest) -> str:
    """The top folder of an sdist, which is also the stem of its name."""
    from packaging.utils import canonicalize_name
    from packaging.version import InvalidVersion, Version

    try:
        version = str(Version(upload.version))
    except InvalidVersion:
        version = upload.version
    return f"{canonicalize_name(upload.name).replace('-', '_')}-{version}"


def _dist_info(upload: UploadRequest) -> str:
    """The .dist-info folder of a wheel, by its file name: PyPI looks into no other."""
    return "-".join((upload.filename or "").split("-")[:2]) + ".dist-info"


def _record_digest(sha256: str) -> str:
    """A digest as RECORD states it: base64 for URLs, without padding."""
    return base64.urlsafe_b64encode(bytes.fromhex(sha256)).rstrip(b"=").decode()


def license_files(upload: UploadRequest) -> list[str]:
    """The license files that the metadata state, from version 2.4 on.

    Back ends wrote the field into earlier metadata, where it is not defined. Clients leave it out of the upload then.
    """
    from packaging.version import InvalidVersion, Version

    try:
        defined = Version(upload.metadata.get("metadata_version", "")) >= Version("2.4")
    except InvalidVersion:
        return []
    return upload.metadata.get("license_files", []) if defined else []
