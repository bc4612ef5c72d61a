"""Each fault of the local index, with the real twine: its exit code, and what the index then has."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest
import requests
import uv

from omni_release.core import documents
from omni_release.core.errors import UsageError
from omni_release.core.world import FileState
from omni_release.index.client import Client
from omni_release.local_index.faults import FAULTS, FaultScript
from omni_release.local_index.server import LocalIndex
from tests.index.support import PROJECT, WHEEL, Ran, form, ran, running, sdist, sent, twine, uv_publish, wheel

OURS, ABSENT, OTHER, UNKNOWN = FileState.OURS, FileState.ABSENT, FileState.OTHER_BYTES, FileState.INCONCLUSIVE


def standings(index: LocalIndex, *files: Path, deadline: float = 30.0) -> list[FileState]:
    """The states that the client finds."""
    told = Client(f"{index.url}/simple/", deadline).file_statuses(
        PROJECT, [documents.artifact_of(file) for file in files]
    )
    return [each.state for each in told]


def upload(index: LocalIndex, *files: Path, timeout: float = 60.0) -> Ran:
    """Upload with twine."""
    return twine(f"{index.url}/legacy/", *files, timeout=timeout)


def test_fails_after_the_first_file(tmp_path: Path) -> None:
    """500 skip=1: the first file is there, the second is not, and the next run brings it."""
    made, source = wheel(tmp_path), sdist(tmp_path)
    with running(tmp_path, script="500 skip=1 times=5") as index:
        ended = upload(index, made, source)
        assert (ended.code, "500 Internal Server Error" in ended.said) == (1, True)
        assert ended.said.count("Retry") == 5
        assert standings(index, made, source) == [OURS, ABSENT]
        assert upload(index, made, source).code == 0
        assert standings(index, made, source) == [OURS, OURS]


def test_500_though_stored(tmp_path: Path) -> None:
    """store-then-500: twine fails, the file is there."""
    made = wheel(tmp_path)
    with running(tmp_path, script="store-then-500 times=always") as index:
        assert upload(index, made).code == 1
        assert standings(index, made) == [OURS]


def test_500_once_though_stored(tmp_path: Path) -> None:
    """store-then-500: twine's own retry meets rule 12, and ends well."""
    with running(tmp_path, script="store-then-500") as index:
        ended = upload(index, wheel(tmp_path))
        assert (ended.code, "the same file was there already" in ended.said) == (0, True)


@pytest.mark.parametrize(("script", "after"), [("503", None), ("503 after=7", "7"), ("429 after=1", "1")])
def test_busy(script: str, after: str | None, tmp_path: Path) -> None:
    """503 with and without Retry-After, 429: nothing is stored, and the header is what was asked for."""
    with running(tmp_path, script=f"{script} times=always") as index:
        answer = requests.post(f"{index.url}/legacy/", data=b"x", timeout=10)
        assert (str(answer.status_code), answer.headers.get("Retry-After")) == (script[:3], after)
        begun = time.monotonic()
        ended = upload(index, made := wheel(tmp_path))
        assert (ended.code, script[:3] in ended.said) == (1, True)
        assert after != "7" or time.monotonic() - begun < 7 * 5  # twine ignores the delay
        assert standings(index, made) == [ABSENT]


def test_uv_sends_once(tmp_path: Path) -> None:
    """One 503: twine sends again at once, and ends well; uv ends."""
    made = wheel(tmp_path)
    with running(tmp_path, script="503") as index:
        assert upload(index, made).code == 0
    with running(tmp_path / "another", script="503") as index:
        ended = uv_publish(index, made)
        assert (ended.code, "503 Service Unavailable" in ended.said) == (2, True)
        assert standings(index, made) == [ABSENT]


def test_a_403_that_passes(tmp_path: Path) -> None:
    """403 for a reason that passes by itself: the next run brings the file."""
    made = wheel(tmp_path)
    with running(tmp_path, script="403") as index:
        ended = upload(index, made)
        assert (ended.code, "403 New uploads are temporarily disabled" in ended.said) == (1, True)
        assert upload(index, made).code == 0
        assert standings(index, made) == [OURS]


def test_drops_the_connection(tmp_path: Path) -> None:
    """drop at=N: twine shows a traceback, nothing is stored, nothing is left."""
    made = wheel(tmp_path)
    with running(tmp_path, script="drop at=500") as index:
        ended = upload(index, made)
        assert (ended.code, "Connection" in ended.said) == (1, True)
        assert standings(index, made) == [ABSENT]
        assert not list((tmp_path / "index" / "incoming").iterdir())


def test_drops_the_connection_though_stored(tmp_path: Path) -> None:
    """store-then-drop: twine shows a traceback, the file is there."""
    made = wheel(tmp_path)
    with running(tmp_path, script="store-then-drop") as index:
        assert upload(index, made).code == 1
        assert standings(index, made) == [OURS]


def test_drops_a_download(tmp_path: Path) -> None:
    """drop on=file: part of our bytes is not other bytes."""
    made = wheel(tmp_path)
    with running(tmp_path, script="drop on=file at=100; drop on=list at=10 skip=2 times=1") as index:
        assert upload(index, made).code == 0
        assert standings(index, made) == [UNKNOWN]
        assert standings(index, made) == [UNKNOWN]
        assert standings(index, made) == [OURS]


def test_hangs(tmp_path: Path) -> None:
    """hang: twine waits for ever, so it has a deadline; the index ends all the same."""
    made = wheel(tmp_path)
    with running(tmp_path, script="hang times=always; hang on=list") as index:
        with pytest.raises(requests.Timeout):
            requests.post(f"{index.url}/legacy/", data=b"x", timeout=0.5)
        assert upload(index, made, timeout=4.0).said == "did not end"
        assert standings(index, made, deadline=1.0) == [UNKNOWN]
    with running(tmp_path) as index:
        assert standings(index, made) == [ABSENT]


def test_uv_does_not_hang(tmp_path: Path) -> None:
    """uv has a time limit of its own for an upload."""
    with running(tmp_path, script="hang times=always") as index:
        argv = [uv.find_uv_bin(), "publish", "--trusted-publishing", "never", "--publish-url", f"{index.url}/legacy/"]
        made = str(wheel(tmp_path))
        limits = {"UV_UPLOAD_HTTP_TIMEOUT": "1", "UV_HTTP_TIMEOUT": "1", "UV_HTTP_RETRIES": "0"}
        ended = ran([*argv, made], tmp_path, {"UV_PUBLISH_USERNAME": "a", "UV_PUBLISH_PASSWORD": "b", **limits})
        assert (ended.code, "did not end" in ended.said) == (2, False)


def test_trickles(tmp_path: Path) -> None:
    """trickle: twine gets there, and a client that has a deadline keeps it, although bytes keep coming."""
    made = wheel(tmp_path)
    with running(tmp_path, script="trickle after=0.01; trickle on=list after=0.2 times=2") as index:
        assert upload(index, made).code == 0
        begun = time.monotonic()
        assert standings(index, made, deadline=1.0) == [UNKNOWN]
        assert time.monotonic() - begun < 10
    with running(tmp_path) as index:
        assert standings(index, made) == [OURS]


def test_lists_late(tmp_path: Path) -> None:
    """list-late: after twine's success the file is not listed yet, and then is."""
    made = wheel(tmp_path)
    with running(tmp_path, script="list-late listings=2") as index:
        assert upload(index, made).code == 0
        assert [standings(index, made) for _ in range(2)] == [[ABSENT], [OURS]]
    with running(tmp_path, script="list-late after=3600") as index:
        assert standings(index, made) == [ABSENT]


def test_lists_stale(tmp_path: Path) -> None:
    """list-stale: the listing from before, to all."""
    made, source = wheel(tmp_path), sdist(tmp_path)
    with running(tmp_path, script="list-stale") as index:
        assert upload(index, made).code == 0
        assert standings(index, made, source) == [OURS, ABSENT]
        assert sent(index, form(source), source).status_code == 200
        assert standings(index, made, source) == [OURS, ABSENT]


def test_lists_stale_from_a_cache(tmp_path: Path) -> None:
    """list-stale no-cache=heeds: who takes what a cache has sees the listing from before; our client does not."""
    made = wheel(tmp_path)
    with running(tmp_path, script="list-stale no-cache=heeds") as index:
        page = f"{index.url}/simple/{PROJECT}/"
        assert requests.get(page, timeout=10).status_code == 404
        assert upload(index, made).code == 0
        assert requests.get(page, timeout=10).status_code == 404
        assert standings(index, made) == [OURS]


@pytest.mark.parametrize("missing", ["json", "html"])
def test_pages_disagree(missing: str, tmp_path: Path) -> None:
    """disagree: one page has the newest file, the other does not; installers take the JSON one."""
    made = wheel(tmp_path)
    with running(tmp_path, script=f"disagree missing={missing}") as index:
        assert upload(index, made).code == 0
        assert standings(index, made) == [UNKNOWN]
        assert missing == "html" or not _pip_finds(index, tmp_path)


def test_lists_another_hash(tmp_path: Path) -> None:
    """other-hash: what is listed is not ours."""
    made = wheel(tmp_path)
    with running(tmp_path, script="other-hash") as index:
        assert upload(index, made).code == 0
        assert standings(index, made) == [OTHER]


def test_serves_other_bytes(tmp_path: Path) -> None:
    """other-bytes: the listing is right and the bytes are not; pip refuses them, and we know before."""
    made = wheel(tmp_path)
    with running(tmp_path, script="other-bytes") as index:
        assert upload(index, made).code == 0
        assert standings(index, made) == [OTHER]
        assert _pip_finds(index, tmp_path) is False


def test_forgets_a_file(tmp_path: Path) -> None:
    """forget: twine's success, and no file."""
    made, source = wheel(tmp_path), sdist(tmp_path)
    with running(tmp_path, script="forget skip=1") as index:
        ended = upload(index, made, source)
        assert (ended.code, ended.said.count("200 OK")) == (0, 2)
        assert standings(index, made, source) == [OURS, ABSENT]


def test_each_fault_has_a_test() -> None:
    """Each fault and option has a test in this file and a line in docs/rehearsal-index.md."""
    written = Path(__file__).read_text(encoding="utf-8")
    page = (Path(__file__).parents[2] / "docs" / "rehearsal-index.md").read_text(encoding="utf-8")
    for name, kind in FAULTS.items():
        assert f'"{name}' in written or f"; {name}" in written, name
        assert f"`{name}" in page, name
        for option in kind.options:
            assert f"`{option}" in page, (name, option)


@pytest.mark.parametrize(
    ("script", "message", "hint"),
    [
        ("hangs", "unknown fault 'hangs'", "Did you mean `hang`?"),
        ("quux", "unknown fault 'quux'", "Known faults: 500,"),
        ("503 retry=1", "503 has no option 'retry'", "Its options: after, on, skip, times."),
        ("forget after=1", "forget has no option 'after'", "Its options: on, skip, times."),
        ("503 on=disk", "503 has on='disk'", "upload or list or file"),
        ("forget on=list", "forget has on='list'", "upload"),
        ("drop at=x", "drop has at='x'", "a whole number"),
        ("503 skip=-1", "503 has skip='-1'", "a whole number"),
        ("503 times=never", "503 has times='never'", "a whole number or `always`"),
        ("trickle bytes=0", "trickle has bytes='0'", "from 1 on"),
        ("trickle after=soon", "trickle has after='soon'", "a number of seconds"),
        ("disagree missing=xml", "disagree has missing='xml'", "json or html"),
    ],
)
def test_invalid_script(script: str, message: str, hint: str) -> None:
    """The error names the unknown part, the hint what is known."""
    with pytest.raises(UsageError) as raised:
        FaultScript(script)
    assert message in raised.value.message
    assert hint in raised.value.hint


def test_an_empty_script() -> None:
    """An empty script has no faults."""
    assert FaultScript(" ; ;").next("upload") == ()


def _pip_finds(index: LocalIndex, folder: Path) -> bool:
    argv = [sys.executable, "-m", "pip", "download", "--no-deps", "--no-cache-dir", "--dest", str(folder / "got")]
    ended = ran([*argv, "--index-url", f"{index.url}/simple/", "--retries", "0", f"{PROJECT}==1.0"], folder)
    assert ended.code in (0, 1), ended.said
    return ended.code == 0 and (folder / "got" / WHEEL).is_file()
