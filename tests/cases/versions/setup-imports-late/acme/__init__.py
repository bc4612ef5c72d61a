from .core import __version__, shown
