import acme_typed


def test_double():
    assert acme_typed.double(21) == 42
