"""What a refusal and a break-off of an index mean, and how they are told."""

from __future__ import annotations

import pytest

from omni_release.core.world import Standing
from omni_release.index import classify_status


@pytest.mark.parametrize(
    ("status", "reason", "expected"),
    [
        (400, "The classifier 'x' is not a known one.", Standing.REFUSED),
        (400, "File already exists ('x', with other bytes).", Standing.CANNOT_TELL),
        (403, "Invalid or missing authentication information.", Standing.REFUSED),
        (403, "New uploads are temporarily disabled.", Standing.CANNOT_TELL),
        (403, "The index is in read-only mode: try again later.", Standing.CANNOT_TELL),
        (404, "Not Found", Standing.ABSENT),
        (409, "Conflict", Standing.CANNOT_TELL),
        (429, "Too Many Requests", Standing.CANNOT_TELL),
        (502, "Bad Gateway", Standing.CANNOT_TELL),
    ],
)
def test_answers(status: int, reason: str, expected: Standing) -> None:
    """What a status and its reason say: some 403 pass, and a file that exists may be ours."""
    assert classify_status(status, reason)[0] is expected
