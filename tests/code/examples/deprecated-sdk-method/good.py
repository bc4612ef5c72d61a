from google import genai


def one(client, prompt):
    return client.models.generate_content(model=MODEL, contents=prompt)  # good


def two(painter, prompt):
    return painter.generate_images(prompt)  # good: another object's method


async def talk(client, connection, text):
    async with client.aio.live.connect(model=MODEL) as session:
        await session.send_client_content(turns=text)  # good
        await connection.send(text)  # good
