import acme_data


def test_double():
    assert acme_data.double(21) == 42
