from google import genai


async def talk(config):
    client = genai.Client(api_key=KEY)  # good
    async with client.aio.live.connect(model=MODEL, config=config) as session:
        await session.send_realtime_input(text="hello")
