"""Read the answers of the OpenAI images API: an image with its usage, or an error by its type and code.

An error is `{"error": {message, type, param, code}}`; Azure adds an inner error, other services write a text in place
of the object. It is judged by type and code, then by the status; never by its message. Sources: OpenAI's API
description of 2026-08-21, its guide to error codes, and recorded traffic.
"""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from omni_release.images.api_format import decode_base64, nested_field, replace_surrogates
from omni_release.images.error_mapping import model_not_found, retry_after
from omni_release.images.errors import (
    ConfigurationError,
    ContentRefused,
    CreditsExhausted,
    DamagedAnswer,
    ImageError,
    Overloaded,
    RateLimited,
    RequestRejected,
    ServiceFault,
    TimedOut,
)
from omni_release.images.model import Usage

_REFUSED = {
    *("moderation_blocked", "content_policy_violation", "content_filter", "contentfilter", "content_moderation"),
    *("responsibleaipolicyviolation", "safety_violation"),
}
_ACCOUNT = {
    *("insufficient_quota", "credit_balance_exhausted", "organization_spend_limit_exceeded", "billing_not_active"),
    *("project_spend_limit_exceeded", "organization_usage_limit_exceeded", "billing_hard_limit_reached"),
    *("insufficient_credits", "billing_error"),
}
_NO_MODEL = {"model_not_found", "deploymentnotfound", "modelnotfound", "not_found_error"}
_SET_UP = {
    *("invalid_api_key", "authentication_error", "permission_error", "permission_denied", "account_deactivated"),
    *("unsupported_country_region_territory", "organization_must_be_verified", "invalid_organization"),
    *("ip_not_authorized", "mismatched_organization"),
}
_OVERLOADED = {"slow_down", "server_is_overloaded", "service_unavailable_error", "overloaded_error"}
_RATE = {"rate_limit_error", "rate_limit_exceeded", "too_many_requests"}
_FAULT = {"server_error", "internal_server_error", "api_error", "internal_error"}
_TICKS = 10**10
"""Of a dollar, in xAI's `cost_in_usd_ticks`: inferred from a recorded image of $0.02."""


@dataclass(frozen=True)
class ImageAnswer:
    """An answer: its image, or the address that it is at; its usage; its cost, where the answer states it."""

    data: bytes | None
    url: str
    text: str
    usage: Usage | None
    cost_usd: float | None


def parse(body: bytes) -> ImageAnswer | Mapping[str, Any]:
    """The answer in a body; its error, if it has one in place of an answer. Raises DamagedAnswer for anything else."""
    try:
        document = json.loads(body.removeprefix(b"\xef\xbb\xbf"))
    except (ValueError, RecursionError) as error:
        reason = str(error)
    else:
        if isinstance(document, dict) and document.get("error") and not document.get("data"):
            return document
        return _parse_document(document)
    raise DamagedAnswer(f"the answer is not JSON ({reason})", "Check whether a proxy answers instead of the service.")


def _parse_document(document: Any) -> ImageAnswer:
    entries = document.get("data") if isinstance(document, dict) else None
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise DamagedAnswer("the answer does not have the API's shape: `data` is not a list of objects")
    usage, ticks = document.get("usage"), nested_field(document, "usage", "cost_in_usd_ticks")
    cost = ticks / _TICKS if type(ticks) is int and 0 <= ticks < 10**6 * _TICKS else None
    entry: dict[str, Any] = next((entry for entry in entries if entry.get("b64_json") or entry.get("url")), {})
    encoded, url = entry.get("b64_json"), entry.get("url") or ""
    if not isinstance(url, str) or not isinstance(encoded or "", str):
        raise DamagedAnswer("the answer does not have the API's shape: an image is not a text")
    if not encoded and url.startswith("data:"):
        encoded, url = url, ""
    text = entry.get("revised_prompt")
    return ImageAnswer(
        data=image_bytes(encoded) if encoded else None,
        url=url,
        text=replace_surrogates(text) if isinstance(text, str) else "",
        usage=_parse_usage(usage),
        cost_usd=cost,
    )


def image_bytes(text: str) -> bytes:
    """The bytes of base64 in either alphabet, padded or not, in one line or several, bare or in a data URL."""
    if text.startswith("data:"):
        text = text.partition(",")[2]
    try:
        return decode_base64(re.sub(r"\s+", "", text))
    except ValueError as error:
        reason = str(error)
    raise DamagedAnswer(f"the image is not base64: {reason}")


def _parse_usage(usage: object) -> Usage | None:
    """The token counts; None if they are missing or invalid. An answer without details is an image alone."""
    if not isinstance(usage, dict) or "output_tokens" not in usage:
        return None
    image = nested_field(usage, "output_tokens_details", "image_tokens")
    counts = [
        *(usage.get("input_tokens"), usage["output_tokens"], usage["output_tokens"] if image is None else image),
        *(usage.get("total_tokens"), nested_field(usage, "input_tokens_details", "image_tokens")),
    ]
    if any(count is not None and (type(count) is not int or not 0 <= count < 10**9) for count in counts):
        return None
    prompt, candidates, image, total, prompt_image = (count or 0 for count in counts)
    return Usage(prompt, candidates, image, 0, total or prompt + candidates, prompt_image)


@dataclass(frozen=True)
class OpenAIError:
    """An error answer: its HTTP code, its body (parsed, if it is JSON), its headers in lower case.

    `variables` are the environment variables of the key, as a hint names them. `platform` is as in `calls.check_alive`.
    """

    code: int
    body: Any
    headers: Mapping[str, str]
    model: str
    now: datetime.datetime
    variables: str
    platform: str = ""

    @property
    def error(self) -> Mapping[str, Any]:
        """The object of the error; the body itself where it has none."""
        error = self.body.get("error") if isinstance(self.body, dict) else None
        return error if isinstance(error, dict) else self.body if isinstance(self.body, dict) else {}

    @property
    def words(self) -> frozenset[str]:
        """Type and code, those of an inner error included, in lower case."""
        found = [self.error.get("type"), self.error.get("code")]
        found += [nested_field(self.error, name, "code") for name in ("inner_error", "innererror")]
        return frozenset(word.lower() for word in found if isinstance(word, str))

    @property
    def summary(self) -> str:
        """Model, code, type and first line of the message: for people, never to match on."""
        message = self.error.get("message") or (self.body.get("error") if isinstance(self.body, dict) else None)
        lines = replace_surrogates(message).strip().splitlines() if isinstance(message, str) else []
        line = re.sub(r"\S*\*{3,}\S*", "[redacted]", lines[0]) if lines else ""  # a key, of which some characters show
        word = self.error.get("code") or self.error.get("type")
        word = f" {replace_surrogates(word)[:80]}" if isinstance(word, str) else ""
        return f"{self.model}: {self.code}{word}" + (f": {line[:300]}" if line else "")

    @property
    def is_own(self) -> bool:
        """Whether the service itself answered, not a proxy."""
        return bool(self.words) or bool(self.error.get("message"))

    @property
    def delay(self) -> float | None:
        """The wait that the service asks for, in seconds: Retry-After, or until a limit that is used up is reset."""
        if re.fullmatch(r"\d{1,9}(\.\d+)?", milliseconds := self.headers.get("retry-after-ms", "").strip()):
            return float(milliseconds) / 1000
        if (asked := retry_after(self.headers, self.now)) is not None:
            return asked
        used_up = (
            name
            for name in ("requests", "tokens", "images")
            if self.headers.get(f"x-ratelimit-remaining-{name}", "0").strip() == "0"
        )
        delays = [_duration(self.headers.get(f"x-ratelimit-reset-{name}", "")) for name in used_up]
        return max((delay for delay in delays if delay is not None), default=None)


def _duration(text: str) -> float | None:
    """The seconds of a duration such as `1s`, `6m0s` or `20ms`; None for any other text."""
    match = re.fullmatch(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s)?(?:(\d+(?:\.\d+)?)ms)?", text.strip())
    if not match or not text.strip():
        return None
    hours, minutes, seconds, milliseconds = (float(part or 0) for part in match.groups())
    return hours * 3600 + minutes * 60 + seconds + milliseconds / 1000


def map_error(answer: OpenAIError) -> ImageError:
    """The exception for an error answer."""
    words, code = answer.words, answer.code
    if words & _REFUSED:
        return _refused(answer)
    if words & _ACCOUNT or code == 402:
        hint = "Add credits or raise the limit of the account: neither a retry nor another model of it helps."
        return CreditsExhausted(answer.summary, hint)
    if words & _NO_MODEL and code < 500:
        return model_not_found(answer.model, answer.now.date(), answer.summary, answer.platform)
    if words & _SET_UP or code in (401, 403):
        return ConfigurationError(answer.summary, _configuration_hint(answer))
    if words & _OVERLOADED or code in (503, 529):
        return Overloaded(answer.summary, delay=answer.delay)
    if words & _RATE or code == 429:
        return RateLimited(answer.summary, delay=answer.delay)
    if code in (408, 504):
        return TimedOut(answer.summary, delay=answer.delay)
    if code in (409, 499) or code >= 500 or words & _FAULT:
        return ServiceFault(answer.summary, delay=answer.delay)
    if 300 <= code < 400:
        hint = "Correct base_url: the key is not sent to another host."
        return ConfigurationError(f"{answer.summary}: the base URL redirects", hint)
    if code == 200:
        return DamagedAnswer(f"{answer.summary}: an error in place of an image")
    return _rejected(answer)


def _refused(answer: OpenAIError) -> ContentRefused:
    error = answer.error
    details = error.get("moderation_details")
    stage, categories = nested_field(details, "moderation_stage"), nested_field(details, "categories")
    named = [str(item) for item in categories] if isinstance(categories, list) else []
    said = "; ".join(filter(None, (f"stage {stage}" if stage else "", ", ".join(named))))
    hint = "Rephrase the prompt: the same one is refused again."
    message = error.get("message")
    refused = ContentRefused(
        f"{answer.summary} ({replace_surrogates(said)[:200]})" if said else answer.summary,
        hint,
        reason=next(iter(sorted(answer.words & _REFUSED))),
        text=replace_surrogates(message) if isinstance(message, str) else "",
    )
    refused.billed = None if stage == "output" else False  # an image was made, and then held back
    return refused


def _configuration_hint(answer: OpenAIError) -> str:
    if "invalid_api_key" in answer.words or answer.code == 401:
        return f"Set {answer.variables} to a valid key: this one is invalid."
    if "unsupported_country_region_territory" in answer.words:
        return "Call from a supported location."
    return "Verify the organisation, or give the key's project access to the model."


def _rejected(answer: OpenAIError) -> RequestRejected:
    parameter = answer.error.get("param")
    status = next(iter(sorted(answer.words)), "")
    if answer.code == 404 and not answer.words:
        return RequestRejected(f"{answer.summary}: no such path", "Check that base_url ends in /v1 or its equivalent.")
    if not answer.is_own:
        return RequestRejected(answer.summary, "Check that base_url is that of an OpenAI images API.")
    hint = "Fix the request: the service rejects it."
    if isinstance(parameter, str) and parameter:
        hint = f"Fix {replace_surrogates(parameter)[:80]}: the service rejects it."
    return RequestRejected(answer.summary, hint, status=status)
