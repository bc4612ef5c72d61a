import logging

logger = logging.getLogger(__name__)


def generate(client, prompt):
    try:
        return client.generate(prompt)  # bad below
    except Exception:
        logger.exception("generate failed")


def refine(client, picture, instruction):
    try:
        response = client.refine(picture, instruction)
        return response.picture  # bad below
    except Exception as error:
        logger.error("refine failed: %s", error, exc_info=True)
        return None


class Painter:
    def picture(self, path):
        if path:
            try:
                return path.read_bytes()  # bad below
            except OSError as error:
                self.logger.error("no picture: %s", error)
        return None


def parsed(text):
    try:
        return loads(text)  # bad below
    except (ValueError, KeyError) as error:
        print(f"cannot read it: {error}")
