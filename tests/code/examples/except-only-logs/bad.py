import logging

logger = logging.getLogger(__name__)


def generate(client, prompt):
    try:
        return client.generate(prompt)  # bad below
    except Exception:
        logger.exception("generate failed")


class Painter:
    def picture(self, path) -> bytes:
        if path:
            try:
                return path.read_bytes()  # bad below
            except OSError as error:
                self.logger.error("no picture: %s", error)


def parsed(text):
    try:
        return loads(text)  # bad below
    except (ValueError, KeyError) as error:
        print(f"cannot read it: {error}")


def asked(client, prompt) -> Answer | None:
    try:
        answer = client.models.generate_content(model=MODEL, contents=prompt)
        return Answer(answer.text)  # bad below
    except Exception:
        logger.exception("the model does not answer")
        return None
