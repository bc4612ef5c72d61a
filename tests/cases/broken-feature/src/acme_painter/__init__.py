"""Paints pictures, and changes them on request."""

from acme_painter.painter import Painter

__all__ = ["Painter"]
