"""A plug-in of acme that shouts."""

__version__ = "0.4.0"

from acme import plugins


def are_there_others() -> bool:
    """Whether this is not the only plug-in."""
    return len(plugins()) > 1


def shout(text: str) -> str:
    """The text, louder."""
    return text.upper() + "!"
