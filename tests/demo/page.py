"""The page: each failure, what stopped or avoids it, and the message."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

from tests.demo.day import Shown
from tests.demo.failures import FAILURES, Failure

_WIDTH = 100
_HEAD = """# A release day, replayed

A maintainer released a Python package with an image feature and a TypeScript front end by hand. Fourteen things went
wrong, and twenty releases reached the index without a single module in them. `nox -s demo` puts each of the fourteen
into a small project, runs omni-release, and writes this page from what it prints, without paths, times and hashes.

A failure is **stopped** where a check fails before the harm is done: before anything is published and, in number 5,
before the environment is changed. It is **avoided** where the release works in a way that rules it out.

The project sets `strict = true`. Without it, the findings of `bug-patterns`, `silent-failures` and `imports-declared`
(7, 8 and 11) are warnings; `response-models` stops 7 in any case.

"""


def page(shown: Mapping[str, Sequence[Shown]], rehearsal: str, release: str) -> str:
    """The whole page."""
    lines = ["| | what went wrong | what omni-release does | the message |", "|---|---|---|---|"]
    lines += [_row(number, failure, shown[failure.key]) for number, failure in enumerate(FAILURES, 1)]
    for number, failure in enumerate(FAILURES, 1):
        lines += ["", *section(number, failure, shown[failure.key])]
    lines += ["", "## After the fixes", "", "All of it is corrected, and the rehearsal is green:", ""]
    lines += [
        "```console",
        "$ omni-release rehearse",
        *_wrapped(rehearsal),
        "```",
        "",
        "So is the release, resumed after the program had ended:",
        "",
    ]
    last = release[release.index("  RELEASED") :]
    lines += ["```console", "$ omni-release release --to company --yes --run RUN", *_wrapped(last), "```"]
    return _HEAD + "\n".join(lines) + "\n"


def section(number: int, failure: Failure, shown: Sequence[Shown]) -> Iterator[str]:
    """The section of a failure: what happened, what is printed, what was done then."""
    yield f"## {number}. {failure.title}"
    yield ""
    yield from textwrap.wrap(failure.happened, 120, break_long_words=False, break_on_hyphens=False)
    for (by, command), group in groupby(shown, key=lambda each: (_link(each), each.command)):
        first, *others = group
        yield ""
        yield from textwrap.wrap(f"{_verb(first)} {by}{_reason(first)}", 120, break_on_hyphens=False)
        yield from ("", "```console", f"$ {command}", *_wrapped(first.message))
        for other in others:
            yield from ("", *_wrapped(other.message))
        yield "```"
    for fix in filter(None, (each.fix for each in shown)):
        yield ""
        yield from textwrap.wrap(f"Then: {fix}", 120, break_long_words=False, break_on_hyphens=False)


def _row(number: int, failure: Failure, shown: Sequence[Shown]) -> str:
    first = shown[0]
    doers = ", ".join(dict.fromkeys(_link(each) for each in shown))
    message = first.avoided or first.message.splitlines()[0].strip().removeprefix(first.by).strip().rstrip(":")
    message = message.replace("|", "\\|")
    return f"| {number} | {failure.title} | {_verb(first).lower()} {doers} | {message} |"


def _verb(shown: Shown) -> str:
    return "Avoided by" if shown.avoided else "Stopped by"


def _link(shown: Shown) -> str:
    """A link to the explanation of a check or step; the project's own command has none."""
    id = shown.by.partition("/")[0]
    return f"`{id}`" if id.startswith("command-") else f"[`{id}`](checks.md#{id})"


def _reason(shown: Shown) -> str:
    return f": {shown.avoided}" if shown.avoided else ":"


def _wrapped(text: str) -> Iterator[str]:
    """The lines, wrapped: they were printed for a very wide terminal, so that no path decides where they break."""
    for line in text.rstrip().splitlines():
        indent = " " * (len(line) - len(line.lstrip()))
        more = "     " if line.lstrip().startswith(("Fix ", "Also ")) else "   "
        yield from textwrap.wrap(
            line.rstrip(),
            _WIDTH,
            subsequent_indent=indent + more,
            break_long_words=False,
            break_on_hyphens=False,
            replace_whitespace=False,
            drop_whitespace=True,
        ) or [""]
