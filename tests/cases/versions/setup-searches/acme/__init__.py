VERSION = (1, 13, 1)
__version__ = "%s.%s.%s" % VERSION
