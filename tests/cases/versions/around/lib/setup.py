import setuptools
VERSION = "1.40.0"  # PEP-440
NAME = "acme"
setuptools.setup(name=NAME, version=VERSION)
