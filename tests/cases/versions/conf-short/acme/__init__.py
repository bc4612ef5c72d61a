__author__ = 'x'
__version__ = '1.35.1'
