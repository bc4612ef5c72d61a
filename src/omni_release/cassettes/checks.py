"""The check of the recordings: keys, size, age, and faults of the service."""

from __future__ import annotations

import dataclasses
import datetime
import re
import struct
from collections.abc import Iterator
from pathlib import Path

from omni_release import cassettes
from omni_release.cassettes import Cassette, Interaction, UnreadableCassette
from omni_release.cassettes.scrubbing import is_secret_header, may_be_secret
from omni_release.core import redaction, vendors
from omni_release.core.errors import NotApplicable
from omni_release.core.model import Finding, Release, Severity, display_path
from omni_release.core.settings import Smoke
from omni_release.core.tasks import Rule, RuleClass, reports
from omni_release.core.toml import table
from omni_release.core.world import World
from omni_release.images.api_format import decode_base64

SECRET = Rule("cassette-secret", RuleClass.RELEASE, "Key in a cassette")
SIZE = Rule("cassette-size", RuleClass.QUALITY, "Cassette is too large")
AGE = Rule("cassette-age", RuleClass.QUALITY, "Cassette is too old")
FAULT = Rule("cassette-fault", RuleClass.QUALITY, "Cassette records a service fault")
EMPTY = Rule("cassette-empty", RuleClass.QUALITY, "Cassette is empty")
UNREADABLE = Rule("cassette-unreadable", RuleClass.QUALITY, "Cassette cannot be read")
PROVENANCE = Rule("cassette-provenance", RuleClass.QUALITY, "Origin of a cassette is unknown")

_KEY_IN_USE = "the API key in use is in this file: remove it before it is pushed, and revoke the key"
_KEY_SHAPE = "text that looks like {} is in this file: record it again, and revoke the key if it is real"
_CREATED = re.compile(rb'"created(?:_at)?"\s*:\s*(1[6-9]\d{8}|2\d{9})(?![\d.])')  # of OpenAI, in seconds
_RESPONSE_ID = re.compile(rb'"responseId"\s*:\s*"([\w+/=-]+)"')  # in a document, or in the first event of a stream


@reports(SECRET, SIZE, AGE, FAULT, EMPTY, UNREADABLE, PROVENANCE)
def cassettes_clean(release: Release, world: World) -> Iterator[Finding]:
    """Cassettes are small, recent, and without keys or faults

    Each cassette is free of keys and of faults of the service, within the limits of size and age, and readable.

    Fix: record it again with `omni-release record`, which writes no keys and small stubs for images, or shrink it with
    `omni-release cassettes shrink`. Revoke a key that was committed: it stays in the history.
    """
    project = release.project
    paths = cassettes.of_project(project)
    if not paths:
        raise NotApplicable(f"there are no cassettes in {project.settings.smoke.cassettes}/")
    keys = vendors.keys_set(world.environment)
    configured = "smoke" in table(project.metadata, "tool", "omni-release")  # else they may be of any other test
    for path in paths:
        for finding in cassette_findings(path, project.settings.smoke, world.clock.now(), keys):
            yield dataclasses.replace(finding, path=display_path(project.root, path), configured=configured)


def cassette_findings(
    path: Path, limits: Smoke, now: datetime.datetime, keys: tuple[str, ...] = ()
) -> Iterator[Finding]:
    """The problems of one cassette, without its path. `keys` are the values of the keys in use, and are never shown."""
    try:
        data = path.read_bytes()
    except OSError as error:
        data = b""
        yield Finding(str(error.strerror), UNREADABLE.id)
    in_bytes = list(_findings_in_bytes(data, limits, keys))
    yield from in_bytes
    try:
        cassette = cassettes.read(path)
    except UnreadableCassette as error:
        yield Finding(f"{error.problem}. {error.hint}", UNREADABLE.id, line=error.line)
    else:
        seen = {finding.message for finding in in_bytes}
        yield from (finding for finding in _secrets_in_traffic(cassette, keys) if finding.message not in seen)
        yield from _findings_in_traffic(cassette)
        yield from _age_findings(cassette, limits, now)


def _findings_in_bytes(data: bytes, limits: Smoke, keys: tuple[str, ...]) -> Iterator[Finding]:
    """Keys and size, from the bytes themselves: a parser might hide something."""
    for encoded in redaction.key_encodings(keys):
        at = data.find(encoded.encode())
        if at >= 0:
            yield Finding(_KEY_IN_USE, SECRET.id, line=data.count(b"\n", 0, at) + 1)
            break
    for line, kind in redaction.find_keys(data):
        yield Finding(_KEY_SHAPE.format(kind), SECRET.id, line=line)
    if len(data) > limits.largest_cassette:
        message = f"{len(data)} bytes; {limits.largest_cassette} are allowed. Run `omni-release cassettes shrink`."
        yield Finding(message, SIZE.id)


def _secrets_in_traffic(cassette: Cassette, keys: tuple[str, ...]) -> Iterator[Finding]:
    """Keys that the bytes of the file do not show: in compressed bodies, in base64, and in headers without a shape."""
    encodings = [encoded.encode() for encoded in redaction.key_encodings(keys)]
    for found in cassette.interactions:
        headers = "\n".join((*found.sent_headers.values(), *found.headers.values())).encode("utf-8", "replace")
        for data in (found.sent, found.body, headers):
            if any(encoded in data for encoded in encodings):
                yield Finding(_KEY_IN_USE, SECRET.id, line=found.line)
            for _, kind in redaction.find_keys(data):
                yield Finding(_KEY_SHAPE.format(kind), SECRET.id, line=found.line)
        for name, value in (*found.sent_headers.items(), *found.headers.items()):
            if is_secret_header(name) and may_be_secret(value) and not any(redaction.find_keys(value.encode())):
                # A cookie of a gateway is no key, and has mostly expired.
                severity = Severity.WARNING if "cookie" in name else Severity.ERROR
                message = f"the header {name} has a value: replace it with `omni-release cassettes shrink`"
                yield Finding(f"{message}, and revoke it if it is a real key", SECRET.id, severity, line=found.line)


def _findings_in_traffic(cassette: Cassette) -> Iterator[Finding]:
    if cassette.provenance is None:
        message = "it does not say where it comes from (provenance): record it with `omni-release record`"
        yield Finding(message, PROVENANCE.id, Severity.WARNING, line=1)
    if not cassette.interactions:
        yield Finding("it has no interactions: record it again", EMPTY.id)
    for interaction in cassette.interactions:
        if interaction.code == 200 and not interaction.body and not _is_meant_empty(interaction):
            message = "the response 200 has no body: restore the file from git, or record it again"
            yield Finding(message, EMPTY.id, line=interaction.line)
        if interaction.code >= 500 or interaction.code in (408, 429):
            message = f"a temporary service fault ({interaction.code}) was recorded: record it again"
            yield Finding(message, FAULT.id, line=interaction.line)


def _is_meant_empty(interaction: Interaction) -> bool:
    """Whether the server sent no body: the start of an upload, for example."""
    return interaction.method.upper() == "HEAD" or interaction.headers.get("content-length", "").strip() == "0"


def _age_findings(cassette: Cassette, limits: Smoke, now: datetime.datetime) -> Iterator[Finding]:
    dated = [(when, found.line) for found in cassette.interactions if (when := response_time(found)) is not None]
    if dated:
        when, line = min(dated)
        days = (now - when).days
        if days > limits.cassette_age_days:
            message = f"recorded {days} days ago; {limits.cassette_age_days:g} are allowed: record it again"
            yield Finding(message, AGE.id, line=line)
    elif cassette.interactions and cassette.provenance is None:
        message = "its age is unknown: it has no date, no responseId, and no provenance"
        yield Finding(message, AGE.id, Severity.WARNING)


def response_time(interaction: Interaction) -> datetime.datetime | None:
    """When a response was sent: by its `date` header, else by its responseId, or `created` of OpenAI.

    The first four bytes of a responseId are a time in seconds (seen in recordings; Google does not document it).
    """
    from email.utils import parsedate_to_datetime  # slow to import, and most gates have no cassettes

    try:
        return parsedate_to_datetime(interaction.headers.get("date", "")).astimezone(datetime.UTC)
    except ValueError:
        pass
    if created := _CREATED.search(interaction.body):
        return datetime.datetime.fromtimestamp(int(created[1]), datetime.UTC)
    response_id = _RESPONSE_ID.search(interaction.body)
    try:
        (seconds,) = struct.unpack("<I", decode_base64(response_id[1].decode())[:4]) if response_id else (0,)
    except (ValueError, struct.error):
        return None
    when = datetime.datetime.fromtimestamp(seconds, datetime.UTC)
    return when if when.year >= 2023 else None
