"""What the tests use: the modules that they import, and the fixtures and marks of plug-ins."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Iterator
from pathlib import Path, PurePosixPath

from omni_release.environments.requirements import likely_distributions

FIXTURES: dict[str, tuple[str, ...]] = {
    "aiohttp_client": ("pytest-aiohttp",),
    "benchmark": ("pytest-benchmark",),
    "cov": ("pytest-cov",),
    "data_regression": ("pytest-regressions",),
    "datadir": ("pytest-datadir",),
    "faker": ("faker",),
    "file_regression": ("pytest-regressions",),
    "freezer": ("pytest-freezer",),
    "fs": ("pyfakefs",),
    "httpbin": ("pytest-httpbin",),
    "httpbin_secure": ("pytest-httpbin",),
    "httpserver": ("pytest-httpserver",),
    "httpx_mock": ("pytest-httpx",),
    "mocker": ("pytest-mock",),
    "requests_mock": ("requests-mock",),
    "respx_mock": ("respx",),
    "snapshot": ("syrupy",),
    "subtests": ("pytest-subtests",),
    "vcr": ("pytest-recording", "pytest-vcr"),
}
"""The plug-ins that fixtures are from, the usual one first."""

MARKS: dict[str, tuple[str, ...]] = {
    "anyio": ("anyio",),
    "asyncio": ("pytest-asyncio",),
    "benchmark": ("pytest-benchmark",),
    "datafiles": ("pytest-datafiles",),
    "dependency": ("pytest-dependency",),
    "disable_socket": ("pytest-socket",),
    "django_db": ("pytest-django",),
    "enable_socket": ("pytest-socket",),
    "flaky": ("pytest-rerunfailures", "flaky"),
    "freeze_time": ("pytest-freezegun",),
    "network": ("pytest-httpbin",),
    "order": ("pytest-order",),
    "run": ("pytest-order",),
    "timeout": ("pytest-timeout",),
    "trio": ("pytest-trio",),
    "vcr": ("pytest-recording", "pytest-vcr"),
    "xdist_group": ("pytest-xdist",),
}
"""The plug-ins that marks are for, the usual one first."""

_IMPORT = re.compile(r"^([ \t]*)(?:import|from)[ \t]+([A-Za-z_]\w*)", re.MULTILINE)
_GUARD = re.compile(
    r"(?:try|if\b.*(?:TYPE_CHECKING|version_info).*|with\b.*suppress.*|except\b.*|else)\s*:\s*(?:#.*)?$"
)
_PIP = re.compile(r"""["']pip3?["']|-m pip\b|^\s*(?:import|from) pip\b""", re.MULTILINE)


def text_of(root: Path, files: Iterable[PurePosixPath]) -> str:
    """The text of all these files of the project at `root`."""
    return "\n".join(_text(root / file) for file in files)


def distributions_used(text: str, known: Container[str]) -> tuple[str, ...]:
    """The distributions, of those that are `known`, that the code in `text` uses."""
    names = [name for module in dict.fromkeys(imported(text)) for name in likely_distributions(module)]
    names += [plugin for sign, those in _signs() if re.search(rf"\b{sign}\b", text) for plugin in those]
    return tuple(dict.fromkeys(name for name in names if name in known))


def _signs() -> Iterator[tuple[str, tuple[str, ...]]]:
    """What shows in code that it uses a plug-in: the names of fixtures, and marks."""
    yield from FIXTURES.items()
    yield from ((rf"mark\.{name}", those) for name, those in MARKS.items())


def runs_pip(text: str) -> bool:
    """Whether the code in `text` runs or imports pip, which is in each environment of tox and nox."""
    return _PIP.search(text) is not None


def imported(text: str) -> Iterator[str]:
    """The top-level modules that code imports, but where it can do without them."""
    for match in _IMPORT.finditer(text):
        if not match[1] or not _GUARD.search(_line_before(text, match.start())):
            yield match[2]


def _line_before(text: str, start: int) -> str:
    """The last line with something in it before a position, which begins a line."""
    return text[max(0, start - 500) : start].rstrip().rpartition("\n")[2]


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
