_major, _minor, _micro = 1, 2, 3
__version__ = '%d.%d.%d' % (_major, _minor, _micro)
