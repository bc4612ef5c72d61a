import acme_sound


def test_double():
    assert acme_sound.double(21) == 42
