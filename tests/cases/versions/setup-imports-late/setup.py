from setuptools import setup


def build():
    from acme import __version__ as version

    setup(name="acme", version=version, packages=["acme"])


build()
