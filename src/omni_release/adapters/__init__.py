"""The implementations of the interfaces in core/world.py; imported only by `cli` and `run`."""
