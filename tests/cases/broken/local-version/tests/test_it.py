import acme_local


def test_double():
    assert acme_local.double(21) == 42
