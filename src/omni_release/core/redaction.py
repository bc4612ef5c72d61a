"""Removes secrets from all text that is printed or written: known values, and users and passwords in addresses.

`secret_pattern` matches the known values, and `redacted` removes them from all texts of a value. The part of an address
before its host may be an unknown password: `strip_userinfo` removes it. `find_keys` finds keys by their shape.
"""

from __future__ import annotations

import base64
import dataclasses
import enum
import functools
import json
import os
import re
import urllib.parse
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from omni_release.core import vendors

_LONG, _SHORT = 8, 5

# `git@` is the usual user of ssh, and no secret. A password in an address is seldom quoted: it may contain `@`, and
# after a colon `/`. So everything up to the last `@` is removed: better too much than half a password.
_TEXT = re.compile(r"(?<=://)(?!git@)(?:[^/\s:'\"]*:[^\s'\"]*|[^/\s'\"]+)@")

_BYTES = re.compile(_TEXT.pattern.encode())

_OWN_WORDS = (
    *("address", "artifacts", "id", "kind", "lane", "rule"),
    *("severity", "status", "target", "task", "verdict"),
)


Redact = Callable[[str], str]
"""Returns a text without the known secrets."""


def strip_userinfo(text: str) -> str:
    """The text without the users and passwords of the addresses in it."""
    return _TEXT.sub("[redacted]@", text)


def public_address(url: str) -> str:
    """The address without user, password, query and fragment, each of which may be a secret."""
    return re.split(r"[?#]", strip_userinfo(url), maxsplit=1)[0].replace("[redacted]@", "", 1)


def userinfo_in(text: str) -> Iterator[str]:
    """The part before the host, user and password, of each address in the text."""
    for match in _TEXT.finditer(text):
        yield match[0][:-1]


def redacted(content: Any, redact: Redact) -> Any:
    """The same value with each text in it redacted: dataclasses, mappings, lists and tuples are copied.

    This must happen before it is encoded: JSON escapes quotes, XML ampersands, Markdown underscores, and a secret would
    no longer be found. The words of our own vocabulary are kept, even if a password is one of them: a later run reads
    them.
    """
    if isinstance(content, enum.Enum):
        return content
    if isinstance(content, str):
        return redact(content)
    if dataclasses.is_dataclass(content) and not isinstance(content, type):
        parts = {field.name: getattr(content, field.name) for field in dataclasses.fields(content)}
        return type(content)(**redacted(parts, redact))
    if isinstance(content, Mapping):
        return {key: redacted(value, strip_userinfo if key in _OWN_WORDS else redact) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return type(content)(redacted(value, redact) for value in content)
    return content


# What a terminal shows as a style or a link, also as reports of tests and literals write it.
_STYLE = re.compile(
    r"(?:\x1b|\\x1b|\\u001b|\\033|#x1B|&#27;)"
    r"(?:\[[0-9;?]*[A-Za-z]|\]8;[^\x07\x1b\\]*(?:\x07|\\x07|#x07|\x1b\\|\\x1b\\\\))",
    re.IGNORECASE,
)
_ESCAPES = ("\x1b", "\\x1b", "\\u001b", "\\033", "#x1b", "&#27;")


def redact_under_styles(text: str, redact: Redact) -> str:
    """The redacted text. Where a secret is whole only without the styles within it, all styles are removed."""
    hidden, lowered = redact(text), text.lower()
    if not any(escape in lowered for escape in _ESCAPES):
        return hidden
    plain = redact(_STYLE.sub("", text))
    return hidden if _STYLE.sub("", hidden) == plain else plain


def strip_unknown(text: str) -> str:
    """The text without secrets that are not known: userinfo, logins of headers, keys of known shapes."""
    return strip_unknown_from_bytes(text.encode("utf-8", "surrogatepass")).decode("utf-8", "surrogatepass")


def strip_unknown_from_bytes(line: bytes) -> bytes:
    """The same for a line of a program's output."""
    if b"://" in line:
        line = _BYTES.sub(b"[redacted]@", line)
    lowered = line.lower()
    if any(word in lowered for word in _LOGIN_WORDS):
        line = _LOGIN.sub(_without_login, line)
    return _any_key().sub(b"[redacted]", line) if _may_have_key(line) else line


# The patterns read about a megabyte a second. Almost no line has what each match begins with: look for that first.
_LOGIN_WORDS = (b"authorization", b"basic", b"bearer")
_LOGIN = re.compile(
    rb"(?i)((?<![\w-])(?:proxy-)?authorization\\?[\"']?\s*[:=]\s*\\?[\"']?(?:[a-z]+\s+)?|(?<![\w-])(?:basic|bearer)\s+)"
    rb"([\w.~+/-]{6,}={0,2})"
)


def _without_login(match: re.Match[bytes]) -> bytes:
    """The start of a header without its login; a word after it (`Basic authentication`) is none."""
    word = match[2].isalpha() and (match[2].islower() or match[2].istitle() or match[2].isupper())
    return match[0] if word else match[1] + b"[redacted]"


def secret_pattern(secrets: Iterable[str]) -> str:
    """A pattern that matches any of these values, or nothing if there are none.

    A short value of only letters or only digits is matched as a whole word: `pass` must not be found in `passed`.
    """
    ordered = sorted(filter(None, secrets), key=lambda secret: (-len(secret), secret))  # one may contain another
    patterns = (re.escape(s) if is_distinctive(s) else rf"(?<![\w-]){re.escape(s)}(?![\w-])" for s in ordered)
    return "|".join(patterns) or "(?!)"


def is_distinctive(secret: str) -> bool:
    """Is a value long or mixed enough not to be a part of an ordinary word?"""
    mixed = re.search(r"[A-Za-z]", secret) is not None and re.search(r"[^A-Za-z]", secret) is not None
    return len(secret) >= _LONG or (len(secret) >= _SHORT and mixed)


_CUT = re.compile(r"\.{3,}|…")


def strip_cut(text: str, secrets: frozenset[str]) -> str:
    """The text without the pieces of these values that a program has cut: `begin...`, `...end`, `begin...end`."""
    if _CUT.search(text) is None:
        return text
    begins, ends, longest = _pieces(secrets)
    parts, done = [], 0
    for cut in _CUT.finditer(text):
        first, last = cut.span()
        earliest = max(done, first - longest)
        starts = (at for at in range(earliest, first - _LONG + 1) if text[at : at + _LONG] in begins)
        begin = next((a for a in starts if any(s.startswith(text[a:first]) for s in begins[text[a : a + _LONG]])), None)
        stops = (
            at for at in range(min(last + longest, len(text)), last + _LONG - 1, -1) if text[at - _LONG : at] in ends
        )
        end = next((at for at in stops if any(s.endswith(text[last:at]) for s in ends[text[at - _LONG : at]])), None)
        if begin is not None or end is not None:
            parts += [text[done : first if begin is None else begin], "[redacted]"]
            done = last if end is None else end
    return "".join((*parts, text[done:]))


@functools.lru_cache(maxsize=8)
def _pieces(secrets: frozenset[str]) -> tuple[dict[str, list[str]], dict[str, list[str]], int]:
    """The values by their first and by their last characters, and the length of the longest."""
    begins: dict[str, list[str]] = {}
    ends: dict[str, list[str]] = {}
    for secret in secrets:
        if len(secret) > _LONG:
            begins.setdefault(secret[:_LONG], []).append(secret)
            ends.setdefault(secret[-_LONG:], []).append(secret)
    return begins, ends, max(map(len, secrets), default=0)


# Control characters except tab and line feed, and those that change the direction of text: both can disguise a line.
# And the bytes of a file name that are not text, as Python represents them.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def printable(text: str) -> str:
    """The text with each control character as its escape, `\\x1b`; line feeds are kept."""
    return _CONTROL.sub(_escape, text.replace("\r\n", "\n"))


def inert(text: str, environment: Mapping[str, str]) -> str:
    """Printable text; on GitHub Actions without what the runner would take for a command, as a file's name can be."""
    text = printable(text)
    return _COMMAND.sub(_apart, text) if environment.get("GITHUB_ACTIONS") == "true" else text


_COMMAND = re.compile(r"(?m)^(?P<blank>\s*)::|##\[")


def _apart(match: re.Match[str]) -> str:
    return "## [" if match["blank"] is None else f"{match['blank']}: :"


def _escape(match: re.Match[str]) -> str:
    code = ord(match[0])
    code -= 0xDC00 if 0xDC80 <= code <= 0xDCFF else 0
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def encodings(secret: str) -> Iterator[str]:
    """A secret as programs write it: as is, in a URL, in JSON, in a Python literal, in XML, in hexadecimal, in base64.

    In base64 at each of the three offsets in which it can begin within other bytes, in both alphabets. Of a secret of
    several lines each line, too: output is redacted line by line.
    """
    import html  # its table of entities is large, and few commands have a secret

    yield secret
    lines = [line.strip() for line in secret.splitlines()]
    for line in lines if len(lines) > 1 else ():
        if len(line) >= _LEAST_LINE and not line.startswith("-----"):  # the frame of a key says nothing
            yield from encodings(line)
    for unquoted in _UNQUOTED:
        quoted = urllib.parse.quote(os.fsencode(secret), safe=unquoted)
        yield quoted
        yield _ESCAPE.sub(lambda match: match[0].lower(), quoted)
        yield quoted.replace("%20", "+")
        yield urllib.parse.quote(quoted, safe="")  # an address within one, as that to go on to after a login
    yield json.dumps(secret)[1:-1]
    yield json.dumps(secret, ensure_ascii=False)[1:-1]
    yield json.dumps(secret)[1:-1].replace("/", r"\/")  # PHP
    yield _HTML.sub(lambda match: f"\\u{ord(match[0]):04x}", json.dumps(secret)[1:-1])  # Go
    yield repr(secret)[1:-1]
    element = secret.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    yield element
    yield element.replace('"', "&quot;").replace("\n", "&#10;")
    yield html.escape(secret)
    yield html.escape(secret).replace("&", "&amp;")  # a page, in a report of tests
    for slash in ("&#x2F;", "&#47;"):  # templates of pages
        yield html.escape(secret).replace("/", slash)
    data = os.fsencode(secret)
    if len(data) >= _LONG:
        yield from (data.hex(), data.hex().upper())
        yield from ("".join(f"%{byte:02x}" for byte in data), "".join(f"%{byte:02X}" for byte in data))
    for offset in range(3):
        # Only the characters that hold no bits of the bytes around the secret.
        begin, end = -(-8 * offset // 6), 8 * (offset + len(data)) // 6
        if end - begin >= _LEAST_BASE64:
            for encode in (base64.b64encode, base64.urlsafe_b64encode):
                yield encode(b"\0" * offset + data).decode()[begin:end]


# What is left as it is in the path, the user and the password of an address, by one program or another.
_UNQUOTED = ("", "/", "~", "/~", "!$&'()*+,;=", "!$&'()*+,;=:", "!#$%&'()*+,/:;=?@[]~", "!$&'()*+,;=:@/")
_ESCAPE = re.compile("%[0-9A-F]{2}")
_HTML = re.compile("[&<>]")
_LEAST_LINE = 12  # characters; a shorter line of a secret may occur in any text
_LEAST_BASE64 = 8  # characters; a shorter piece of base64 occurs by chance


def key_encodings(keys: Iterable[str]) -> tuple[str, ...]:
    """All encodings of these API keys, the longest first. No key has fewer than 8 characters: shorter values are left
    out, as they occur in ordinary text.
    """
    return tuple(sorted({text for key in keys if len(key) >= _LONG for text in encodings(key)}, key=len, reverse=True))


# detect-secrets is not used: on eight public checkouts (1,528 files) it took eight times as long, and all that it found
# and these do not, 89 logins in addresses, were examples. Of its other shapes those are here that random text has not.
_SHAPES = {
    **dict(vendors.shapes()),
    "a PyPI token": rb"pypi-AgE[0-9A-Za-z_-]{50,}",
    "a GitHub token": rb"(?:gh[pousr]_[0-9A-Za-z]{36}|github_pat_[0-9A-Za-z_]{60,})",
    "a GitLab token": rb"glpat-[0-9A-Za-z_-]{20,}",
    # The one in the documentation of AWS ends in EXAMPLE.
    "an AWS access key": rb"(?<![0-9A-Z])AKIA(?![0-9A-Z]{9}EXAMPLE)[0-9A-Z]{16}(?![0-9A-Z])",
    "a Slack token": rb"xox[abposr]-[0-9A-Za-z-]{20,}",
    "an npm token": rb"npm_[0-9A-Za-z]{36}",
    "a Hugging Face token": vendors.WORD_START + rb"hf_[A-Za-z]{34}(?![\w-])",
    "a Replicate token": vendors.WORD_START + rb"r8_[0-9A-Za-z]{37}(?![\w-])",
    "a Stripe key": vendors.WORD_START + rb"[rs]k_live_[0-9A-Za-z]{24,}",
    "a SendGrid key": vendors.WORD_START + rb"SG\.[\w-]{22}\.[\w-]{43}",
    "a Square token": vendors.WORD_START + rb"sq0(?:atp-[\w-]{22}|csp-[\w-]{43})(?![\w-])",
    "a key of an Azure account": rb"AccountKey=[0-9A-Za-z+/]{86}==",
    "a Databricks token": vendors.WORD_START + rb"dapi[0-9a-f]{32}(?![0-9a-f])",
    "a DigitalOcean token": rb"do[opr]_v1_[0-9a-f]{64}",
    "a webhook of Slack": rb"hooks\.slack\.com/services/T\w{8,}/B\w{8,}/\w{20,}",
    # With its content: programs that read such files have the first line in them. A line may be a literal.
    "a private key": rb"-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----(?:\\\\?[nr]|[\s\"'+,\\])+"
    rb"(?:[A-Za-z-]+: [\w, -]+(?:\\\\?[nr]|[\s\"'+,\\])+)*[0-9A-Za-z+/]{16}",
}

_NAMES = tuple(_SHAPES)

# One of these is in each key of these shapes.
_IN_KEYS = (
    *(b"AIza", b"ya29.", b"sk-", b"xai-", b"gsk_"),
    *(b"pypi-AgE", b"ghp_", b"gho_", b"ghu_", b"ghs_", b"ghr_", b"github_pat_", b"glpat-", b"AKIA", b"xox", b"npm_"),
    *(b"hf_", b"r8_", b"k_live_", b"SG.", b"sq0", b"AccountKey=", b"dapi", b"_v1_", b"hooks.slack.com/"),
    b" PRIVATE KEY-----",
)


def _may_have_key(data: bytes) -> bool:
    return any(part in data for part in _IN_KEYS)


@functools.cache
def _any_key() -> re.Pattern[bytes]:
    """Any of the shapes; compiled where the first text is searched, since it takes as long as all else here."""
    return re.compile(b"|".join(b"(?P<k%d>%s)" % (n, shape) for n, shape in enumerate(_SHAPES.values())))


def find_keys(data: bytes) -> Iterator[tuple[int, str]]:
    """Each text that has the shape of a key: its line (from 1) and the kind of key, never the key itself."""
    for match in _any_key().finditer(data) if _may_have_key(data) else ():
        kind = next(int(name[1:]) for name, value in match.groupdict().items() if value is not None)
        yield data.count(b"\n", 0, match.start()) + 1, _NAMES[kind]
