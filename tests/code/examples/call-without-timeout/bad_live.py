from google import genai


async def talk(config):
    client = genai.Client(api_key=KEY)  # bad
    async with client.aio.live.connect(model=MODEL, config=config) as session:
        await session.send_realtime_input(text=client.models.generate_content(model=MODEL, contents="hello").text)
