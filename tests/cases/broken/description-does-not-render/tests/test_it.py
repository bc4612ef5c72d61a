import acme_rst


def test_double():
    assert acme_rst.double(21) == 42
