from setuptools import setup

setup(
    name="acme",
    version="1.2.3",
    python_requires=">=3.8",
    install_requires=["babel==1.2.3"],
)
