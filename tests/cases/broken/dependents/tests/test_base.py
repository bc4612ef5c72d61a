import acme_base


def test_double():
    assert acme_base.double(2) == 4
