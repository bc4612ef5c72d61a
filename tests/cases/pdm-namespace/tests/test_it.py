import acme_space.tools


def test_double():
    assert acme_space.tools.double(21) == 42
