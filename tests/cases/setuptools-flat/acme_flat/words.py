"""The data file that comes with the package."""

from importlib.resources import files


def words():
    """Its words."""
    return files("acme_flat").joinpath("data/words.txt").read_text(encoding="utf-8").split()
