import acme_flat


def test_double():
    assert acme_flat.double(21) == 42
