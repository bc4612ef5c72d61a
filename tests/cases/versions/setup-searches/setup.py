import ast
import re

from setuptools import setup


def version():
    with open("acme/__init__.py") as file:
        found = re.search("VERSION = (.*)", file.read())
    return ".".join(str(part) for part in ast.literal_eval(found.group(1)))


setup(name="acme", version=version(), packages=["acme"])
