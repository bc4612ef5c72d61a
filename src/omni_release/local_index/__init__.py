"""The rehearsal index: takes and refuses what PyPI does, serves the simple API, and goes wrong when told to."""
