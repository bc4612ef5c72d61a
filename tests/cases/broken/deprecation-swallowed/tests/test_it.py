import acme_swallow


def test_double():
    assert acme_swallow.double(21) == 42
