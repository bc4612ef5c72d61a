"""What is wrong with recorded traffic: keys in it, too large, too old, a fault of the service in place of an answer."""

from __future__ import annotations

import binascii
import datetime
import json
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from omni_release import cassettes
from omni_release.cassettes import Cassette, Interaction, UnreadableCassette
from omni_release.core import redaction
from omni_release.core.model import Finding, Severity, display_path
from omni_release.core.settings import Smoke
from omni_release.images.api_format import decode_base64


@dataclass(frozen=True)
class Gate:
    """The gate on cassettes: what they are held to. `secrets` are the values of keys that are in use."""

    root: Path
    settings: Smoke
    today: datetime.datetime
    secrets: tuple[str, ...] = ()

    def findings(self, paths: Sequence[Path]) -> Iterator[Finding]:
        """What is wrong with each of these cassettes."""
        for path in paths:
            yield from self._bytes(path)
            try:
                found = cassettes.read(path)
            except UnreadableCassette as error:
                yield self._finding(path, "cassette-unreadable", f"{error.said}. {error.hint}", error.line)
                continue
            yield from self._traffic(found)

    def _finding(
        self, path: Path, rule: str, said: str, line: int | None = None, severity: Severity = Severity.ERROR
    ) -> Finding:
        return Finding(said, rule, severity, display_path(self.root, path), line)

    def _bytes(self, path: Path) -> Iterator[Finding]:
        """What the bytes say: no parser is between them and us."""
        try:
            data = path.read_bytes()
        except OSError as error:
            yield self._finding(path, "cassette-unreadable", str(error.strerror))
            return
        for value in cassettes.spellings(self.secrets):
            at = data.find(value.encode())
            if at >= 0:
                said = "the live key is in here. Take the file back before it is pushed, and revoke the key."
                yield self._finding(path, "cassette-secret", said, data.count(b"\n", 0, at) + 1)
                break
        for line, kind in redaction.find_keys(data):
            said = f"what looks like {kind} is in here. Take it out, record anew, and revoke it if it is real."
            yield self._finding(path, "cassette-secret", said, line)
        most = self.settings.largest_cassette
        if len(data) > most:
            said = f"{len(data)} bytes; {most} are allowed. Shrink it: omni-release cassettes shrink"
            yield self._finding(path, "cassette-size", said)

    def _traffic(self, cassette: Cassette) -> Iterator[Finding]:
        path = cassette.path
        if cassette.provenance is None:
            said = "it does not say where it comes from (provenance). Record it with omni-release record"
            yield self._finding(path, "cassette-provenance", said, 1, Severity.WARNING)
        if not cassette.interactions:
            yield self._finding(path, "cassette-empty", "nothing is recorded in it. Record it anew.")
        for one in cassette.interactions:
            if one.code >= 500 or one.code in (408, 429):
                said = f"a {one.code} is recorded: a fault of that hour, played for ever. Record it anew."
                yield self._finding(path, "cassette-fault", said, one.line)
        yield from self._age(cassette)

    def _age(self, cassette: Cassette) -> Iterator[Finding]:
        known = [(when, one) for one in cassette.interactions if (when := recorded(one)) is not None]
        if not known:
            if cassette.interactions and cassette.provenance is None:
                said = "its age cannot be told: no date, no responseId, no provenance"
                yield self._finding(cassette.path, "cassette-age", said, severity=Severity.WARNING)
            return
        when, oldest = min(known, key=lambda pair: pair[0])
        days = (self.today - when).days
        if days > self.settings.cassette_age_days:
            said = f"recorded {days} days ago; {self.settings.cassette_age_days:g} are allowed. Record it anew."
            yield self._finding(cassette.path, "cassette-age", said, oldest.line)


def recorded(one: Interaction) -> datetime.datetime | None:
    """When an answer was given: its `date` header, else what its responseId says (undocumented: a hint)."""
    try:
        from email.utils import parsedate_to_datetime

        return parsedate_to_datetime(one.headers.get("date", "")).astimezone(datetime.UTC)
    except ValueError:
        pass
    try:
        text = json.loads(one.body)["responseId"]
        (seconds,) = struct.unpack("<I", decode_base64(text)[:4])
    except (ValueError, KeyError, TypeError, binascii.Error, struct.error):
        return None
    when = datetime.datetime.fromtimestamp(seconds, datetime.UTC)
    return when if when.year >= 2023 else None
