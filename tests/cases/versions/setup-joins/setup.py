import os

from setuptools import setup

package_name = "acme"
_locals = {}
with open(os.path.join(package_name, "_version.py")) as file:
    exec(file.read(), None, _locals)

setup(name=package_name, version=_locals["__version__"], packages=[package_name])
