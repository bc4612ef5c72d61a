"""Programs that a lane starts, each in a process of its own.

`build` runs on our interpreter. `probe` runs on the interpreter of an environment under test, where nothing of ours is
installed: it is started as a file, uses the standard library alone, and writes what it found to a file.
"""
