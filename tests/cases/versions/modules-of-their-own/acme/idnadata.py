__version__ = "15.1.0"
scripts = {}
