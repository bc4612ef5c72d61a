__title__ = "acme"
__version__ = "1.2.3"
__build__ = 0x010203
