"""Map an error answer to the exception whose type says what to do: by status and details, never by its wording."""

from __future__ import annotations

import datetime
import email.utils
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from omni_release import models
from omni_release.images.api_format import replace_surrogates
from omni_release.images.errors import (
    ConfigurationError,
    CreditsExhausted,
    ImageError,
    ModelNotFound,
    Overloaded,
    QuotaSpent,
    RateLimited,
    RequestRejected,
    ServiceFault,
    TimedOut,
)
from omni_release.images.provider import KEY_VARIABLES
from omni_release.models.facts import GEMINI_API


@dataclass(frozen=True)
class ErrorAnswer:
    """An error answer: its HTTP code, its body (parsed, if it is JSON), its headers in lower case."""

    code: int
    body: Any
    headers: Mapping[str, str]
    model: str
    now: datetime.datetime

    @property
    def _error(self) -> Mapping[str, Any]:
        error = self.body.get("error") if isinstance(self.body, dict) else None
        return error if isinstance(error, dict) else {}

    @property
    def status(self) -> str:
        """The service's status, such as UNAVAILABLE; empty if another program answered."""
        status = self._error.get("status")
        return replace_surrogates(status) if isinstance(status, str) else ""

    @property
    def summary(self) -> str:
        """Code, status, first line of the message and details: for people, never to match on."""
        message = self._error.get("message")
        lines = replace_surrogates(message).strip().splitlines() if isinstance(message, str) else []
        line = f": {lines[0][:300]}" if lines else ""
        details = "; ".join(self._explanations())
        details = f" ({replace_surrogates(details)[:300]})" if details else ""
        return f"{self.model}: {self.code} {self.status}".rstrip() + line + details

    def _explanations(self) -> Iterable[str]:
        """What the details say about the cause: the invalid fields, the reason, what the service adds for debugging."""
        for bad in self.details("BadRequest"):
            for violation in _objects(bad.get("fieldViolations") or bad.get("field_violations")):
                yield f"{violation.get('field') or 'a field'}: {violation.get('description') or 'invalid'}"
        if self.reason:
            yield self.reason
        for debug in self.details("DebugInfo"):
            if isinstance(detail := debug.get("detail"), str):
                yield detail.strip().partition("\n")[0]

    def details(self, kind: str) -> Iterable[Mapping[str, Any]]:
        """The details of a type; `RetryInfo` stands for `google.rpc.RetryInfo`."""
        details = _objects(self._error.get("details"))
        return (detail for detail in details if str(detail.get("@type", "")).endswith(f".{kind}"))

    @property
    def has_no_details(self) -> bool:
        """Whether the service itself answered, with a status alone."""
        return bool(self.status) and not self._error.get("details")

    @property
    def reason(self) -> str:
        """ErrorInfo's reason, such as API_KEY_INVALID."""
        return next((str(info.get("reason", "")) for info in self.details("ErrorInfo")), "")

    @property
    def delay(self) -> float | None:
        """The wait that the service asks for, in seconds: RetryInfo or the Retry-After header, the longer of both.

        RetryInfo has a Duration in its JSON form: "48s", "1.5s", and "-1s" for a moment in the past.
        """
        delays = []
        for info in self.details("RetryInfo"):
            delay = info.get("retryDelay")
            if isinstance(delay, str) and (match := re.fullmatch(r"(-?\d+(?:\.\d+)?)s", delay)):
                delays.append(max(0.0, float(match[1])))
        if (asked := retry_after(self.headers, self.now)) is not None:
            delays.append(asked)
        return max(delays, default=None)


def retry_after(headers: Mapping[str, str], now: datetime.datetime) -> float | None:
    """The seconds of a Retry-After header, which states a number or a date; None without a valid one."""
    header = headers.get("retry-after", "").strip()
    if re.fullmatch(r"\d+(\.\d+)?", header):
        return float(header)
    try:
        then = email.utils.parsedate_to_datetime(header)
        then = then if then.tzinfo else then.replace(tzinfo=datetime.UTC)  # "-0000": UTC of unknown origin
        return max(0.0, (then - now).total_seconds())
    except (ValueError, OverflowError):
        return None


def _objects(value: object) -> list[Mapping[str, Any]]:
    """The objects in an array; empty if the value is not an array."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def map_error(answer: ErrorAnswer) -> ImageError:
    """The exception for an error answer."""
    if answer.code == 404:
        if answer.status == "NOT_FOUND":
            return model_not_found(answer.model, answer.now.date(), answer.summary, GEMINI_API)
        # Not the API's own 404.
        message = f"{answer.summary}: no such path"
        return RequestRejected(message, "Check that base_url is the Gemini API's.", status=answer.status)
    if answer.code == 402:
        return CreditsExhausted(answer.summary, _NO_CREDITS)
    if answer.code == 429:
        return _quota_error(answer)
    if answer.code == 503:
        return Overloaded(answer.summary, delay=answer.delay)
    if answer.code in (408, 504):
        return TimedOut(answer.summary, delay=answer.delay)
    if answer.code >= 500 or answer.code in (409, 499):  # aborted or cancelled by the service
        return ServiceFault(answer.summary, delay=answer.delay)
    if 300 <= answer.code < 400:
        return ConfigurationError(
            f"{answer.summary}: the base URL redirects", "Correct base_url: the key is not sent to another host."
        )
    key_error = answer.code in (401, 403) or answer.reason.startswith("API_KEY")
    if key_error or answer.status == "FAILED_PRECONDITION":
        return ConfigurationError(answer.summary, _configuration_hint(answer))
    hint = "Fix the request: the service rejects it." if answer.status else "Check that base_url is the Gemini API's."
    return RequestRejected(answer.summary, hint, status=answer.status)


def model_not_found(model: str, today: datetime.date, message: str, platform: str) -> ModelNotFound:
    """The error for a dead or unknown name, with the model to use instead. `platform` is as in `calls.check_alive`."""
    registry = models.current()
    known = registry.served(model, platform)
    successor = registry.successor(known.name, today, known.platform) if known else None
    if successor:
        hint = f"Set image_model (or IMAGE_MODEL) to {successor}, which replaces it."
    elif known is None and not platform:
        hint = "Check the name: this service has names of its own, such as those of deployments."
    elif known is None:
        hint = "The model is unknown: check its spelling, or call `provider.models()`."
    else:
        hint = "It is known as living: it was shut down recently, or the key's project has no access to it."
    return ModelNotFound(message, hint, model=model, successor=successor)


_NO_CREDITS = "Add credits in AI Studio: neither a retry nor another model of it helps."
_NO_FREE_TIER = "Enable billing: image models have no free tier."


def _quota_error(answer: ErrorAnswer) -> ImageError:
    """The exception for a 429: a daily or zero quota, an account without credits, or a rate limit."""
    for failure in answer.details("QuotaFailure"):
        for violation in _objects(failure.get("violations")):
            zero = str(violation.get("quotaValue")) == "0"
            if not zero and "PerDay" not in str(violation.get("quotaId", "")):
                continue
            name = replace_surrogates(str(violation.get("quotaId") or violation.get("quotaMetric") or ""))
            hint = _NO_FREE_TIER if zero else "Wait: the quota resets at midnight Pacific time."
            return QuotaSpent(f"{answer.summary} (quota {name})", hint, quota=name)
    for info in answer.details("ErrorInfo"):
        metadata = info.get("metadata")
        if isinstance(metadata, dict) and str(metadata.get("quota_limit_value")) == "0":
            name = replace_surrogates(str(metadata.get("quota_limit") or metadata.get("quota_metric") or ""))
            return QuotaSpent(f"{answer.summary} (quota {name})", _NO_FREE_TIER, quota=name)
    delay = answer.delay
    if delay is None and answer.has_no_details:
        # A rate limit always has details or a delay; without any, the account's credits are used up.
        return CreditsExhausted(answer.summary, _NO_CREDITS)
    return RateLimited(answer.summary, delay=delay)


def _configuration_hint(answer: ErrorAnswer) -> str:
    if answer.reason.startswith("API_KEY"):
        return f"Set {KEY_VARIABLES} to a valid key: this one is invalid."
    if answer.reason == "SERVICE_DISABLED":
        links = [link.get("url") for help in answer.details("Help") for link in _objects(help.get("links"))]
        where = next((link for link in links if link and isinstance(link, str)), "Google Cloud console")
        return f"Enable the API for the key's project: {replace_surrogates(where)}"
    if answer.status == "FAILED_PRECONDITION":
        return "Call from a supported location, or enable billing for the key's project."
    return f"Create a new key, and set {KEY_VARIABLES}: this one has no permission."
