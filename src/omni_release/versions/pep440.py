"""Versions as PEP 440 reads them, and their spelling in each kind of place.

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

_PATTERN = re.compile(
    r"""(?P<v>v?)(?:(?P<epoch>\d+)!)?(?P<release>\d+(?:\.\d+)*)
    (?P<pre>(?P<pre_sep>[-_.]?)(?P<pre_word>alpha|beta|preview|pre|rc|a|b|c)(?P<pre_sep2>[-_.]?)(?P<pre_n>\d*))?
    (?P<post>(?:-(?P<post_bare>\d+))|(?:(?P<post_sep>[-_.]?)(?P<post_word>post|rev|r)(?P<post_sep2>[-_.]?)(?P<post_n>\d*)))?
    (?P<dev>(?P<dev_sep>[-_.]?)(?P<dev_word>dev)(?P<dev_sep2>[-_.]?)(?P<dev_n>\d*))?
    (?:\+(?P<local>[a-z0-9]+(?:[-_.][a-z0-9]+)*))?""",
    re.VERBOSE | re.IGNORECASE | re.ASCII,
)
_STAGES = {"alpha": "a", "a": "a", "beta": "b", "b": "b", "c": "rc", "rc": "rc", "pre": "rc", "preview": "rc"}
_LONG = {"a": "alpha", "b": "beta", "rc": "rc"}
_FINAL = ("final", "")
_CANDIDATE = "candidate"  # as in sys.version_info
_SEMVER_POST = re.compile(r"\+post\.?(\d+)$")
_PARTS = 3


class NoSpelling(ValueError):
    """A version that has no spelling in a place's form."""


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
    match = _PATTERN.fullmatch(value.strip())
    if not match or len(value) > 200:
        return None
    pre = (_STAGES[match["pre_word"].lower()], int(match["pre_n"] or 0)) if match["pre"] else None
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


def respell(old: str, new: str, form: str = "", quote: str = '"') -> str:
    """`new` (as typed), in the spelling of a place that contains `old`. Raises NoSpelling."""
    version = parse(new)
    if version is None:
        raise NoSpelling(f"{new!r} is not a version")
    if form == "semver":
        return _semver(old, new, version)
    if form == "release":
        return _tuple(old, version._replace(pre=None, post=None, dev=None, local=""), quote)
    if form == "tuple":
        return _tuple(old, version, quote)
    if form == "signed":
        return _signed(old, version)
    if form == "listed":
        return _tuple(quoted(old), version, '"').replace('"', "")
    if form == "call":
        return _call(old, version, quote)
    if form.startswith("part:"):
        return _part(old, version, form[5:])
    if form == "short":
        count = len((parse(old) or version).release)
        return _styled(old, ".".join(map(str, (*version.release, 0, 0)[:count])))
    return _styled(old, new)


def _styled(old: str, new: str) -> str:
    """`new` with the prefix, the padding and the separators of `old`; parts that `old` does not have, as typed."""
    shown, typed = _PATTERN.fullmatch(old.strip()), _PATTERN.fullmatch(new.strip())
    assert typed is not None, new
    if shown is None:
        return new.strip()
    text = shown["v"] + (f"{typed['epoch']}!" if typed["epoch"] else "") + _release(shown["release"], typed["release"])
    for part in ("pre", "post", "dev"):
        if typed[part]:
            text += _segment(part, shown, typed) if shown[part] else typed[part]
    return text + (f"+{typed['local']}" if typed["local"] else "")


def _release(shown: str, typed: str) -> str:
    olds, news = shown.split("."), typed.split(".")
    widths = [len(old) if old[0] == "0" and len(old) > 1 else 0 for old in olds]
    if any(widths):
        # 2026.08.17: padded components stay padded, and so do two-digit ones, which need no padding.
        widths = [width or (2 if len(old) == 2 else 0) for width, old in zip(widths, olds, strict=True)]
    elif all(len(old) > 1 for old in olds[1:]):
        return typed  # it cannot be known whether components are padded
    widths += [0] * len(news)
    return ".".join(str(int(new)).zfill(width) for new, width in zip(news, widths, strict=False))


def _segment(part: str, shown: re.Match[str], typed: re.Match[str]) -> str:
    """`-alpha.7` with the old words and separators; without a number where the old one has none and it is 0."""
    number = typed[f"{part}_n"] or (part == "post" and typed["post_bare"]) or "0"
    if part == "post" and shown["post_bare"]:
        return f"-{number}"
    word = shown[f"{part}_word"]
    if part == "pre" and _STAGES[word.lower()] != (stage := _STAGES[typed["pre_word"].lower()]):
        long = len(word) > 2 or bool(shown["pre_sep"])
        word = (_LONG[stage] if long else stage).upper() if word.isupper() else _LONG[stage] if long else stage
    if not shown[f"{part}_n"] and not int(number):
        number = ""
    return f"{shown[f'{part}_sep']}{word}{shown[f'{part}_sep2'] if number else ''}{number}"


def _semver(old: str, new: str, version: Version) -> str:
    if version.epoch or (len(version.release) > _PARTS and any(version.release[_PARTS:])):
        raise NoSpelling(f"{new} cannot be written with three numbers")
    text = ".".join(map(str, (*version.release, 0, 0)[:_PARTS]))
    shown = _PATTERN.fullmatch(old.strip())
    typed = _PATTERN.fullmatch(new.strip())
    assert typed is not None, new
    tail = []
    if version.pre:
        stage, number = version.pre
        plain = shown and shown["pre"] and shown["pre_sep"] == "-"
        tail.append(_segment("pre", shown, typed)[1:] if plain and shown else f"{_LONG[stage]}.{number}")
    if version.dev is not None:
        plain = not version.pre and shown and shown["dev"] and not shown["pre"] and shown["dev_sep"] == "-"
        tail.append(_segment("dev", shown, typed)[1:] if plain and shown else f"dev.{version.dev}")
    build = [f"post.{version.post}"] if version.post is not None else []
    if build and (version.local or tail):
        raise NoSpelling(f"{new} cannot be written for npm or Cargo")
    build += [version.local] if version.local else []
    prefix = "v" if shown and shown["v"] else ""
    return prefix + text + ("-" + ".".join(tail) if tail else "") + ("+" + build[0] if build else "")


def _part(old: str, version: Version, which: str) -> str:
    suffix = str(Version(0, (), version.pre, version.post, version.dev, version.local))
    if which == "suffix":
        return suffix[1:] if suffix.startswith(".") and old[:1].isalpha() else suffix
    if version.epoch or any(version.release[_PARTS:]) or (suffix and not which.endswith(("+", "s"))):
        raise NoSpelling(f"{version} cannot be written in parts that are numbers")
    number = int(which.rstrip("+s"))
    if which == "2s":
        return f"{(*version.release, 0, 0)[2]}{suffix}"
    text = str((*version.release, 0, 0)[number])
    return text.zfill(len(old)) if len(old) > 1 and old[0] == "0" else text


_ITEM = re.compile(
    r"""(?P<int>-?\d+|(?<=")\d+(?=")|(?<=')\d+(?='))|(?P<quote>["'])(?P<word>[A-Za-z.][A-Za-z0-9.]*|)(?P=quote)"""
)


def version_of_tuple(items: str) -> str | None:
    """The version of the items of a tuple (`1, 2, 3, "final", 0`); None where they are not a version."""
    found = list(_ITEM.finditer(items))
    numbers = [match["int"] for match in found]
    if is_signed(items):  # (1, 3, 0, -100), of any version before 1.3.0
        return ".".join(map(str, (*map(int, filter(None, numbers[:-1])), "dev0")))
    count = next((at for at, number in enumerate(numbers) if number is None), len(found))
    rest = found[count:]
    if not count or len(rest) > 2 or (len(rest) == 2 and rest[1]["int"] is None):
        return None
    text = ".".join(str(int(number)) for number in numbers[:count])
    if not rest or (rest[0]["word"] in _FINAL):
        return text
    stage = "rc" if rest[0]["word"] == _CANDIDATE else rest[0]["word"]
    return text + stage + (rest[1]["int"] if len(rest) == 2 else "")


def _tuple(old: str, version: Version, quote: str) -> str:
    found = list(_ITEM.finditer(old))
    count = next((at for at, match in enumerate(found) if match["int"] is None), len(found))
    rest = found[count:]
    release = version.release + (0,) * (count - len(version.release))
    if version.epoch or version.local or (len(rest) > 1 and any(release[count:])):
        raise NoSpelling(f"{version} cannot be written in the tuple ({old})")
    release = release[: count if len(rest) > 1 else max(count, len(version.release))]
    comma = old[found[0].end() : found[1].start()] if len(found) > 1 else ", "
    suffix = str(Version(0, (), version.pre, version.post, version.dev, ""))
    text, at = "", 0
    for match, number in zip(found[:count], release, strict=False):
        text += old[at : match.start()] + str(number)
        at = match.end()
    text += "".join(f"{comma}{number}" for number in release[count:])
    if not rest:
        # Without the dot of `.dev0`: items are often joined with dots.
        return text + (f"{comma}{quote}{suffix.removeprefix('.')}{quote}" if suffix else "") + old[at:]
    if len(rest) == 2:
        return text + _staged(old, at, rest, version)
    word = rest[0]
    if not suffix and word["word"] not in _FINAL:
        return text
    stage = suffix if word["word"].startswith(".") else suffix.removeprefix(".")
    return text + old[at : word.start("word")] + (stage or word["word"]) + old[word.end("word") :]


def is_signed(items: str) -> bool:
    """Are these the items of a tuple whose last number, alone, is negative?"""
    numbers = [match["int"] or "" for match in _ITEM.finditer(items)]
    return len(numbers) > 2 and numbers[-1].startswith("-") and all(number.isdigit() for number in numbers[:-1])


def quoted(items: str) -> str:
    """Items without quotes (`1, 2, 3, rc, 1`) as those of a tuple."""
    return re.sub(r"[A-Za-z]\w*", r'"\g<0>"', items)


def _signed(old: str, version: Version) -> str:
    """`1, 3, 0, 0` for a release; the same negative number for a development version."""
    if version.pre or version.post is not None or version.epoch or version.local:
        raise NoSpelling(f"only the project knows the last number of ({old}) for {version}: write the tuple by hand")
    found = list(_ITEM.finditer(old))
    numbers = [*map(str, (*version.release, *([0] * len(found)))[: len(found) - 1])]
    numbers.append(found[-1]["int"] if version.dev is not None else "0")
    if any(version.release[len(found) - 1 :]):
        raise NoSpelling(f"{version} cannot be written in the tuple ({old})")
    text, at = "", 0
    for match, number in zip(found, numbers, strict=True):
        text += old[at : match.start()] + number
        at = match.end()
    return text + old[at:]


def _call(old: str, version: Version, quote: str) -> str:
    """The numbers that a type is called with, and a stage with its number; other arguments are not known."""
    if [bool(match["word"]) for match in _ITEM.finditer(old)][-2:] == [True, False]:
        return _tuple(old, version, quote)
    count = sum(match["int"] is not None for match in _ITEM.finditer(old))
    if (
        (parse(version_of_tuple(old) or "") or version).pre
        or version.pre
        or version.post is not None
        or version.dev is not None
    ):
        raise NoSpelling(f"only the project knows the arguments ({old}) for {version}: write them by hand")
    if len(version.release) > count:
        raise NoSpelling(f"{version} has more components than the arguments ({old})")
    return _tuple(old, version, quote)


def _staged(old: str, at: int, rest: list[re.Match[str]], version: Version) -> str:
    """The end of `1, 2, 3, "rc", 1`: a stage and its number."""
    stages = [version.pre, version.post, version.dev]
    if sum(stage is not None for stage in stages) > 1:
        raise NoSpelling(f"{version} cannot be written in the tuple ({old})")
    stage, number = ("final", 0) if version.pre is None else version.pre
    short = rest[0]["word"] in ("a", "b")
    stage = stage if short else _LONG.get(stage, stage)
    stage = _CANDIDATE if stage == "rc" and rest[0]["word"] == _CANDIDATE else stage
    if stage == "final" and rest[0]["word"] in _FINAL:
        return old[at:]  # the number after "final" is the project's choice
    if version.post is not None or version.dev is not None:
        stage, number = ("post", version.post) if version.post is not None else ("dev", version.dev or 0)
    between = old[rest[0].end("word") : rest[1].start()]
    return f"{old[at : rest[0].start('word')]}{stage}{between}{number}{old[rest[1].end() :]}"
