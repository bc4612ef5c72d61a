import os
from setuptools import setup
about = {}
here = os.path.abspath(os.path.dirname(__file__))
with open(os.path.join(here, "src", "acme", "__version__.py"), "r", "utf-8") as f:
    exec(f.read(), about)
setup(name=about["__title__"], version=about["__version__"])
