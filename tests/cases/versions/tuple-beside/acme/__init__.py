__version__ = "1.2.3"
version_info = (1, 2, 3)
__version_info__ = ('1', '2', '3',)
