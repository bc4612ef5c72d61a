import acme_class


def test_double():
    assert acme_class.double(21) == 42
