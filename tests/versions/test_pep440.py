"""Versions are read as packaging reads them, and written in the spelling of their place."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from packaging.version import InvalidVersion, Version

from omni_release.versions.pep440 import equals, normalize, parse, version_of_tuple
from omni_release.versions.spelling import NoSpelling, respell

numbers = st.integers(0, 40)
versions = st.builds(
    lambda release, pre, post, dev: ".".join(map(str, release)) + pre + post + dev,
    st.lists(numbers, min_size=2, max_size=4),
    st.one_of(st.just(""), st.builds(lambda word, n: f"{word}{n}", st.sampled_from(["a", "b", "rc"]), numbers)),
    st.one_of(st.just(""), st.builds(lambda n: f".post{n}", numbers)),
    st.one_of(st.just(""), st.builds(lambda n: f".dev{n}", numbers)),
)
spelled = st.builds(
    lambda v, release, sep, word, sep2, n: f"{v}{release}{sep}{word}{sep2}{n}",
    st.sampled_from(["", "v", "V"]),
    st.sampled_from(["1.2", "1.02.3", "1!2.0", "2026.08.17"]),
    st.sampled_from(["", ".", "-", "_"]),
    st.sampled_from(["a", "ALPHA", "beta", "c", "rc", "preview", "post", "rev", "dev"]),
    st.sampled_from(["", ".", "-", "_"]),
    st.one_of(st.just(""), numbers.map(str)),
)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)  # on a busy machine
@given(st.one_of(versions, spelled, st.text("0123456789.abrcdevpost-_+!v", max_size=14)))
def test_read_as_packaging_reads(value: str) -> None:
    """The same strings are versions, and normalise to the same."""
    try:
        theirs = str(Version(value))
    except InvalidVersion:
        assert parse(value) is None
    else:
        assert normalize(value) == theirs


@given(versions, versions)
def test_compared_as_packaging_compares(one: str, other: str) -> None:
    """Equal and in order as packaging has it."""
    first, second = parse(one), parse(other)
    assert first is not None
    assert second is not None
    assert equals(one, other) == (Version(one) == Version(other))
    assert (first.key < second.key) == (Version(one) < Version(other))


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)  # on a busy machine
@given(st.one_of(versions, spelled), versions)
def test_a_string_keeps_its_meaning(old: str, new: str) -> None:
    """Whatever stood there, what is written is the new version."""
    if parse(old):
        assert equals(respell(old, new), new)


@given(versions, versions)
def test_semver_keeps_its_meaning(old: str, new: str) -> None:
    """npm's and Cargo's spelling says the same version, or is refused."""
    try:
        said = respell(respell(old, old, "semver"), new, "semver")
    except NoSpelling:
        return
    assert equals(said, new, "semver")


@given(st.tuples(numbers, numbers, numbers), versions)
def test_tuples_keep_their_meaning(old: tuple[int, int, int], new: str) -> None:
    """A tuple's items say the same version, or it is refused; and they go back to what they were."""
    items = ", ".join(map(str, old))
    try:
        said = respell(items, new, "tuple")
    except NoSpelling:
        return
    assert equals(version_of_tuple(said) or "", new)
    if len((parse(new) or parse("0")).release) <= 3:  # type: ignore[union-attr]  # both are versions
        assert respell(said, ".".join(map(str, old)), "tuple") == items


@pytest.mark.parametrize(
    ("old", "new", "form", "said"),
    [
        ("1.1.0-alpha.7", "1.1.0b1", "", "1.1.0-beta.1"),
        ("1.1.0", "1.2.0a1", "semver", "1.2.0-alpha.1"),
        ("1.1.0", "1.2.0.post1", "semver", "1.2.0+post.1"),
        ("1.1.0", "1.2", "semver", "1.2.0"),
        ("1.1.0-rc.1", "1.2.0", "semver", "1.2.0"),
        ("2026.08.17", "2026.9.1", "", "2026.09.01"),
        ("2026.8.17", "2026.09.01", "", "2026.9.1"),
        ("v1.0", "1.1", "", "v1.1"),
        ("3.2.0.dev", "3.3.0.dev0", "", "3.3.0.dev"),
        ("1, 2, 3, 'final', 0", "2.0b4", "tuple", "2, 0, 0, 'beta', 4"),
        ('1, 2, 3, "rc1"', "1.2.3", "tuple", "1, 2, 3"),
        ("1,2,3", "1.3.0rc2", "tuple", '1,3,0,"rc2"'),
        ("1.2", "1.3.4", "short", "1.3"),
        ("03", "1.3.4", "part:2", "04"),
        ("", "1.3.4rc1", "part:suffix", "rc1"),
    ],
)
def test_spellings(old: str, new: str, form: str, said: str) -> None:
    """Each place's own."""
    assert respell(old, new, form) == said


@pytest.mark.parametrize(
    ("old", "new", "form"),
    [("1.0.0", "1!2.0", "semver"), ("1.0.0", "1.2.3.4", "semver"), ("1", "1.2rc1", "part:0"), ("1, 2", "1!2", "tuple")],
)
def test_what_has_no_spelling(old: str, new: str, form: str) -> None:
    """It is refused, not guessed."""
    with pytest.raises(NoSpelling):
        respell(old, new, form)
