__version_info__ = (3, 2, 3)
__version__ = ".".join(map(str, __version_info__))
