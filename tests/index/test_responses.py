"""The meaning of HTTP statuses of an index."""

from __future__ import annotations

import pytest

from omni_release.core.world import FileState
from omni_release.index import classify_status


@pytest.mark.parametrize(
    ("status", "reason", "expected"),
    [
        (400, "The classifier 'x' is not a known one.", FileState.REFUSED),
        (400, "File already exists ('x', with other bytes).", FileState.INCONCLUSIVE),
        (403, "Invalid or missing authentication information.", FileState.REFUSED),
        (403, "New uploads are temporarily disabled.", FileState.INCONCLUSIVE),
        (403, "The index is in read-only mode: try again later.", FileState.INCONCLUSIVE),
        (404, "Not Found", FileState.ABSENT),
        (409, "Conflict", FileState.INCONCLUSIVE),
        (429, "Too Many Requests", FileState.INCONCLUSIVE),
        (502, "Bad Gateway", FileState.INCONCLUSIVE),
    ],
)
def test_classify_status(status: int, reason: str, expected: FileState) -> None:
    """Some 403 are temporary, and a file that already exists may be ours."""
    assert classify_status(status, reason)[0] is expected
