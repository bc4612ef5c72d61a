"""The pictures of the README, drawn from real runs of the case projects: `nox -s pictures`."""
