import iniconfig

from acme_flat.words import words


def test_words():
    assert words() == ["one", "two", "three"]
    assert iniconfig
