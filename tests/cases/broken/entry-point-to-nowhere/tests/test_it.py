import acme_entry


def test_double():
    assert acme_entry.double(21) == 42
