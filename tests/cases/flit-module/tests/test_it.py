import acme_module


def test_double():
    assert acme_module.double(21) == 42
