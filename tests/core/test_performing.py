"""What a program says of why it failed becomes the outcome's message."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from omni_release.core.actions import Run
from omni_release.core.errors import ActionFailed
from omni_release.core.performing import perform
from omni_release.core.world import World


def test_reason_is_not_kept(world: World, tmp_path: Path) -> None:
    """The reason is the message, and its file is removed: a program may have written a secret there."""
    reason = tmp_path / "reason.txt"
    code = f"open({str(reason)!r}, 'w').write('the back end failed'); raise SystemExit(1)"
    run = Run((sys.executable, "-c", code), tmp_path, os.environ, tmp_path / "log", 60, reason=reason)
    with pytest.raises(ActionFailed, match="the back end failed"):
        perform(run, world)
    assert not reason.exists()
