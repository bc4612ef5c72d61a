"""Looks at the world, one family a file. A check changes nothing."""
