"""The core."""

from acme_core import double


def test_double() -> None:
    assert double(2) == 4
