"""Versions as people spell them: read as PEP 440 reads them, and written as the place at hand writes its own.

Forms: `` (a string), `semver` (npm, Cargo), `tuple` (the items of a Python tuple), `call` (the arguments of a type),
`release` (a tuple of numbers beside a string that says it all), `part:N` and `part:suffix` (one component of several;
`part:N+` where there is a suffix beside it, `part:Ns` where the last one holds it), `short` (its first components).
"""

from __future__ import annotations

import re
from collections import namedtuple

TYPE_CHECKING = False  # as the type checker knows it; importing it costs a start and a half
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
        said = f"{self.epoch}!" if self.epoch else ""
        said += ".".join(map(str, self.release))
        said += "" if self.pre is None else f"{self.pre[0]}{self.pre[1]}"
        said += "" if self.post is None else f".post{self.post}"
        said += "" if self.dev is None else f".dev{self.dev}"
        return f"{said}+{self.local}" if self.local else said

    @property
    def key(self) -> tuple[Any, ...]:
        """Equal for versions that are the same, and in their order; trailing zeros do not count."""
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
    """The version that a string is; None where PEP 440 knows none."""
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
    """The version, spelled as PEP 440 normalises it; what is no version as it is."""
    version = parse(value)
    return str(version) if version else value


def equals(value: str, other: str, form: str = "") -> bool:
    """Is `value`, which stands in a place of this form, the version `other`? A `short` one is its beginning."""
    if value == other:
        return True
    if form == "semver":
        value = _SEMVER_POST.sub(r".post\1", value)
    one, two = parse(value), parse(other)
    if not one or not two:
        return False
    if form == "release":
        return one.key[:2] == two._replace(pre=None, post=None, dev=None).key[:2]
    if form == "short":
        return one.release == two.release[: len(one.release)] and one.epoch == two.epoch
    return one.key == two.key


def respell(old: str, new: str, form: str = "", quote: str = '"') -> str:
    """`new` (as it was typed), in the spelling of a place where `old` stands. Raises CannotSpell."""
    version = parse(new)
    if version is None:
        raise NoSpelling(f"{new!r} is no version")
    if form == "semver":
        return _semver(old, new, version)
    if form == "release":
        return _tuple(old, version._replace(pre=None, post=None, dev=None, local=""), quote)
    if form == "tuple":
        return _tuple(old, version, quote)
    if form == "call":
        return _call(old, version, quote)
    if form.startswith("part:"):
        return _part(old, version, form[5:])
    if form == "short":
        count = len((parse(old) or version).release)
        return _styled(old, ".".join(map(str, (*version.release, 0, 0)[:count])))
    return _styled(old, new)


def _styled(old: str, new: str) -> str:
    """`new` with the prefix, the padding and the separators that `old` shows; what it does not show, as typed."""
    shown, typed = _PATTERN.fullmatch(old.strip()), _PATTERN.fullmatch(new.strip())
    assert typed is not None, new
    if shown is None:
        return new.strip()
    said = shown["v"] + (f"{typed['epoch']}!" if typed["epoch"] else "") + _release(shown["release"], typed["release"])
    for part in ("pre", "post", "dev"):
        if typed[part]:
            said += _segment(part, shown, typed) if shown[part] else typed[part]
    return said + (f"+{typed['local']}" if typed["local"] else "")


def _release(shown: str, typed: str) -> str:
    olds, news = shown.split("."), typed.split(".")
    widths = [len(old) if old[0] == "0" and len(old) > 1 else 0 for old in olds]
    if any(widths):
        # 2026.08.17: each component that is padded stays so, and one that could not show it follows.
        widths = [width or (2 if len(old) == 2 else 0) for width, old in zip(widths, olds, strict=True)]
    elif all(len(old) > 1 for old in olds[1:]):
        return typed  # nothing shows whether it would be padded
    widths += [0] * len(news)
    return ".".join(str(int(new)).zfill(width) for new, width in zip(news, widths, strict=False))


def _segment(part: str, shown: re.Match[str], typed: re.Match[str]) -> str:
    """`-alpha.7` in the words and separators of the old one; a number is left out where it was, and is 0."""
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
        raise NoSpelling(f"{new} has no spelling with three numbers")
    said = ".".join(map(str, (*version.release, 0, 0)[:_PARTS]))
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
        raise NoSpelling(f"{new} has no spelling in npm or Cargo")
    build += [version.local] if version.local else []
    prefix = "v" if shown and shown["v"] else ""
    return prefix + said + ("-" + ".".join(tail) if tail else "") + ("+" + build[0] if build else "")


def _part(old: str, version: Version, which: str) -> str:
    suffix = str(Version(0, (), version.pre, version.post, version.dev, version.local))
    if which == "suffix":
        return suffix[1:] if suffix.startswith(".") and old[:1].isalpha() else suffix
    if version.epoch or any(version.release[_PARTS:]) or (suffix and not which.endswith(("+", "s"))):
        raise NoSpelling(f"{version} does not fit into parts that are numbers")
    number = int(which.rstrip("+s"))
    if which == "2s":
        return f"{(*version.release, 0, 0)[2]}{suffix}"
    said = str((*version.release, 0, 0)[number])
    return said.zfill(len(old)) if len(old) > 1 and old[0] == "0" else said


_ITEM = re.compile(
    r"""(?P<int>\d+|(?<=")\d+(?=")|(?<=')\d+(?='))|(?P<quote>["'])(?P<word>[A-Za-z.][A-Za-z0-9.]*|)(?P=quote)"""
)


def version_of_tuple(items: str) -> str | None:
    """The version that the items of a tuple say (`1, 2, 3, "final", 0`); None where they say none."""
    found = list(_ITEM.finditer(items))
    numbers = [match["int"] for match in found]
    count = next((at for at, number in enumerate(numbers) if number is None), len(found))
    rest = found[count:]
    if not count or len(rest) > 2 or (len(rest) == 2 and rest[1]["int"] is None):
        return None
    said = ".".join(str(int(number)) for number in numbers[:count])
    if not rest or (rest[0]["word"] in _FINAL):
        return said
    return said + rest[0]["word"] + (rest[1]["int"] if len(rest) == 2 else "")


def _tuple(old: str, version: Version, quote: str) -> str:
    found = list(_ITEM.finditer(old))
    count = next((at for at, match in enumerate(found) if match["int"] is None), len(found))
    rest = found[count:]
    release = version.release + (0,) * (count - len(version.release))
    if version.epoch or version.local or (rest and any(release[count:])):
        raise NoSpelling(f"{version} does not fit into the tuple ({old})")
    release = release[: max(count, len(version.release) if not rest else count)]
    comma = old[found[0].end() : found[1].start()] if len(found) > 1 else ", "
    suffix = str(Version(0, (), version.pre, version.post, version.dev, ""))
    said, at = "", 0
    for match, number in zip(found[:count], release, strict=False):
        said += old[at : match.start()] + str(number)
        at = match.end()
    said += "".join(f"{comma}{number}" for number in release[count:])
    if not rest:
        # A dot of its own (.dev0) would be one too many where the items are joined with dots.
        return said + (f"{comma}{quote}{suffix.removeprefix('.')}{quote}" if suffix else "") + old[at:]
    if len(rest) == 2:
        return said + _staged(old, at, rest, version)
    word = rest[0]
    if not suffix and word["word"] not in _FINAL:
        return said
    text = suffix if word["word"].startswith(".") else suffix.removeprefix(".")
    return said + old[at : word.start("word")] + (text or word["word"]) + old[word.end("word") :]


def _call(old: str, version: Version, quote: str) -> str:
    """The numbers that a type is called with; how it wants to be told of a pre-release, it alone knows."""
    count = sum(match["int"] is not None for match in _ITEM.finditer(old))
    if (
        (parse(version_of_tuple(old) or "") or version).pre
        or version.pre
        or version.post is not None
        or version.dev is not None
    ):
        raise NoSpelling(f"{version} has no spelling in a call's arguments ({old})")
    if len(version.release) > count:
        raise NoSpelling(f"{version} does not fit into the arguments ({old})")
    return _tuple(old, version, quote)


def _staged(old: str, at: int, rest: list[re.Match[str]], version: Version) -> str:
    """The end of `1, 2, 3, "rc", 1`: a stage and its number."""
    stages = [version.pre, version.post, version.dev]
    if sum(stage is not None for stage in stages) > 1:
        raise NoSpelling(f"{version} does not fit into the tuple ({old})")
    stage, number = ("final", 0) if version.pre is None else version.pre
    short = rest[0]["word"] in ("a", "b")
    stage = stage if short else _LONG.get(stage, stage)
    if stage == "final" and rest[0]["word"] in _FINAL:
        return old[at:]  # what stands beside it is the project's own business
    if version.post is not None or version.dev is not None:
        stage, number = ("post", version.post) if version.post is not None else ("dev", version.dev or 0)
    between = old[rest[0].end("word") : rest[1].start()]
    return f"{old[at : rest[0].start('word')]}{stage}{between}{number}{old[rest[1].end() :]}"
