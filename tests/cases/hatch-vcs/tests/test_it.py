import acme_vcs


def test_double():
    assert acme_vcs.double(21) == 42
