from .__version__ import __version__, __build__
