__version__: Final = '8.3.0'
__display_version__: Final = __version__
#: Version info
version_info: Final = (8, 3, 0, 'beta', 0)
