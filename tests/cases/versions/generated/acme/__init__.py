from acme._version import __version__
