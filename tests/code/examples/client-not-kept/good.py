from google import genai


def one(prompt):
    client = genai.Client()
    return client.models.generate_content(model=MODEL, contents=prompt)  # good


def two(prompt):
    with genai.Client() as client:
        return client.models.generate_content(model=MODEL, contents=prompt)  # good


class Painter:
    def __init__(self):
        self._client = genai.Client()  # good

    def paint(self, prompt):
        return self._client.models.generate_content(model=MODEL, contents=prompt)  # good


def asynchronous_half():
    client = genai.Client().aio  # good
    return client


def other_library():
    from docker import Client

    return Client().files("name")  # good
