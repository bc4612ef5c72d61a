import logging

logger = logging.getLogger(__name__)


def raised(client, prompt):
    try:
        return client.generate(prompt)  # good below
    except Exception:
        logger.exception("generate failed")
        raise


def told(client, prompt):
    try:
        return client.generate(prompt)  # good below
    except OSError as error:
        logger.error("generate failed: %s", error)
        return Failure(error)


def in_its_place(name, default):
    if name in environ:
        try:
            return int(environ[name])  # good below
        except ValueError:
            print(f"{name} is no number, {default} is taken")
    return default


def measured(span):
    try:
        span.end()  # good below
    except Exception:
        logger.exception("the span could not be ended")


def again(client, prompt):
    for _ in range(3):
        try:
            return client.generate(prompt)  # good below
        except OSError:
            logger.error("once more")
    raise GaveUp(prompt)


def expected(path):
    try:
        return path.read_bytes()  # good below
    except FileNotFoundError:
        logger.debug("not there")
        return None


def meant(hook):
    try:
        return hook()  # good below
    except Exception:
        # A hook of somebody else's must not stop the run.
        logger.exception("hook failed")


def what_ruff_finds(client, prompt):
    try:
        return client.generate(prompt)  # good below
    except Exception as error:
        logger.error("generate failed: %s", error)


def interrupted(client):
    try:
        return client.run()  # good below
    except KeyboardInterrupt:
        print("stopped")


def a_line_is_ended(client):
    try:
        return client.run()  # good below
    except EOFError:
        print()
