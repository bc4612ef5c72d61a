# -*- coding: latin-1 -*-
"""Café."""

__author__, __version__ = "é", '1.2.3'	# ü