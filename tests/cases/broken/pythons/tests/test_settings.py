import pytest

settings = pytest.importorskip("acme_pythons.settings")


def test_parse():
    assert settings.parse("") == {}
