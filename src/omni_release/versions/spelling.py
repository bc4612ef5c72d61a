"""A new version in the spelling of the place that it is written to. Its forms are those of `pep440`."""

from __future__ import annotations

import re

from omni_release.versions.pep440 import (
    CANDIDATE,
    FINAL,
    ITEM,
    PATTERN,
    SEPARATOR,
    STAGES,
    Version,
    parse,
    quoted,
    version_of_tuple,
)

_LONG = {"a": "alpha", "b": "beta", "rc": "rc"}
_PARTS = 3
_LEVEL = re.compile(r",\s*(?:(?P<rc>release_candidate|prerelease)|post|dev)\s*=\s*\d")


class NoSpelling(ValueError):
    """A version that has no spelling in a place's form."""


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
        return _listed(old, version)
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
    shown, typed = PATTERN.fullmatch(old.strip()), PATTERN.fullmatch(new.strip())
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
    if part == "pre" and STAGES[word.lower()] != (stage := STAGES[typed["pre_word"].lower()]):
        long = len(word) > 2 or bool(shown["pre_sep"])
        word = (_LONG[stage] if long else stage).upper() if word.isupper() else _LONG[stage] if long else stage
    if not shown[f"{part}_n"] and not int(number):
        number = ""
    return f"{shown[f'{part}_sep']}{word}{shown[f'{part}_sep2'] if number else ''}{number}"


def _semver(old: str, new: str, version: Version) -> str:
    if version.epoch or (len(version.release) > _PARTS and any(version.release[_PARTS:])):
        raise NoSpelling(f"{new} cannot be written with three numbers")
    text = ".".join(map(str, (*version.release, 0, 0)[:_PARTS]))
    shown = PATTERN.fullmatch(old.strip())
    typed = PATTERN.fullmatch(new.strip())
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


def _tuple(old: str, version: Version, quote: str) -> str:
    found = list(ITEM.finditer(old))
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
    if not suffix and word["word"] not in FINAL:
        return text
    stage = suffix if word["word"].startswith(".") else suffix.removeprefix(".")
    return text + old[at : word.start("word")] + (stage or word["word"]) + old[word.end("word") :]


def _listed(old: str, version: Version) -> str:
    """`1, 3, 0, final, 0`, or with another separator: `1-3-0`."""
    separator = SEPARATOR.search(old)
    assert separator is not None, old
    items = _tuple(quoted(", ".join(old.split(separator[0]))), version, '"')
    return items.replace('"', "").replace(", ", separator[0])


def _signed(old: str, version: Version) -> str:
    """`1, 3, 0, 0` for a release; the same negative number for a development version."""
    if version.pre or version.post is not None or version.epoch or version.local:
        raise NoSpelling(f"only the project knows the last number of ({old}) for {version}: write the tuple by hand")
    found = list(ITEM.finditer(old))
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
    if level := _LEVEL.search(old):
        return _leveled(old[: level.start()], level["rc"], version, quote)
    if [bool(match["word"]) for match in ITEM.finditer(old)][-2:] == [True, False]:
        return _tuple(old, version, quote)
    count = sum(match["int"] is not None for match in ITEM.finditer(old))
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


def _leveled(numbers: str, candidate: str | None, version: Version, quote: str) -> str:
    """`1, 2, 3, release_candidate=1, dev=0`: the levels of a type as arguments with names."""
    text = _tuple(numbers, version._replace(pre=None, post=None, dev=None), quote)
    if version.pre and version.pre[0] != "rc":
        raise NoSpelling(f"{version} has no argument: write ({text}, …) by hand")
    levels = {candidate or "release_candidate": version.pre and version.pre[1], "post": version.post}
    levels["dev"] = version.dev
    return text + "".join(f", {name}={number}" for name, number in levels.items() if number is not None)


def _staged(old: str, at: int, rest: list[re.Match[str]], version: Version) -> str:
    """The end of `1, 2, 3, "rc", 1`: a stage and its number."""
    stages = [version.pre, version.post, version.dev]
    if sum(stage is not None for stage in stages) > 1:
        raise NoSpelling(f"{version} cannot be written in the tuple ({old})")
    stage, number = ("final", 0) if version.pre is None else version.pre
    short = rest[0]["word"] in ("a", "b")
    stage = stage if short else _LONG.get(stage, stage)
    stage = CANDIDATE if stage == "rc" and rest[0]["word"] == CANDIDATE else stage
    if stage == "final" and rest[0]["word"] in FINAL:
        return old[at:]  # the number after "final" is the project's choice
    if version.post is not None or version.dev is not None:
        stage, number = ("post", version.post) if version.post is not None else ("dev", version.dev or 0)
    between = old[rest[0].end("word") : rest[1].start()]
    return f"{old[at : rest[0].start('word')]}{stage}{between}{number}{old[rest[1].end() :]}"
