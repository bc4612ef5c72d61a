"""Uploads that are refused: at least one for each rule of the table."""

from __future__ import annotations

import dataclasses
import datetime
import io
import random
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omni_release.core.world import ProjectStatus
from omni_release.local_index import Account, IndexPolicy
from omni_release.local_index.server import LocalIndex
from tests.index.support import ACCOUNT, SDIST, WHEEL, metadata, record, sdist, wheel, wheel_files, zipped

Make = Callable[[Path], Path]
INFO = "acme_sound-1.0.dist-info"
LATER = datetime.timedelta(days=15)


@dataclass
class Clock:
    """A clock that shows the time it is set to."""

    at: datetime.datetime = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)

    def __call__(self) -> datetime.datetime:
        return self.at


@dataclass(frozen=True)
class Refused:
    """An upload that is refused. `first` are uploads before it; with `field` twine sends another value than it would.

    `itself` is for what twine refuses by itself, so that only its form, changed, can be sent.
    """

    rule: str
    opening: str
    make: Make = wheel
    status: int = 400
    policy: IndexPolicy = dataclasses.field(default_factory=IndexPolicy)
    account: Account = ACCOUNT
    field: dict[str, Any] = dataclasses.field(default_factory=dict)
    first: tuple[Make, ...] = ()
    then: Callable[[LocalIndex, Clock], None] = lambda index, clock: None
    name: str | None = None
    itself: bool = False
    id: str = ""


def stated(*lines: str, **more: Any) -> Make:
    """A wheel with these lines in its metadata."""
    return lambda folder: wheel(folder, metadata("1.0", *lines, **more))


def with_files(change: Callable[[dict[str, bytes]], None], name: str = WHEEL, *lines: str, form: str = "2.1") -> Make:
    """A wheel whose files are changed."""

    def make(folder: Path) -> Path:
        files = wheel_files(metadata("1.0", *lines, form=form))
        change(files)
        return zipped(folder / name, files)

    return make


def recorded(change: Callable[[dict[str, bytes]], None]) -> Callable[[dict[str, bytes]], None]:
    """The change, and a RECORD that lists it."""

    def changed(files: dict[str, bytes]) -> None:
        files.pop(f"{INFO}/RECORD")
        change(files)
        files[f"{INFO}/RECORD"] = record(files, f"{INFO}/RECORD")

    return changed


def another_wheel(folder: Path) -> Path:
    """The same name, other bytes."""
    return wheel(folder / "another", metadata(about="another"))


def renamed(folder: Path) -> Path:
    """The same bytes, another name."""
    made = wheel(folder / "renamed")
    return made.rename(made.with_name("acme_sound-1.0-py2.py3-none-any.whl"))


def zip_sdist(folder: Path) -> Path:
    """The other kind of sdist."""
    return zipped(
        folder / "acme_sound-1.0.zip", {"acme_sound-1.0/PKG-INFO": metadata().encode(), "acme_sound-1.0/x": b""}
    )


def large(folder: Path) -> Path:
    """More bytes than compress well."""
    return sdist(folder, more={"acme_sound-1.0/data": random.Random(1).randbytes(3000)})


def link_out(folder: Path) -> Path:
    """An sdist with a link to the outside."""
    made = folder / SDIST
    with tarfile.open(made, "w:gz") as archive:
        member = tarfile.TarInfo("acme_sound-1.0/PKG-INFO")
        member.size = len(metadata())
        archive.addfile(member, io.BytesIO(metadata().encode()))
        link = tarfile.TarInfo("acme_sound-1.0/passwords")
        link.type, link.linkname = tarfile.SYMTYPE, "../../../etc/passwd"
        archive.addfile(link)
    return made


def trailing(folder: Path) -> Path:
    """A wheel with data after its end."""
    made = wheel(folder)
    made.write_bytes(made.read_bytes() + b"more")
    return made


def absolute(folder: Path) -> Path:
    """An sdist that would write to an absolute path."""
    return sdist(folder, more={"/etc/acme": b"x"})


def doubled(folder: Path) -> Path:
    """An sdist with a name twice."""
    made = folder / SDIST
    with tarfile.open(made, "w:gz") as archive:
        for content in (metadata().encode(), b"VALUE = 1\n", b"VALUE = 2\n"):
            name = "PKG-INFO" if content.startswith(b"Meta") else "acme_sound.py"
            member = tarfile.TarInfo(f"acme_sound-1.0/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return made


def put(name: str, content: str) -> Callable[[dict[str, bytes]], None]:
    """A change that puts a file in."""

    def change(files: dict[str, bytes]) -> None:
        files[name] = content.encode()

    return change


def without(name: str) -> Callable[[dict[str, bytes]], None]:
    """A change that takes a file out."""

    def change(files: dict[str, bytes]) -> None:
        files.pop(name)

    return change


def account(**more: Any) -> Account:
    """The account, another in this."""
    return dataclasses.replace(ACCOUNT, **more)


def broken(folder: Path) -> Path:
    """An sdist with PKG-INFO in another folder, which twine still finds."""
    return sdist(folder, root="acme-sound")


def ages(index: LocalIndex, clock: Clock) -> None:
    clock.at += LATER


def deleted(index: LocalIndex, clock: Clock) -> None:
    index.store.delete(WHEEL)


CASES = (
    Refused("credentials", "Invalid or missing auth", status=403, account=account(password="another")),
    Refused("token-scope", "This token is for another project", status=403, account=account(project="acme")),
    Refused("address-verified", "The account has no verified", status=403, account=account(verified=False)),
    Refused("second-factor", "The account has no second factor", status=403, account=account(second_factor=False)),
    Refused("read-only", "The index is in read-only mode", status=403, policy=IndexPolicy(read_only=True)),
    Refused("uploads-disabled", "New uploads are temp", status=403, policy=IndexPolicy(uploads_disabled=True)),
    Refused("protocol-version", "Unknown protocol version", field={"protocol_version": "2"}, itself=True),
    Refused("file-in-payload", "The upload has no file", name="", itself=True),
    Refused("file-name-characters", "A file's name cannot have '/'", name=f"../{WHEEL}", itself=True, id="path"),
    Refused("file-name-characters", "A file's name cannot have non-print", name=f"\x07{WHEEL}", itself=True, id="bell"),
    Refused(
        "core-metadata",
        "Invalid core metadata: name",
        field={"name": "-acme"},
        account=account(project=None),
        itself=True,
        id="name",
    ),
    Refused("core-metadata", "Invalid core metadata: version", field={"version": "!!bad"}, itself=True, id="version"),
    Refused(
        "core-metadata",
        "Invalid core metadata: metadata-version",
        field={"metadata_version": "newest"},
        itself=True,
        id="form",
    ),
    Refused(
        "core-metadata",
        "Invalid core metadata: license-expression",
        field={"metadata_version": "2.4", "license_expression": "Mine"},
        itself=True,
        id="license",
    ),
    Refused(
        "core-metadata",
        "Invalid core metadata: requires-python",
        field={"requires_python": "nine"},
        itself=True,
        id="python",
    ),
    Refused(
        "classifiers", "The classifier 'Acme :: Unheard' is not", stated("Classifier: Acme :: Unheard"), id="unknown"
    ),
    Refused(
        "classifiers",
        "The classifier 'Natural Language :: Ukranian' is deprecated",
        stated("Classifier: Natural Language :: Ukranian"),
        id="deprecated",
    ),
    Refused(
        "classifiers", "The classifier 'Private :: Do Not", stated("Classifier: Private :: Do Not Upload"), id="private"
    ),
    Refused("summary-length", "Invalid core metadata: summary", stated(f"Summary: {'x' * 513}")),
    Refused(
        "requirement-url",
        "Invalid core metadata: requires-dist",
        stated("Requires-Dist: dep @ https://example.invalid/dep.zip"),
    ),
    *(
        Refused(
            "metadata-version",
            f"Invalid core metadata: metadata-version: {version}; PyPI takes up to 2.5",
            field={"metadata_version": version},
            itself=True,
            id=version,
        )
        for version in ("2.6", "9.9")
    ),
    *(
        Refused("email-address", f"Invalid core metadata: {field}", stated(f"{field}: {value}"), id=f"{field}-{value}")
        for field in ("author-email", "maintainer-email")
        for value in ("Ada <ada at example.com>", "Ada <ada@example>", "a..b@example.com")
    ),
    *(
        Refused("links", "Invalid core metadata: project-url", stated(f"Project-URL: {value}"), id=value)
        for value in (
            f"{'Documentation and more of it' * 2}, https://example.com",
            "Source, git@example.com:acme/acme.git",
            "Source, git+ssh://example.com/acme",
            "Mail, mailto:ada@example.com",
            "Home, example.com",
            "Home, ",
        )
    ),
    *(
        Refused("links", f"Invalid core metadata: {field}", stated(f"{field}: {value}"), id=f"{field}-{value}")
        for field in ("home-page", "download-url")
        for value in ("example.com/acme", "ftp://example.com/acme.tar.gz")
    ),
    Refused(
        "license-fields",
        "Invalid core metadata: license: not allowed",
        field={"metadata_version": "2.4", "license": "MIT", "license_expression": "MIT"},
        itself=True,
    ),
    *(
        Refused("core-metadata", f"Invalid core metadata: {field}", stated(f"{field}: not a requirement"), id=field)
        for field in ("provides-dist", "obsoletes-dist")
    ),
    Refused(
        "requirement-url",
        "Invalid core metadata: provides-dist",
        stated("Provides-Dist: dep @ https://example.invalid/dep.zip"),
        id="provides",
    ),
    Refused(
        "core-metadata",
        "Invalid core metadata: import-name:",
        field={"metadata_version": "2.5", "import_name": ["not a name"]},
        itself=True,
        id="import-name",
    ),
    Refused(
        "core-metadata",
        "summary is not a field of core metadata, or is there more than once",
        field={"summary": ["one", "another"]},
        itself=True,
        id="twice",
    ),
    Refused("keywords", "Invalid core metadata: keywords", field={"keywords": ["one\ntwo"]}, itself=True),
    Refused(
        "local-version",
        "The use of local versions in",
        lambda folder: wheel(
            folder,
            metadata("1.0+g123"),
            name="acme_sound-1.0+g123-py3-none-any.whl",
            info="acme_sound-1.0+g123.dist-info",
        ),
    ),
    Refused(
        "name-prohibited",
        "The name 'acme-sound' is not allowed",
        policy=IndexPolicy(prohibited=frozenset({"acme-sound"})),
        id="listed",
    ),
    Refused(
        "name-prohibited",
        "The name 'json' is not allowed",
        field={"name": "json"},
        account=account(project=None),
        itself=True,
        id="stdlib",
    ),
    Refused(
        "name-look-alike", "The name 'acme-sound' is too similar", policy=IndexPolicy(taken=frozenset({"Acme_S0und"}))
    ),
    Refused("too-many-projects", "This account has created too many", status=429, policy=IndexPolicy(new_projects=0)),
    *(
        Refused(
            "project-status",
            f"The project 'acme-sound' takes no uploads: it is {name}.",
            status=403,
            policy=IndexPolicy(status=ProjectStatus(name)),
            id=name,
        )
        for name in ("archived", "quarantined")
    ),
    Refused(
        "description-renders",
        "The description does not render",
        stated("Description-Content-Type: text/x-rst", about="Title\n==\n\n.. code:: python\n\n\n`broken\n"),
    ),
    Refused(
        "file-extension",
        "Invalid file extension in 'acme_sound-1.0.egg'",
        name="acme_sound-1.0.egg",
        itself=True,
        id="egg",
    ),
    Refused(
        "file-extension",
        "Invalid file extension",
        field={"filetype": "sdist", "pyversion": "source"},
        itself=True,
        id="filetype",
    ),
    Refused(
        "file-name-length",
        "The file's name is too long",
        name=f"acme_sound-1.0-{'1' * 240}-py3-none-any.whl",
        itself=True,
    ),
    Refused("file-size", "File too large", large, policy=IndexPolicy(file_limit=2000)),
    Refused("project-size", "Project size too large", large, policy=IndexPolicy(project_limit=2000), first=(wheel,)),
    Refused(
        "digests",
        "The upload must state at least one",
        field={"sha256_digest": None, "blake2_256_digest": None},
        itself=True,
        id="none",
    ),
    Refused("digests", "The sha256 digest stated", field={"sha256_digest": "0" * 64}, itself=True, id="sha256"),
    Refused("digests", "The blake2_256 digest stated", field={"blake2_256_digest": "0" * 64}, itself=True, id="blake2"),
    Refused("file-exists", "File already exists", another_wheel, first=(wheel,), id="bytes"),
    Refused("file-exists", "File already exists", renamed, first=(wheel,), id="name"),
    Refused("file-name-used", "This filename was previously used", first=(wheel,), then=deleted),
    Refused("release-age", "The release 1.0 is older than 14 days", sdist, first=(wheel,), then=ages),
    Refused("one-sdist", "Only one sdist may be uploaded per release.", zip_sdist, first=(sdist,)),
    Refused("archive", "Invalid distribution file", trailing, id="trailing"),
    Refused("archive", "Invalid distribution file", link_out, id="link"),
    Refused("archive", "Invalid distribution file", doubled, id="twice"),
    Refused("archive", "Invalid distribution file", with_files(recorded(put("../out.py", ""))), id="escape"),
    Refused("sdist-name", "The sdist's file name", lambda folder: sdist(folder, name="acme-sound-1.0.tar.gz")),
    Refused("sdist-pkg-info", "acme_sound-1.0.tar.gz has no acme_sound-1.0/PKG-INFO", broken),
    Refused(
        "sdist-license-files",
        "License-File LICENSE does not exist",
        lambda folder: sdist(folder, metadata("1.0", "License-File: LICENSE", form="2.4")),
    ),
    Refused(
        "wheel-name",
        "Invalid wheel file name",
        with_files(lambda files: None, "acme_sound-1.0-none-any.whl"),
        id="parts",
    ),
    Refused(
        "wheel-name",
        "The wheel's file name 'acme_noise",
        with_files(lambda files: None, "acme_noise-1.0-py3-none-any.whl"),
        id="project",
    ),
    Refused(
        "wheel-name",
        "The wheel's file name 'acme_sound-2.0",
        with_files(lambda files: None, "acme_sound-2.0-py3-none-any.whl"),
        id="version",
    ),
    Refused(
        "wheel-name",
        "The wheel's file name 'Acme_Sound-1.0",
        lambda folder: wheel(folder, name="Acme_Sound-1.0-py3-none-any.whl", info="Acme_Sound-1.0.dist-info"),
        id="case",
    ),
    Refused(
        "wheel-name",
        "The wheel's file name 'acme.sound-1.0",
        lambda folder: wheel(folder, name="acme.sound-1.0-py3-none-any.whl", info="acme.sound-1.0.dist-info"),
        id="dot",
    ),
    Refused(
        "wheel-metadata",
        "acme_sound-1.0-py3-none-any.whl has no acme_sound-1.0.dist-info/METADATA",
        lambda folder: wheel(folder, info="Acme.Sound-1.0.dist-info"),
        id="folder",
    ),
    Refused(
        "wheel-metadata",
        "acme_sound-1.0-py3-none-any.whl has no acme_sound-1.0.dist-info/WHEEL",
        with_files(recorded(without(f"{INFO}/WHEEL"))),
        id="WHEEL",
    ),
    Refused(
        "wheel-platform",
        "The wheel 'acme_sound-1.0-py3-none-linux_x86_64.whl' has an uns",
        with_files(lambda files: None, "acme_sound-1.0-py3-none-linux_x86_64.whl"),
    ),
    Refused(
        "wheel-metadata",
        "acme_sound-1.0-py3-none-any.whl has no acme_sound-1.0.dist-info/METADATA",
        lambda folder: wheel(folder, info="elsewhere-1.0.dist-info"),
    ),
    Refused(
        "wheel-record",
        "acme_sound-1.0-py3-none-any.whl has no acme_sound-1.0.dist-info/RECORD",
        with_files(without(f"{INFO}/RECORD")),
        id="none",
    ),
    Refused(
        "wheel-record-differs",
        "RECORD of acme_sound-1.0-py3-none-any.whl states another sha256",
        with_files(put("acme_sound.py", "VALUE = 2\n")),
        id="hash",
    ),
    Refused(
        "wheel-record-differs",
        "acme_sound-1.0-py3-none-any.whl contains 'more.py'",
        with_files(put("more.py", "")),
        id="unlisted",
    ),
    Refused(
        "wheel-record-differs",
        "RECORD of acme_sound-1.0-py3-none-any.whl lists 'acme_sound.py'",
        with_files(without("acme_sound.py")),
        id="missing",
    ),
    Refused(
        "wheel-license-files",
        "License-File LICENSE does not exist",
        with_files(lambda files: None, WHEEL, "License-File: LICENSE", form="2.4"),
    ),
    Refused(
        "wheel-entry-points",
        "entry_points.txt of acme_sound-1.0-py3-none-any.whl has an invalid",
        with_files(recorded(put(f"{INFO}/entry_points.txt", "[console_scripts]\nacme = not a place\n"))),
        id="place",
    ),
    Refused(
        "wheel-entry-points",
        "entry_points.txt of acme_sound-1.0-py3-none-any.whl has an invalid",
        with_files(recorded(put(f"{INFO}/entry_points.txt", "[console_scripts]\n../acme = acme:main\n"))),
        id="path",
    ),
    Refused(
        "wheel-entry-points",
        "entry_points.txt of acme_sound-1.0-py3-none-any.whl cannot be read",
        with_files(recorded(put(f"{INFO}/entry_points.txt", "acme = acme:main\n"))),
        id="syntax",
    ),
    Refused(
        "attestations", "Attestations are taken from trusted publishing", field={"attestations": "[{}]"}, itself=True
    ),
)
