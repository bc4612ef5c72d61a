from configparser import ConfigParser
import setuptools
config = ConfigParser(delimiters=["="])
config.read("settings.ini")
cfg = config["DEFAULT"]
setuptools.setup(name=cfg["lib_name"], version=cfg["version"], packages=setuptools.find_packages())
