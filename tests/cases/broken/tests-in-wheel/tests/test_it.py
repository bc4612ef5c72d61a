import acme_more


def test_double():
    assert acme_more.double(21) == 42
