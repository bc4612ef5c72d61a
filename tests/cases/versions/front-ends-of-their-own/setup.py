import io
from setuptools import setup
main_ns = {}
exec(open("acme/version.py", encoding="utf-8").read(), main_ns)
setup(name="acme", version=main_ns["__version__"])
