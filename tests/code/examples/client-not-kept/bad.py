import google.genai
from google import genai
from google.genai import Client


def one(prompt):
    return genai.Client(api_key=KEY).models.generate_content(model=MODEL, contents=prompt)  # bad


async def two(prompt):
    return await genai.Client().aio.models.generate_content(model=MODEL, contents=prompt)  # bad


def three():
    models = google.genai.Client().models  # bad
    return models.list()


def four():
    return Client(vertexai=True).chats.create(model=MODEL)  # bad
