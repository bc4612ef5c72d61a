import acme_env


def test_double():
    assert acme_env.double(21) == 42
