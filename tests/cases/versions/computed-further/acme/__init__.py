from acme.version import __version__, version_info
