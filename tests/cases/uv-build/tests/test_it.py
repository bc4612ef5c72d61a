import acme_uv


def test_double():
    assert acme_uv.double(21) == 42
