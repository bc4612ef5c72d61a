import openai


def one(client, prompt):
    return client.models.generate_images(model=MODEL, prompt=prompt)  # good
