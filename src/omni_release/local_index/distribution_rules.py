"""The rules about what a distribution is made of: rows 17 to 19 of the table."""

from __future__ import annotations

import base64
import configparser
import csv
import importlib.metadata
import re
from collections.abc import Callable, Iterator
from functools import wraps

from omni_release.core.errors import InvalidDistribution
from omni_release.distributions.archives import Archive
from omni_release.local_index import Case, Submission

_Judge = Callable[[Case], Iterator[str]]

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
"""As PyPI lists them: a plain `linux_x86_64` says nothing of the machine that could run it."""


def _told(judge: _Judge) -> _Judge:
    """A rule for which a broken archive is one more reason. Only for a whole file: not for one cut at the limit."""

    @wraps(judge)
    def judged(case: Case) -> Iterator[str]:
        if not case.submission.filename or case.submission.size > case.policy.file_limit:
            return
        try:
            yield from judge(case)
        except InvalidDistribution as error:
            if judge.__name__ == "readable":
                yield f"Invalid distribution file: {error.message}."

    return judged


@_told
def readable(case: Case) -> Iterator[str]:
    """An archive of its kind, with nothing odd in it."""
    if case.submission.is_wheel or case.submission.is_sdist:
        _archive(case.submission).validate()
    yield from ()


def sdist_name(case: Case) -> Iterator[str]:
    """PEP 625: `{normalised_name}-{version}.tar.gz`."""
    given = case.submission
    if given.filetype == "sdist" and given.filename is not None:
        expected = f"{_root(given)}.tar.gz"
        if given.filename != expected:
            yield f"The sdist's file name {given.filename!r} should be {expected!r} (PEP 625)."


@_told
def sdist_pkg_info(case: Case) -> Iterator[str]:
    """PKG-INFO at its place."""
    given = case.submission
    if given.filetype == "sdist" and given.is_sdist:
        wanted = f"{_root(given)}/PKG-INFO"
        if _archive(given).read(wanted) is None:
            yield f"{given.filename} has no {wanted}."


@_told
def sdist_licenses(case: Case) -> Iterator[str]:
    """Each License-File is inside."""
    given = case.submission
    if given.filetype == "sdist" and given.is_sdist and (files := given.metadata.get("license_files")):
        inside = set(_archive(given).names())
        for file in files:
            if f"{_root(given)}/{file}" not in inside:
                yield f"License-File {file} does not exist in {given.filename} at {_root(given)}/{file}."


def wheel_name(case: Case) -> Iterator[str]:
    """A valid one, the project's, and of the metadata's version."""
    from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename
    from packaging.version import InvalidVersion, Version

    given = case.submission
    if not given.is_wheel or given.filename is None:
        return
    try:
        name, version, *_ = parse_wheel_filename(given.filename)
    except InvalidWheelFilename as error:
        yield f"Invalid wheel file name: {error}."
        return
    if given.name and name != canonicalize_name(given.name):
        yield f"The wheel's file name {given.filename!r} is that of {name}, the project is {given.name}."
    try:
        if version != Version(given.version):
            yield f"The wheel's file name {given.filename!r} states {version}, its metadata {given.version}."
    except InvalidVersion:
        return  # the metadata's own rule has said so


def wheel_platform(case: Case) -> Iterator[str]:
    """One that PyPI takes."""
    given = case.submission
    if given.is_wheel and given.filename is not None:
        for tag in given.filename.removesuffix(".whl").rsplit("-", 1)[-1].split("."):
            if not _PLATFORM.fullmatch(tag):
                yield f"The wheel {given.filename!r} has an unsupported platform tag {tag!r}."


@_told
def wheel_metadata(case: Case) -> Iterator[str]:
    """METADATA at its place."""
    given = case.submission
    if given.is_wheel:
        wanted = f"{_info(given)}/METADATA"
        if wanted not in _archive(given).names():
            yield f"{given.filename} has no {wanted}."


@_told
def wheel_record(case: Case) -> Iterator[str]:
    """RECORD lists what is inside, with its sha256, and nothing else."""
    given = case.submission
    if not given.is_wheel:
        return
    record = f"{_info(given)}/RECORD"
    content = _archive(given).read(record)
    if content is None:
        yield f"{given.filename} has no {record}."
        return
    rows = {row[0]: row[1] for row in csv.reader(content.decode(errors="replace").splitlines()) if len(row) > 1}
    unsigned = {record, f"{record}.jws", f"{record}.p7s"}
    inside = {}
    for entry in _archive(given).entries():
        if entry.is_file:
            # Only a sha256 is compared: a row with a stronger digest, or with none, is taken as it is.
            compared = entry.name not in unsigned and rows.get(entry.name, "").startswith("sha256=")
            inside[entry.name] = not compared or rows[entry.name] == f"sha256={_urlsafe(entry.sha256)}"
    for name in sorted(set(inside) - set(rows) - unsigned):
        yield f"{given.filename} holds {name!r}, which its RECORD does not list."
    for name in sorted(set(rows) - set(inside)):
        yield f"RECORD of {given.filename} lists {name!r}, which is not inside."
    for name in sorted(name for name, same in inside.items() if not same):
        yield f"RECORD of {given.filename} states another sha256 for {name!r}."


@_told
def wheel_licenses(case: Case) -> Iterator[str]:
    """Each License-File is inside."""
    given = case.submission
    if given.is_wheel and (files := given.metadata.get("license_files")):
        inside = set(_archive(given).names())
        for file in files:
            if f"{_info(given)}/licenses/{file}" not in inside:
                yield f"License-File {file} does not exist in {given.filename} at {_info(given)}/licenses/{file}."


@_told
def wheel_entry_points(case: Case) -> Iterator[str]:
    """entry_points.txt, where there is one, can be read by who installs it."""
    given = case.submission
    if not given.is_wheel:
        return
    content = _archive(given).read(f"{_info(given)}/entry_points.txt")
    if content is None:
        return
    parser = configparser.ConfigParser(delimiters=("=",), interpolation=None, strict=True)
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # the documented way to keep upper case
    try:
        parser.read_string(content.decode())
    except (configparser.Error, UnicodeDecodeError) as error:
        yield f"entry_points.txt of {given.filename} cannot be read: {error}."
        return
    for group in parser.sections():
        for key, value in parser.items(group):
            if not importlib.metadata.EntryPoint.pattern.match(value):
                yield f"entry_points.txt of {given.filename} has an invalid entry point: {key} = {value}."


def core_metadata(submission: Submission) -> bytes | None:
    """METADATA of a wheel, for an index to serve beside it; None for all else."""
    return _archive(submission).read(f"{_info(submission)}/METADATA") if submission.is_wheel else None


def _archive(given: Submission) -> Archive:
    return Archive(given.path, given.filename or "the file", bounded=True)


def _root(given: Submission) -> str:
    """The folder in an sdist, and the stem of its name."""
    from packaging.utils import canonicalize_name
    from packaging.version import InvalidVersion, Version

    try:
        version = str(Version(given.version))
    except InvalidVersion:
        version = given.version
    return f"{canonicalize_name(given.name).replace('-', '_')}-{version}"


def _info(given: Submission) -> str:
    """The metadata's folder in a wheel: named as its file name begins, in whatever spelling stands inside."""
    from packaging.utils import canonicalize_name

    stem = "-".join((given.filename or "").split("-")[:2])
    if given.is_wheel:
        for name in _archive(given).names():
            folder = name.partition("/")[0]
            if folder.endswith(".dist-info"):
                if canonicalize_name(folder.removesuffix(".dist-info")) == canonicalize_name(stem):
                    return folder
    return f"{stem}.dist-info"


def _urlsafe(sha256: str) -> str:
    """A digest as RECORD has it."""
    return base64.urlsafe_b64encode(bytes.fromhex(sha256)).rstrip(b"=").decode()
