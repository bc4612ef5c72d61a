from acme_pythons import settings


def test_parse():
    assert settings.parse("") == {}
