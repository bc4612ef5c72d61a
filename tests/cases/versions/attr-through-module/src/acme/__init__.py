from . import _build as _version

__version__ = _version.VERSION
