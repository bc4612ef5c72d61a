import pytest

from acme_paint import paint


@pytest.mark.smoke
def test_paint():
    assert len(paint("a paper crane")) > 100
