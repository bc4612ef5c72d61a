import acme_here


def test_double():
    assert acme_here.double(21) == 42
