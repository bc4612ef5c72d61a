"""Each recorded body of an OpenAI-shaped service through the real client: the result or the error, calls, cost."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from omni_release.images import ImageRequest, ImageResult, OpenAIImageProvider, Policy, ResilientProvider, errors
from tests.images.conftest import OPENAI_EVIDENCE, Answers, EventLog, run

pytestmark = pytest.mark.skipif(
    not OPENAI_EVIDENCE.is_dir(), reason="the recorded traffic is not beside the checkout (OMNI_RELEASE_EVIDENCE)"
)

IMAGES = "crmne_ruby_llm__image_"
TABLE = [
    # a part of the file's name, the model it is called as, its result (mime, size, cost) or error, calls
    (f"{IMAGES}basic_functionality_openai_gpt-image-1_can", "gpt-image-1", ("image/png", 1024, 1024, 0.16645), 1),
    (f"{IMAGES}basic_functionality_xai", "grok-imagine-image", ("image/jpeg", None, None, 0.02), 1),
    (f"{IMAGES}edit_functionality_with_flexible", "gpt-image-2", ("image/png", 1536, 864, 0.004172), 1),
    (f"{IMAGES}edit_functionality_with_local", "gpt-image-1.5", ("image/png", 1024, 1024, 0.011821), 1),
    ("having_invalid_content_type", "gpt-image-1.5", errors.RequestRejected, 1),
    ("that_returns_404", "gpt-image-1.5", errors.RequestRejected, 1),
    ("raises_appropriate_auth_error", "gpt-image-2", errors.ConfigurationError, 1),
    ("context_length_exceeded", "gpt-image-2", errors.RequestRejected, 1),
    ("suggestion[openai-chat]", "gpt-image-2", errors.ModelNotFound, 1),
    ("suggestion[groq]", "gpt-image-2", errors.ModelNotFound, 1),
    ("suggestion[anthropic]", "gpt-image-2", errors.ModelNotFound, 1),
    ("suggestion[bedrock]", "gpt-image-2", errors.RequestRejected, 1),
]


def responses_of(name: str) -> list[tuple[int, Any]]:
    """The recorded replies of a file: Ruby VCR's, or those of a serializer that keeps a parsed body."""

    (path,) = (path for path in OPENAI_EVIDENCE.iterdir() if name in path.name)
    recorded = yaml.safe_load(path.read_text(encoding="utf-8").replace(" !binary", " !!binary"))
    replies: list[tuple[int, Any]] = []
    for one in recorded.get("http_interactions") or recorded["interactions"]:
        response = one["response"]
        body = response.get("parsed_body")
        if body is None:
            body = response["body"]["string"]
            body = body if isinstance(body, bytes) else body.encode()
        replies.append((response["status"]["code"], body))
    return replies


@pytest.mark.parametrize(("name", "model", "expected", "calls"), TABLE, ids=[row[0] for row in TABLE])
def test_recorded(name: str, model: str, expected: Any, calls: int) -> None:
    """It comes out as in the table; a failure is not billed."""
    replies = responses_of(name)
    with Answers(*replies) as server:
        if isinstance(replies[0][1], bytes) and b'[{"url"' in replies[0][1]:  # its second request comes to this server
            document = json.loads(replies[0][1])
            document["data"][0]["url"] = f"{server.url}/image.jpeg"
            server.replies[0] = (200, document)

        async def work() -> ImageResult | errors.ImageError:
            one = OpenAIImageProvider(model, "k" * 20, f"{server.url}/v1", 20.0, vendor="recorded", environment={})
            async with ResilientProvider(one, None, Policy(backoff=0), log=EventLog()) as images:
                try:
                    return await images.generate(ImageRequest("a siamese cat", "quote_card"))
                except errors.ImageError as error:
                    return error

        came = run(work)
    assert len(came.attempts) == calls
    if isinstance(came, ImageResult):
        mime_type, width, height, cost = expected
        assert came.mime_type == mime_type
        assert width is None or (came.width, came.height) == (width, height)
        assert came.cost_usd == pytest.approx(cost)
    else:
        assert type(came) is expected
        assert came.cost_usd == 0.0
        assert came.hint
