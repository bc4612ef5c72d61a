from acme.utils import get_version

VERSION = (1, 2, 3, 'final', 0)

__version__ = get_version(VERSION)
