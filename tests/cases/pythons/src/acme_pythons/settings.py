"""Reads settings, where Python has a parser for them."""

import sys

if sys.version_info >= (3, 11):
    import tomllib

    def parse(text):
        """The tables of a TOML document."""
        return tomllib.loads(text)

else:

    def parse(text):
        """No tables: there is no parser."""
        return {}
