__version__ = "3.9"
