from acme.version import acme_VERSION_STRING as __version__
