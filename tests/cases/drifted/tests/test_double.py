import acme_drifted


def test_double():
    assert acme_drifted.double(21) == 42
