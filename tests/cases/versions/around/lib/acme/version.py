from importlib.metadata import version as _version
acme_VERSION_STRING = _version("acme")
