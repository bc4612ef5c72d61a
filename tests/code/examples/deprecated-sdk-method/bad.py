from google import genai


def one(client, prompt):
    return client.models.generate_images(model=MODEL, prompt=prompt)  # bad


async def two(prompt):
    client = genai.Client()
    return await client.aio.models.edit_image(model=MODEL, prompt=prompt, reference_images=[])  # bad


class Painter:
    def __init__(self):
        self._client = genai.Client()

    def paint(self, prompt):
        images = self._client.models.generate_images(  # bad
            model=MODEL,
            prompt=prompt,
        )
        return images


async def talk(client, text):
    async with client.aio.live.connect(model=MODEL) as session:
        await session.send(input=text, end_of_turn=True)  # bad
        async for message in session.start_stream(stream=STREAM, mime_type="audio/pcm"):  # bad
            print(message)
