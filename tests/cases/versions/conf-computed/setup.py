from setuptools import setup
acme_VERSION = '2.9.13'
setup(name='acme', version=acme_VERSION)
