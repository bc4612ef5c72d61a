"""The registry of AI models: life cycle, successors and prices, each with its source (models.toml)."""

from __future__ import annotations

import datetime
import functools
import os
import re
import stat
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib import resources
from types import MappingProxyType

from omni_release import source_tree


@dataclass(frozen=True)
class Price:
    """Prices in USD per million tokens, None if unknown. `per_image` is in USD, by size.

    `second_hand`: read on pages that quote the source, not on the source itself.
    """

    input: float | None
    text_output: float | None
    image_output: float | None
    per_image: Mapping[str, float] = field(default_factory=dict)
    source: str = ""
    checked: datetime.date | None = None
    second_hand: bool = False


@dataclass(frozen=True)
class Model:
    """A model of the registry. `shut_down` is the first day on which it no longer responds."""

    name: str
    family: str
    stage: str
    released: datetime.date | None
    shut_down: datetime.date | None
    successor: str | None
    source: str
    checked: datetime.date
    price: Price | None

    def lives(self, on: datetime.date) -> bool:
        """Whether it responds on this day, as far as is known."""
        return self.shut_down is None or on < self.shut_down


@functools.cache
def all_models() -> Mapping[str, Model]:
    """All models of models.toml, by name."""
    text = (resources.files("omni_release.models") / "models.toml").read_text(encoding="utf-8")
    document = tomllib.loads(text)
    sources: dict[str, str] = document["sources"]
    models = {}
    for table in document["model"]:
        price = None
        if costs := table.get("price"):
            price = Price(
                input=costs.get("input"),
                text_output=costs.get("text-output"),
                image_output=costs.get("image-output"),
                per_image=MappingProxyType(costs.get("per-image", {})),
                source=sources[costs["source"]],
                checked=costs["checked"],
                second_hand=costs.get("second-hand", False),
            )
        models[table["name"]] = Model(
            name=table["name"],
            family=table["family"],
            stage=table["stage"],
            released=table.get("released"),
            shut_down=table.get("shut-down"),
            successor=table.get("successor"),
            source=sources[table["source"]],
            checked=table["checked"],
            price=price,
        )
    return MappingProxyType(models)


def bare_name(name: str) -> str:
    """A model's name without the prefix `models/`."""
    return name.strip().removeprefix("models/")


def find(name: str) -> Model | None:
    """The model of this name, with or without the prefix `models/`; None if it is unknown."""
    return all_models().get(bare_name(name))


def successor(name: str, on: datetime.date) -> str | None:
    """The living end of the chain of successors; None if it is unknown, or the chain ends in a dead one or a circle."""
    seen: set[str] = set()
    model = find(name)
    while model is not None and model.name not in seen:
        if model.name != bare_name(name) and model.lives(on):
            return model.name
        seen.add(model.name)
        model = find(model.successor) if model.successor else None
    return None


def describe(name: str, on: datetime.date) -> str:
    """A model's life span, as a phrase."""
    model = find(name)
    if model is None:
        return "not in the table of models"
    if not model.lives(on):
        heir = successor(name, on)
        return f"shut down on {model.shut_down}" + (f", replaced by {heir}" if heir else "")
    return f"shuts down on {model.shut_down}" if model.shut_down else f"{model.stage}, no shut-down date announced"


_EXTENSION = re.compile(
    r"\.(?:pyi?|ipynb|[cm]?[jt]sx?|vue|svelte|html|toml|ya?ml|json[c5]?|ini|cfg|conf|properties|env"
    r"|(?:ba|z)?sh|ps1|bat|mdx?|rst|txt|tf|go|java|kt|rb|php)"
)

_FILE_NAMES = frozenset(("dockerfile", "makefile", "justfile", "procfile", "containerfile"))

_LOCK_FILES = frozenset(("package-lock.json", "npm-shrinkwrap.json", "pnpm-lock.yaml", "pnpm-workspace.yaml"))

_PROSE_EXTENSIONS = frozenset((".md", ".mdx", ".rst", ".txt"))

LARGEST = 20_000_000
"""In bytes; a larger file is reported, and not read."""


_STARTS = (b"gemini-", b"imagen-", b"nano-banana-", b"dall-e-", b"gpt-", b"claude-")

_PART = rb"(?:\d+\.\d+|[a-z0-9]+)"

_NAME = re.compile(
    rb"(?<![A-Za-z0-9_\-])(?:"
    # Version and kind, kind and version, or one of the aliases.
    rb"gemini-\d{1,2}(?:\.\d{1,2})?(?:-%(part)s)+"
    rb"|gemini-(?:embedding|exp|live|robotics-er|omni|flash|pro)(?=[a-z0-9.\-]*\d)(?:-%(part)s)+"
    rb"|gemini-(?:flash|flash-lite|pro)-latest"
    rb"|gemini-(?:pro|ultra)(?:-vision)?(?:-latest)?"
    rb"|imagen-\d(?:\.\d)?-[a-z]+(?:-%(part)s)*"
    rb"|nano-banana-(?:%(part)s-)*preview"
    rb"|dall-e-\d"
    rb"|gpt-(?:\d(?:\.\d{1,2})?[a-z]?|image-\d(?:\.\d)?)(?:-%(part)s)*"
    rb"|claude-(?:\d(?:[.\-]\d{1,2})?-(?:opus|sonnet|haiku)|(?:opus|sonnet|haiku|instant)-\d|\d\.\d)(?:[.\-]%(part)s)*"
    rb")(?![A-Za-z0-9_])" % {b"part": _PART}
)

_COMPUTED = re.compile(rb"(?<![A-Za-z0-9_\-])(?:gemini|imagen)-(?:%s-)*(?:%s)?(?=\$?\{[^}]|%%[s(])" % (_PART, _PART))

_URL = re.compile(rb"https?://[^\s\"'`<>)\]]*\Z")

_API_URL = re.compile(rb"googleapis\.com|/v\d\w*/(?:\S*/)?models/\Z|/publishers/\w+/models/\Z")

_LONGEST_URL = 500


@dataclass(frozen=True)
class Occurrence:
    """A model name in a file. `line` and `column` count from 1; `computed` if the rest of it is built at run time."""

    path: str
    line: int
    column: int
    name: str
    computed: bool = False

    @property
    def where(self) -> str:
        """`path:line:column`."""
        return f"{self.path}:{self.line}:{self.column}"


@dataclass(frozen=True)
class Search:
    """The occurrences, ordered by path, line and column; `unread` has each file that cannot be read, and the reason."""

    occurrences: tuple[Occurrence, ...]
    unread: tuple[tuple[str, str], ...]


def find_names(root: str, files: Iterable[str] | None = None) -> Search:
    """Every model name in the tree at `root`: in the given files, by default in all that git does not ignore."""
    occurrences: list[Occurrence] = []
    unread: list[tuple[str, str]] = []
    for path in sorted(source_tree.file_names(root) if files is None else files):
        if not _is_searched(path):
            continue
        try:
            data = _read(os.path.join(root, path))
        except FileNotFoundError:
            continue  # deleted, but still listed by git
        except (OSError, ValueError) as error:
            unread.append((path, str(getattr(error, "strerror", None) or error)))
            continue
        if any(start in data for start in _STARTS):
            occurrences += _find_in(path, data)
    return Search(tuple(occurrences), tuple(unread))


def _is_searched(path: str) -> bool:
    """Whether a file is of a kind that may name models, by its name."""
    name = path.rpartition("/")[2].lower()
    if name in _LOCK_FILES:
        return False
    extension = os.path.splitext(name)[1]
    return bool(_EXTENSION.fullmatch(extension)) or name in _FILE_NAMES or name == ".env" or name.startswith(".env.")


def _read(path: str) -> bytes:
    """The bytes of a file. Raises ValueError if it is larger than LARGEST."""
    found = os.stat(path)
    if not stat.S_ISREG(found.st_mode):  # a submodule or a link to a folder; a pipe or a device has no end
        return b""
    if (size := found.st_size) > LARGEST:
        raise ValueError(f"the file has {size:,} bytes, and the limit is {LARGEST:,}")
    with open(path, "rb") as file:
        return file.read()


def _find_in(path: str, data: bytes) -> Iterator[Occurrence]:
    prose = os.path.splitext(path)[1].lower() in _PROSE_EXTENSIONS
    spans = [(*match.span(), False) for match in _NAME.finditer(data) if _is_name(data, match, prose)]
    starts = {start for start, _, _ in spans}
    if not prose:  # in prose, braces and percent signs are a way to write
        spans += [(*match.span(), True) for match in _COMPUTED.finditer(data) if match.start() not in starts]
    line, counted = 1, 0
    for start, end, computed in sorted(spans):
        line += data.count(b"\n", counted, start)
        counted = start
        before = data[data.rfind(b"\n", 0, start) + 1 : start].removeprefix(b"\xef\xbb\xbf")
        column = len(before.decode("utf-8", "replace")) + 1
        yield Occurrence(path, line, column, data[start:end].decode("ascii"), computed)


def _is_name(data: bytes, match: re.Match[bytes], prose: bool) -> bool:  # noqa: FBT001 - a fact of the file
    """Whether a match is a model name, by the text around it."""
    start, end = match.span()
    after = data[end : end + 4]
    if after[:1] == b"-" or re.match(rb"\$?\{[^}]|%[s(]", after):
        return False  # a prefix, or a part of a computed name
    if re.match(rb"\.[A-Za-z]|/[\w.]", after) and not data.startswith(_STARTS, end + 1):
        return False  # a file or a folder
    if after[:1] == b"*" and not (prose or after[:2] == b"**" or after[:2] == b"*/"):
        return False  # a pattern
    before = data[max(0, start - _LONGEST_URL) : start]
    if before.endswith((b"./", b"#", b"@")) or (before.endswith(b".") and not before.endswith(b"anthropic.")):
        return False  # a relative path, an anchor, a class in a style sheet
    return not (url := _URL.search(before)) or _API_URL.search(url[0]) is not None
