from .consts import author
from .consts import version

__version__ = version
__author__ = author
