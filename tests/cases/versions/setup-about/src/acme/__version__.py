__title__ = "acme"
__version__ = "2.32.3"
__build__ = 0x023203
