import logging
from typing import Optional

logger = logging.getLogger(__name__)


def in_so_many_words(client, picture):
    try:
        return client.refine(picture)  # meant below
    except OSError as error:
        logger.error("refine failed: %s", error)
        return None


def annotated(path) -> Optional[bytes]:
    try:
        return path.read_bytes()  # meant below
    except OSError as error:
        logger.error("no picture: %s", error)


def documented(path):
    """The picture, or None where it cannot be read."""
    try:
        return path.read_bytes()  # meant below
    except OSError as error:
        logger.error("no picture: %s", error)


def otherwise_none(path):
    if not path:
        return None
    try:
        return path.read_bytes()  # meant below
    except OSError as error:
        logger.error("no picture: %s", error)


def not_always(client):
    try:
        if answer := client.poll():
            return answer
        logger.info("nothing yet")  # meant below
    except OSError:
        logger.exception("cannot poll")
