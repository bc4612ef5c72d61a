"""The page: which packages pass a rehearsal without settings, by build back end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

from tests.compatibility import Package
from tests.compatibility.rehearsal import Result

_HEAD = """# Compatibility

Releases of the index, rehearsed without settings (`omni-release rehearse`), each in a git repository at its tag: a full
checkout, or the unpacked sdist. `nox -s compatibility` writes this page; `nox -s compatibility -- flask httpx` tries
only these two again. A reason is quoted from the report. Where an sdist has only parts of the tests, without what they
import or read, they are left out.
"""


def page(packages: Sequence[Package], results: Mapping[str, Result]) -> str:
    """The whole page, for the packages that have a result."""
    known = [package for package in packages if package.name in results]
    lines = [_HEAD, *_counts(known, results), ""]
    for backend, group in groupby(known, key=lambda package: package.backend):
        lines += [
            f"## {backend}",
            "",
            "| package | from | result | tests | seconds |",
            "| --- | --- | --- | --- | --- |",
        ]
        lines += [_row(package, results[package.name]) for package in group]
        lines.append("")
    lines += _blocked(known, results)
    return "\n".join(lines).rstrip() + "\n"


def _counts(known: Sequence[Package], results: Mapping[str, Result]) -> Iterator[str]:
    tried = [package for package in known if results[package.name].verdict != "skipped"]
    of_tried = [results[package.name] for package in tried]
    full = [result for result in of_tried if result.source == "checkout"]
    yield "| | |"
    yield "| --- | --- |"
    yield f"| rehearsed | {len(tried)}, of {len({package.backend for package in tried})} build back ends |"
    yield f"| passed | {sum(result.passed for result in of_tried)} |"
    yield f"| of them full checkouts | {sum(result.passed for result in full)} of {len(full)} |"
    yield f"| blocked | {sum(not result.passed for result in of_tried)} |"
    yield f"| ran their tests | {sum(bool(result.tests) for result in of_tried)} |"
    yield f"| without tests, or with parts of them, in the sdist | {sum(result.tests is None for result in of_tried)} |"
    yield f"| use an AI SDK, or are one | {sum(package.uses_ai for package in tried)} |"
    yield f"| not built on this machine | {len(known) - len(tried)} |"


def _row(package: Package, result: Result) -> str:
    none = "parts" if package.parts_of_tests and result.source == "sdist" else "none"
    tests = none if result.tests is None else str(result.tests)
    seconds = str(result.seconds) if result.seconds else ""
    verdict = {"passed": "passed", "skipped": f"skipped: {'; '.join(result.blocked)}"}.get(result.verdict, "blocked")
    return f"| {package.name} {result.version} | {result.source} | {verdict} | {tests} | {seconds} |"


def _blocked(known: Sequence[Package], results: Mapping[str, Result]) -> Iterator[str]:
    blocked = [package for package in known if results[package.name].verdict not in ("passed", "skipped")]
    if blocked:
        yield "## Blocked, and why"
        yield ""
    for package in blocked:
        yield f"**{package.name} {results[package.name].version}**: {package.opinion or 'not judged yet'}"
        yield ""
        yield from (f"- `{_in_code(reason)}`" for reason in results[package.name].blocked)
        yield ""


def _in_code(reason: str) -> str:
    """A reason as it can stand between backticks, without what looks like a link."""
    return reason.replace("`", "'").replace("](", "] (")
