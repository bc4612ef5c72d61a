from .package_data import __version__
