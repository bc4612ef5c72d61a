"""What the layer costs: 200 requests against an emulator that answers at once, by the bare SDK and by ours.

Ours checks the request, sends ratio and size, reads type and size from the bytes, decodes the image, reckons the cost
and keeps a record; the bare SDK hands over what it parsed. The emulator runs in a process of its own. The two take
turns request by request, and the medians are compared, so that the machine's own speed drops out. The bound is one for
the default model, which answers with JPEG; a PNG takes Pillow three times as long to decode, and is shown beside it.
"""

from __future__ import annotations

import asyncio
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable

REQUESTS, MOST = 200, 1.15
PRO, FLASH = "gemini-3-pro-image", "gemini-3.1-flash-image"


async def run(url: str, model: str) -> float:
    from google import genai

    from omni_release.images import GeminiImageProvider, ImageRequest, ResilientProvider

    client = genai.Client(api_key="k", http_options=genai.types.HttpOptions(base_url=url))
    config = {"response_modalities": ["TEXT", "IMAGE"], "image_config": {"aspect_ratio": "16:9", "image_size": "1K"}}
    async with GeminiImageProvider(model, "k", url) as first, GeminiImageProvider(FLASH, "k", url) as second:
        ours = ResilientProvider(first, second)

        async def bare() -> None:
            answer = await client.aio.models.generate_content(model=model, contents="an axolotl", config=config)
            assert answer.candidates[0].content.parts[-1].inline_data.data

        async def mine() -> None:
            assert (await ours.generate(ImageRequest("an axolotl"))).data

        async def seconds(work: Callable[[], Awaitable[None]]) -> float:
            begun = time.perf_counter()
            await work()
            return time.perf_counter() - begun

        for _ in range(20):
            await bare()
            await mine()
        pairs = [(await seconds(bare), await seconds(mine)) for _ in range(REQUESTS)]
    await client.aio.aclose()
    theirs, own = (statistics.median(times) for times in zip(*pairs, strict=True))
    ratio = own / theirs
    print(f"{model}: bare SDK {theirs * 1000:.2f} ms, omni-release {own * 1000:.2f} ms, {ratio:.3f} times")
    return ratio


def main() -> int:
    command = [sys.executable, "-m", "omni_release", "emulate", "gemini"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, encoding="utf-8") as emulator:
        assert emulator.stdout is not None
        try:
            url = emulator.stdout.readline().strip()
            ratio = asyncio.run(run(url, PRO))
            asyncio.run(run(url, FLASH))
            print(f"{PRO}: {ratio:.3f} times, and at most {MOST} are claimed")
            return 0 if ratio <= MOST else 1
        finally:
            emulator.terminate()


if __name__ == "__main__":
    sys.exit(main())
