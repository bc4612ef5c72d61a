"""What a bump makes of each kind of version. The table stands in docs/versions.md, and the tests are that table."""

from __future__ import annotations

from omni_release.core.errors import UsageError
from omni_release.versions.pep440 import Version, parse

PARTS = ("major", "minor", "patch", "alpha", "beta", "rc", "post", "dev", "stable")
_STAGES = {"alpha": "a", "beta": "b", "rc": "rc"}
_NUMBERS = {"major": 0, "minor": 1, "patch": 2}


def bumped(current: str, part: str) -> str:
    """The version that follows `current`. Raises UsageError where there is none."""
    version = parse(current)
    if version is None:
        raise UsageError(f"{current!r} is no version that could be bumped", "Say omni-release version set X.")
    version = version._replace(local="")
    if part in _NUMBERS:
        return str(_number(version, _NUMBERS[part]))
    if part in _STAGES:
        return str(_stage(version, _STAGES[part], part))
    return str({"post": _post, "dev": _dev, "stable": _stable}[part](version))


def _number(version: Version, which: int) -> Version:
    """The next one at this component; a pre-release that leads to exactly such a version becomes it."""
    release = version.release + (0,) * (which + 1 - len(version.release))
    leads = version.pre is not None or (version.dev is not None and version.post is None)
    if not (leads and not any(release[which + 1 :])):
        release = (*release[:which], release[which] + 1, *(0 for _ in release[which + 1 :]))
    return Version(version.epoch, release, None, None, None, "")


def _stage(version: Version, stage: str, part: str) -> Version:
    final = version._replace(pre=None, post=None, dev=None)
    if version.pre is None:
        before = version.dev is not None and version.post is None
        return (final if before else _next(final))._replace(pre=(stage, 1))
    name, number = version.pre
    if name > stage:
        raise UsageError(
            f"{version} is past its {part} releases", "Bump to a later stage, or begin a new version: set X."
        )
    if name == stage:
        return final._replace(pre=(stage, number if version.dev is not None else number + 1))
    return final._replace(pre=(stage, 1))


def _post(version: Version) -> Version:
    if version.pre or (version.dev is not None and version.post is None):
        raise UsageError(f"{version} is no release that a post-release could follow", "Bump to stable first.")
    if version.dev is not None:
        return version._replace(dev=None)
    return version._replace(post=1 if version.post is None else version.post + 1)


def _dev(version: Version) -> Version:
    if version.dev is not None:
        return version._replace(dev=version.dev + 1)
    if version.post is not None:
        return version._replace(post=version.post + 1, dev=1)
    if version.pre:
        return version._replace(pre=(version.pre[0], version.pre[1] + 1), dev=1)
    return _next(version)._replace(dev=1)


def _stable(version: Version) -> Version:
    if version.dev is not None and version.post is not None:
        return version._replace(dev=None)
    if version.pre is None and version.dev is None:
        raise UsageError(f"{version} is stable already", "Bump major, minor or patch.")
    return version._replace(pre=None, post=None, dev=None)


def _next(version: Version) -> Version:
    """The smallest release after a final one: its last component (of three at least) plus one."""
    return _number(version._replace(pre=None, post=None, dev=None), max(2, len(version.release) - 1))
