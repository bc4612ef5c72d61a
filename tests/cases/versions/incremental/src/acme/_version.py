from incremental import Version

__version__ = Version("acme", 26, 10, 0)
__all__ = ["__version__"]
