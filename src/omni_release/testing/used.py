"""What the tests use: the modules that they import, and the fixtures and marks of plug-ins."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Iterator
from pathlib import Path, PurePosixPath

from omni_release.environments.requirements import likely_distributions

# Fixtures and marks of plug-ins, as they appear in the tests.
_SIGNS = (
    (r"\bmocker\b", "pytest-mock"),
    (r"\bhttpx_mock\b", "pytest-httpx"),
    (r"\bhttpserver\b", "pytest-httpserver"),
    (r"\brequests_mock\b", "requests-mock"),
    (r"\brespx_mock\b", "respx"),
    (r"\bfreezer\b", "pytest-freezer"),
    (r"\bbenchmark\b", "pytest-benchmark"),
    (r"\bsnapshot\b", "syrupy"),
    (r"\bsubtests\b", "pytest-subtests"),
    (r"\bdata_regression\b|\bfile_regression\b", "pytest-regressions"),
    (r"\bdatadir\b", "pytest-datadir"),
    (r"\bfs\b", "pyfakefs"),
    (r"\bfaker\b", "faker"),
    (r"\bhttpbin\b", "pytest-httpbin"),
    (r"\baiohttp_client\b", "pytest-aiohttp"),
    (r"\bmark\.asyncio\b", "pytest-asyncio"),
    (r"\bmark\.trio\b", "pytest-trio"),
    (r"\bmark\.vcr\b", "pytest-recording"),
    (r"\bmark\.vcr\b", "pytest-vcr"),
    (r"\bmark\.flaky\b", "pytest-rerunfailures"),
    (r"\bmark\.flaky\b", "flaky"),
    (r"\bmark\.django_db\b", "pytest-django"),
    (r"\bmark\.timeout\b", "pytest-timeout"),
    (r"\bmark\.freeze_time\b", "pytest-freezegun"),
    (r"\bmark\.(?:dis|en)able_socket\b", "pytest-socket"),
    (r"\bmark\.xdist_group\b", "pytest-xdist"),
    (r"\bmark\.(?:order|run)\b", "pytest-order"),
    (r"\bmark\.(?:dependency)\b", "pytest-dependency"),
    (r"\bmark\.datafiles\b", "pytest-datafiles"),
    (r"\bmark\.network\b", "pytest-httpbin"),
)
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
    signs = [plugin for sign, plugin in _SIGNS if plugin in known and re.search(sign, text)]
    return tuple(dict.fromkeys((*(name for name in names if name in known), *signs)))


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
