import acme_paint


def test_version():
    assert acme_paint.__version__ == "1.2.3"
