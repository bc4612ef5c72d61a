"""An error answer → the exception whose type says what to do. Told by status and details, never by the wording."""

from __future__ import annotations

import datetime
import email.utils
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from omni_release import models
from omni_release.core import redaction
from omni_release.images import codec
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

KEYS = "{} (or {})".format(*redaction.KEY_VARIABLES)


@dataclass(frozen=True)
class Fault:
    """What came in place of an answer: the HTTP code, the body (parsed, if it is JSON), the headers in lower case."""

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
        """The service's word for it, as UNAVAILABLE; empty where something else has answered."""
        status = self._error.get("status")
        return codec.printable(status) if isinstance(status, str) else ""

    @property
    def said(self) -> str:
        """The code, the status and the first line of the message: for people, never to match on."""
        message = self._error.get("message")
        lines = codec.printable(message).strip().splitlines() if isinstance(message, str) else []
        line = f": {lines[0][:300]}" if lines else ""
        return f"{self.model}: {self.code} {self.status}".rstrip() + line

    def details(self, kind: str) -> Iterable[Mapping[str, Any]]:
        """The details of a type, as `google.rpc.RetryInfo` says `RetryInfo`."""
        details = self._error.get("details")
        return (one for one in _tables(details) if str(one.get("@type", "")).endswith(f".{kind}"))

    @property
    def bare(self) -> bool:
        """Whether it is the service's own, and says no more than its status."""
        return bool(self.status) and not self._error.get("details")

    @property
    def reason(self) -> str:
        """ErrorInfo's reason, as API_KEY_INVALID."""
        return next((str(info.get("reason", "")) for info in self.details("ErrorInfo")), "")

    @property
    def delay(self) -> float | None:
        """The seconds that the service asks to wait: RetryInfo, else the Retry-After header; the longer of both."""
        asked = [_seconds(info.get("retryDelay")) for info in self.details("RetryInfo")]
        asked.append(self._retry_after())
        known = [seconds for seconds in asked if seconds is not None]
        return max(known) if known else None

    def _retry_after(self) -> float | None:
        header = self.headers.get("retry-after", "").strip()
        if re.fullmatch(r"\d+(\.\d+)?", header):
            return float(header)
        try:
            then = email.utils.parsedate_to_datetime(header)
            then = then if then.tzinfo else then.replace(tzinfo=datetime.UTC)  # "-0000" says: UTC, from nowhere
            return max(0.0, (then - self.now).total_seconds())
        except (ValueError, OverflowError):
            return None


def _seconds(delay: object) -> float | None:
    """A Duration as JSON has it: "48s", "1.5s", and "-1s" for what is over."""
    found = re.fullmatch(r"(-?\d+(?:\.\d+)?)s", delay) if isinstance(delay, str) else None
    return max(0.0, float(found[1])) if found else None


def _tables(value: object) -> Iterable[Mapping[str, Any]]:
    """The objects of an array; nothing where it is no array."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def error(fault: Fault) -> ImageError:
    """What it means."""
    if fault.code == 404:
        return _gone(fault)
    if fault.code == 429:
        return _too_much(fault)
    if fault.code == 503:
        return Overloaded(fault.said, delay=fault.delay)
    if fault.code in (408, 504):
        return TimedOut(fault.said, delay=fault.delay)
    if fault.code >= 500:
        return ServiceFault(fault.said, delay=fault.delay)
    if 300 <= fault.code < 400:
        return ConfigurationError(
            f"{fault.said}: the base URL sends elsewhere", "The key goes to no other host: mend base_url."
        )
    if fault.code in (401, 403) or fault.reason.startswith("API_KEY") or fault.status == "FAILED_PRECONDITION":
        return _not_set_up(fault)
    return RequestRejected(fault.said, _rejected_hint(fault), status=fault.status)


def _rejected_hint(fault: Fault) -> str:
    return "The request is at fault, not the service: mend it." if fault.status else "Is base_url the Gemini API's?"


def _gone(fault: Fault) -> ImageError:
    if fault.status != "NOT_FOUND":  # not the API's own 404
        return RequestRejected(f"{fault.said}: no such path", "Is base_url the Gemini API's?", status=fault.status)
    return gone(fault.model, fault.now.date(), fault.said)


def gone(model: str, today: datetime.date, said: str) -> ModelNotFound:
    """A dead or unknown name, and what to name in its place."""
    heir = models.successor(model, today)
    known = models.find(model)
    if heir:
        hint = f"Set image_model (or IMAGE_MODEL) to {heir}, which replaces it."
    elif known is None:
        hint = "No such model is known here: check its spelling, or ask `provider.models()`."
    else:
        hint = "It is in our table as living: it was shut down lately, or the key's project may not use it."
    return ModelNotFound(said, hint, model=model, successor=heir)


def _too_much(fault: Fault) -> ImageError:
    violations = [one for failure in fault.details("QuotaFailure") for one in _tables(failure.get("violations"))]
    quota = next((one for one in violations if _hopeless(one)), None)
    if quota is not None:
        name = codec.printable(str(quota.get("quotaId") or quota.get("quotaMetric") or ""))
        none = str(quota.get("quotaValue")) == "0"
        hint = (
            "Image models have no free tier: enable billing." if none else "It is filled up at midnight, Pacific time."
        )
        return QuotaSpent(f"{fault.said} (quota {name})", hint, quota=name)
    delay = fault.delay
    if delay is None and fault.bare:
        # Only a rate limit has details or a delay; without any, the account itself has come to its end.
        return CreditsExhausted(fault.said, "Add credits in AI Studio; a retry and another model are both pointless.")
    return RateLimited(fault.said, delay=delay)


def _hopeless(violation: Mapping[str, Any]) -> bool:
    return "PerDay" in str(violation.get("quotaId", "")) or str(violation.get("quotaValue")) == "0"


def _not_set_up(fault: Fault) -> ConfigurationError:
    if fault.reason.startswith("API_KEY"):
        return ConfigurationError(fault.said, f"The key is not valid: put a valid one into {KEYS}.")
    if fault.reason == "SERVICE_DISABLED":
        links = [link.get("url") for help in fault.details("Help") for link in _tables(help.get("links"))]
        where = next((link for link in links if link and isinstance(link, str)), "Google Cloud console")
        return ConfigurationError(fault.said, f"Enable the API for the key's project: {codec.printable(where)}")
    if fault.status == "FAILED_PRECONDITION":
        return ConfigurationError(fault.said, "Call from a supported place, or enable billing for the key's project.")
    return ConfigurationError(fault.said, f"The key may not do this: make a new one, and put it into {KEYS}.")
