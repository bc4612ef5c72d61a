"""Versions as PEP 440 reads them, from each kind of place; `spelling` writes them.

Own code beside packaging.version, whose import takes longer than all of `omni-release version` (bench/start.py), and
which keeps no spelling. The tests compare the two. Other rooms use packaging, through `distributions.same_version`.

Forms: `` (a string), `semver` (npm, Cargo), `tuple` (the items of a Python tuple), `call` (the arguments of a type),
`release` (a tuple of the numbers, in a module with a string of the whole version), `signed` (a tuple whose last number
is negative before a release), `listed` (items as in a tuple, without quotes), `short` (the first components),
`part:N` and `part:suffix` (one component of several; `part:N+` where there is a suffix too, `part:Ns` where the last
component includes the suffix).
"""

from __future__ import annotations

import re
from collections import namedtuple

TYPE_CHECKING = False  # typing costs more to import than a whole run of `version`
if TYPE_CHECKING:
    from typing import Any

PATTERN = re.compile(
    r"""(?P<v>v?)(?:(?P<epoch>\d+)!)?(?P<release>\d+(?:\.\d+)*)
    (?P<pre>(?P<pre_sep>[-_.]?)(?P<pre_word>alpha|beta|preview|pre|rc|a|b|c)(?P<pre_sep2>[-_.]?)(?P<pre_n>\d*))?
    (?P<post>(?:-(?P<post_bare>\d+))|(?:(?P<post_sep>[-_.]?)(?P<post_word>post|rev|r)(?P<post_sep2>[-_.]?)(?P<post_n>\d*)))?
    (?P<dev>(?P<dev_sep>[-_.]?)(?P<dev_word>dev)(?P<dev_sep2>[-_.]?)(?P<dev_n>\d*))?
    (?:\+(?P<local>[a-z0-9]+(?:[-_.][a-z0-9]+)*))?""",
    re.VERBOSE | re.IGNORECASE | re.ASCII,
)
STAGES = {"alpha": "a", "a": "a", "beta": "b", "b": "b", "c": "rc", "rc": "rc", "pre": "rc", "preview": "rc"}
FINAL = ("final", "")
CANDIDATE = "candidate"  # as in sys.version_info
_SEMVER_POST = re.compile(r"\+post\.?(\d+)$")
ITEM = re.compile(
    r"""(?P<int>-?\d+|(?<=")\d+(?=")|(?<=')\d+(?='))|(?P<quote>["'])(?P<word>[A-Za-z.][A-Za-z0-9.]*|)(?P=quote)"""
)
SEPARATOR = re.compile(r"\s*[-_,/]\s*")
"""Between the parts of a version that a tool writes as a list."""
PLACEHOLDERS = ("0.0.0", "0.1.0", "0.0.1", "0.0", "1.0.0")


class Version(namedtuple("Version", "epoch release pre post dev local")):
    """A version as PEP 440 understands it; `pre` is `("rc", 1)`, `post` and `dev` are numbers or None."""

    __slots__ = ()

    epoch: int
    release: tuple[int, ...]
    pre: tuple[str, int] | None
    post: int | None
    dev: int | None
    local: str

    def __str__(self) -> str:
        text = f"{self.epoch}!" if self.epoch else ""
        text += ".".join(map(str, self.release))
        text += "" if self.pre is None else f"{self.pre[0]}{self.pre[1]}"
        text += "" if self.post is None else f".post{self.post}"
        text += "" if self.dev is None else f".dev{self.dev}"
        return f"{text}+{self.local}" if self.local else text

    @property
    def key(self) -> tuple[Any, ...]:
        """A sort key; the same for equal versions: trailing zeros do not count."""
        release = self.release
        while len(release) > 1 and not release[-1]:
            release = release[:-1]
        pre: tuple[str, float] = self.pre or ("z", 0)
        if self.pre is None and self.post is None and self.dev is not None:
            pre = ("", 0)
        post = -1 if self.post is None else self.post
        dev = float("inf") if self.dev is None else self.dev
        local = tuple((1, int(p), "") if p.isdigit() else (0, 0, p) for p in self.local.split(".") if p)
        return (self.epoch, release, pre, post, dev, local)


def parse(value: str) -> Version | None:
    """The version of a string; None where it is not a version."""
    match = PATTERN.fullmatch(value.strip())
    if not match or len(value) > 200:
        return None
    pre = (STAGES[match["pre_word"].lower()], int(match["pre_n"] or 0)) if match["pre"] else None
    post = int(match["post_bare"] or match["post_n"] or 0) if match["post"] else None
    dev = int(match["dev_n"] or 0) if match["dev"] else None
    local = ".".join(
        str(int(part)) if part.isdigit() else part.lower() for part in re.split(r"[-_.]", match["local"] or "")
    )
    return Version(int(match["epoch"] or 0), tuple(map(int, match["release"].split("."))), pre, post, dev, local)


def normalize(value: str) -> str:
    """The version, normalised as PEP 440 says; a string that is not a version unchanged."""
    version = parse(value)
    return str(version) if version else value


def equals(value: str, other: str, form: str = "") -> bool:
    """Is `value`, in a place of this form, the version `other`? For `short`, its beginning?"""
    if value == other:
        return True
    if form == "semver":
        value = _SEMVER_POST.sub(r".post\1", value)
    stated, wanted = parse(value), parse(other)
    if not stated or not wanted:
        return False
    if form == "release":
        return stated.key[:2] == wanted._replace(pre=None, post=None, dev=None).key[:2]
    if form == "signed":
        leads = wanted.pre is not None or (wanted.dev is not None and wanted.post is None)
        return leads and stated.key[:2] == wanted._replace(pre=None, dev=None).key[:2]
    if form == "short":
        return stated.release == wanted.release[: len(stated.release)] and stated.epoch == wanted.epoch
    return stated.key == wanted.key


def version_of_tuple(items: str) -> str | None:
    """The version of the items of a tuple (`1, 2, 3, "final", 0`); None where they are not a version."""
    found = list(ITEM.finditer(items))
    numbers = [match["int"] for match in found]
    if is_signed(items):  # (1, 3, 0, -100), of any version before 1.3.0
        return ".".join(map(str, (*map(int, filter(None, numbers[:-1])), "dev0")))
    count = next((at for at, number in enumerate(numbers) if number is None), len(found))
    rest = found[count:]
    if not count or len(rest) > 2 or (len(rest) == 2 and rest[1]["int"] is None):
        return None
    text = ".".join(str(int(number)) for number in numbers[:count])
    if not rest or (rest[0]["word"] in FINAL):
        return text
    stage = "rc" if rest[0]["word"] == CANDIDATE else rest[0]["word"]
    return text + stage + (rest[1]["int"] if len(rest) == 2 else "")


def is_signed(items: str) -> bool:
    """Are these the items of a tuple whose last number, alone, is negative?"""
    numbers = [match["int"] or "" for match in ITEM.finditer(items)]
    return len(numbers) > 2 and numbers[-1].startswith("-") and all(number.isdigit() for number in numbers[:-1])


def quoted(items: str) -> str:
    """Items without quotes (`1, 2, 3, rc, 1`) as those of a tuple."""
    return re.sub(r"[A-Za-z]\w*", r'"\g<0>"', items)


def mentions(text: str, version: str | None) -> bool:
    """Does a text contain the numbers of a version, in whatever spelling (1.2.3, `1, 2, 3`, `minor=2`)?"""
    parsed = parse(version or "")
    if parsed is None:
        return True
    numbers = [str(number) for number in parsed.release]
    while len(numbers) > 1 and numbers[-1] == "0":
        numbers.pop()  # 1.0.0 may be written as 1.0
    return bool(re.search(r"\D{1,40}?0?".join(numbers), text))


def plausible(value: str, version: str | None) -> bool:
    """Could `value` be an earlier or later version of a project that is at `version`?"""
    candidate, current = parse(value), parse(version or "")
    if candidate is None or current is None or len(candidate.release) < 2:
        return False
    near = value not in PLACEHOLDERS and abs(candidate.release[0] - current.release[0]) <= 1
    return near or candidate.key == current.key
