"""Keys: where the service's own is found, and what keys look like, for looking where none should be."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

VARIABLES = ("GEMINI_API_KEY", "GOOGLE_API_KEY")
"""What may hold a key of the Gemini API; for its SDK the second goes over the first."""

# Each shape is public: issuers give their keys a fixed beginning so that scanners find them.
_SHAPES = {
    "a Google API key": rb"AIza[0-9A-Za-z_-]{35}",
    "a PyPI token": rb"pypi-AgE[0-9A-Za-z_-]{50,}",
    "a GitHub token": rb"(?:gh[pousr]_[0-9A-Za-z]{36}|github_pat_[0-9A-Za-z_]{60,})",
    "a GitLab token": rb"glpat-[0-9A-Za-z_-]{20,}",
    "an OpenAI key": rb"sk-(?:proj-)?[0-9A-Za-z_-]{40,}",
    "an Anthropic key": rb"sk-ant-[0-9A-Za-z_-]{40,}",
    "an AWS access key": rb"(?<![0-9A-Z])AKIA[0-9A-Z]{16}(?![0-9A-Z])",
    "a Slack token": rb"xox[abposr]-[0-9A-Za-z-]{20,}",
    "an npm token": rb"npm_[0-9A-Za-z]{36}",
    "a private key": rb"-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----",
}
_ANY = re.compile(b"|".join(b"(?P<k%d>%s)" % (n, shape) for n, shape in enumerate(_SHAPES.values())))
_NAMES = tuple(_SHAPES)


def held(environment: Mapping[str, str]) -> tuple[str, ...]:
    """The keys of the Gemini API that an environment holds."""
    return tuple(filter(None, (environment.get(name, "").strip() for name in VARIABLES)))


def found(data: bytes) -> Iterator[tuple[int, str]]:
    """Where something has the shape of a key: its line (from 1) and what it looks like, never the key itself."""
    for match in _ANY.finditer(data):
        kind = next(int(name[1:]) for name, value in match.groupdict().items() if value is not None)
        yield data.count(b"\n", 0, match.start()) + 1, _NAMES[kind]
