import os
import re

from setuptools import setup

here = os.path.dirname(__file__)
with open(os.path.join(here, "acme", "__version__.py")) as file:
    version = re.search(r'__version__ = "(.*)"', file.read())[1]

setup(name="acme", version=version)
