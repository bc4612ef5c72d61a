try:
    from acme._built import __version__
except ImportError:
    __version__ = "1.2.3"
