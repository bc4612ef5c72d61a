"""The text that is signed: it states one thing alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from omni_release.core.errors import UsageError
from omni_release.core.model import Artifact
from omni_release.publishing.approval_statement import Statement, of_run, parse, read

ARTIFACTS = (
    Artifact("Acme_Core-1.2.0-py3-none-any.whl", 1, "b" * 64),
    Artifact("acme_core-1.2.0.tar.gz", 1, "a" * 64),
)


def test_canonical() -> None:
    """The name is normalised, the files are sorted by their hash, and the text is read as the same statement."""
    statement = of_run(ARTIFACTS, "c" * 40)
    assert statement.text == (
        "omni-release approval 1\nproject acme-core\nversion 1.2.0\n"
        f"commit {'c' * 40}\nsha256 {'a' * 64} acme_core-1.2.0.tar.gz\n"
        f"sha256 {'b' * 64} Acme_Core-1.2.0-py3-none-any.whl\n"
    )
    assert parse(statement.text) == statement == of_run(ARTIFACTS[::-1], "c" * 40)


@pytest.mark.parametrize(
    "fields",
    [
        {"project": "acme\nversion 2"},
        {"project": "acme core"},
        {"project": ""},
        {"version": "1.2.0\ncommit x"},
        {"version": "1.2 .0"},
        {"version": "1.2.0\x1b[2K"},
        {"commit": "c" * 39},
        {"commit": "HEAD"},
        {"files": ()},
        {"files": (("b" * 64, "x"), ("a" * 64, "y"))},
        {"files": (("a" * 64, "x.whl\nsha256 y"),)},
        {"files": (("a" * 64, "x y.whl"),)},
        {"files": (("a" * 64, "-x.whl"),)},
        {"files": (("a" * 64, "ö.whl"),)},
        {"files": (("A" * 64, "x.whl"),)},
    ],
)
def test_no_field_is_ambiguous(fields: dict[str, object]) -> None:
    """No field has a blank, a line break or a control character, and the files are in order."""
    with pytest.raises(ValueError):
        replace(of_run(ARTIFACTS, "c" * 40), **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "change",
    [("1\n", "2\n"), ("project", "Project"), ("\nversion", "\n\nversion"), ("1.2.0\n", "1.2.0 \n"), ("sha256", "sha1")],
)
def test_another_spelling_is_malformed(change: tuple[str, str]) -> None:
    """A text that is not canonical is no statement, and the difference says so."""
    statement = of_run(ARTIFACTS, "c" * 40)
    text = statement.text.replace(*change)
    assert parse(text) is None
    assert "malformed" in statement.difference(text)


def test_nothing_to_approve() -> None:
    """A run without files, or without a commit, is refused with what to do."""
    for artifacts, commit in (((), "c" * 40), (ARTIFACTS, None)):
        with pytest.raises(UsageError) as refused:
            of_run(artifacts, commit)
        assert refused.value.hint


def test_a_text_that_is_large() -> None:
    """A megabyte of text is read at once, and of more nothing."""
    begin = "-----BEGIN SSH SIGNATURE-----\n"
    for text in ("x" * 1_000_000, begin * 30_000, "x\n" * 490_000 + begin, "-----END SSH SIGNATURE-----\n" * 30_000):
        assert all(approval.problem for approval in read(text, "here"))
    (approval,) = read("x" * 1_000_001, "here")
    assert "too large" in approval.problem
    assert Statement("acme", "1", "c" * 64, (("a" * 64, "x"),)).difference(approval.statement)
