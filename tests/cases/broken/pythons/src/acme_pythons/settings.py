"""Reads settings."""

import tomllib


def parse(text):
    """The tables of a TOML document."""
    return tomllib.loads(text)
