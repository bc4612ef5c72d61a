import acme_old


def test_double():
    assert acme_old.double(21) == 42
