__version__ = "3.3.1"


def shown():
    return __version__
