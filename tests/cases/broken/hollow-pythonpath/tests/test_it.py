import acme_hollow


def test_double():
    assert acme_hollow.double(21) == 42
