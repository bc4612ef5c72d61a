"""An index that goes wrong in every way, alone and in pairs: the release is right or refused, and in time.

The short form plays each case alone, and some pairs. `nox -s faults` plays all pairs and a thousand random scripts, and
fifty with real programs.
"""

from __future__ import annotations

import itertools
import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from omni_release.index.misbehaviour import CASES
from omni_release.journal import sha256
from omni_release.settings import Publish
from tests.index.support import sdist, wheel
from tests.publish.faked import Published, publish

FAULTS = int(os.environ.get("OMNI_RELEASE_FAULTS", "60"))
FOR_EVER = ("list-stale", "disagree", "other-hash", "other-bytes")
TIMES = Publish(attempt_timeout=60.0, upload_timeout=600.0, listing_timeout=600.0)
PATIENCE = 60.0  # of each question to an index that does not say
LONGEST = 2 * TIMES.upload_timeout + TIMES.listing_timeout + 4 * PATIENCE + 200.0


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel and an sdist that an index takes."""
    folder = tmp_path_factory.mktemp("faults") / "dist"
    wheel(folder)
    sdist(folder)
    return folder


def scripts(number: int) -> Iterator[str]:
    """Each case alone, then pairs, then random ones of up to four, all from one seed."""
    seeds = random.Random(20261122)
    pairs = [f"{one}; {other}" for one, other in itertools.product(CASES, CASES)]
    seeds.shuffle(pairs)
    drawn = ("; ".join(clause(seeds) for _ in range(seeds.randint(1, 4))) for _ in itertools.count())
    return itertools.islice(itertools.chain(CASES, pairs, drawn), number)


def clause(seeds: random.Random) -> str:
    """A case with options drawn."""
    name = seeds.choice(list(CASES))
    kind = CASES[name]
    said = [name]
    if kind.elsewhere and seeds.random() < 0.4:
        said.append(f"on={seeds.choice(['upload', 'list', 'file'])}")
    if seeds.random() < 0.5:
        said.append(f"after={seeds.randrange(6)}")
    if kind.times != "always" and seeds.random() < 0.6:
        said.append(f"times={seeds.choice(['1', '2', '3', '5', '8', 'always'])}")
    options = {"at": [0, 1, 500, 2000], "listings": [1, 5, 30], "seconds": [1, 60, 400, 5000], "bytes": [1, 100]}
    drawn = [option for option in kind.options if option in options and seeds.random() < 0.6]
    return " ".join([*said, *(f"{option}={seeds.choice(options[option])}" for option in drawn)])


def passes_by_itself(script: str) -> bool:
    """Whether each fault of a script comes to an end before anybody's patience does."""
    for one in script.split(";"):
        name, *options = one.split()
        if name in FOR_EVER or "times=always" in options:
            return False
        if name == "list-late" and {"seconds=400", "seconds=5000", "listings=30"} & set(options):
            return False
        if name == "hang" or (name == "trickle" and "on=list" in options):
            return False  # it may use up the time of one file, and is held to the deadline alone
    return len(script.split(";")) <= 2


def lies_for_ever(script: str) -> bool:
    """Whether the index shows or serves other bytes from the first moment on; a hash turned round twice is right."""
    clauses = [one.split() for one in script.split(";")]
    whole = [name for name, *options in clauses if not any("after=" in option for option in options)]
    return "other-bytes" in whole or ("after=" not in script and whole.count("other-hash") % 2 == 1)


def held_to_the_truth(script: str, dist: Path, done: Published) -> None:
    """Right or refused, never wrong, never past the deadline."""
    ours = {path.name: sha256(path) for path in dist.iterdir()}
    assert set(done.sent) <= set(ours.items()), script
    assert done.held.items() <= ours.items(), script
    assert done.seconds <= LONGEST, (script, done.seconds)
    said = [finding.rule for outcome in (done.upload, done.shown) for finding in outcome.findings]
    assert "defect" not in said, (script, done.upload, done.shown)
    if done.passed:
        assert done.held == ours, script
        assert not lies_for_ever(script), script
    else:
        statuses = {done.upload.status.value, done.shown.status.value}
        assert statuses <= {"failed", "inconclusive", "skipped", "passed"}, (script, statuses)
        assert not passes_by_itself(script), (script, done.upload.findings, done.shown.findings)


def test_every_fault(dist: Path, tmp_path: Path) -> None:
    """Each case alone, pairs of them, and what the dice say: a release is right, or refused, and never late."""
    came_to: dict[bool, int] = {True: 0, False: 0}
    for number, script in enumerate(scripts(FAULTS)):
        done = publish(dist, tmp_path / f"index-{number}", script, TIMES)
        held_to_the_truth(script, dist, done)
        came_to[done.passed] += 1
    assert all(came_to.values()), came_to
    print(f"{FAULTS} scripts: {came_to[True]} published, {came_to[False]} refused")


@pytest.mark.parametrize(
    ("script", "status", "said"),
    [
        ("503 times=12", "passed", ""),
        ("403 times=3", "passed", ""),
        ("429 times=4", "passed", ""),
        ("store-then-500 times=always", "passed", ""),
        ("store-then-drop times=always", "passed", ""),
        ("drop at=100 times=3", "passed", ""),
        ("hang times=2", "passed", ""),
        ("forget times=2", "passed", ""),
        ("list-late seconds=300", "passed", ""),
        ("503 on=list times=6", "passed", ""),
        ("503 times=always", "inconclusive", "503 Service Unavailable"),
        ("hang times=always", "inconclusive", "did not end within"),
        ("forget times=always", "inconclusive", "not listed"),
        ("other-hash", "failed", "holds another"),
        ("other-bytes", "failed", "holds another"),
        ("disagree", "inconclusive", "one of the index's pages lists it"),
        ("list-stale", "inconclusive", "not listed"),
    ],
)
def test_what_comes_of_it(script: str, status: str, said: str, dist: Path, tmp_path: Path) -> None:
    """What passes by itself is survived; what does not is told for what it is."""
    done = publish(dist, tmp_path / "index", script, TIMES)
    assert done.upload.status.value == status, done.upload.findings
    assert said in " ".join(finding.message for finding in done.upload.findings)
    held_to_the_truth(script, dist, done)


def test_other_bytes_are_never_sent_over(dist: Path, tmp_path: Path) -> None:
    """A file of our name with other bytes is the end, before anything is sent."""
    other = tmp_path / "other" / "dist"
    wheel(other, more={"extra.py": "x = 1\n"})
    folder = tmp_path / "index"
    assert publish(other, folder, "", TIMES).passed
    done = publish(dist, folder, "", TIMES)
    assert (done.upload.status.value, done.sent) == ("failed", ())
    assert "holds another acme_sound-1.0-py3-none-any.whl" in done.upload.findings[0].message


def test_half_a_release_is_completed(dist: Path, tmp_path: Path) -> None:
    """Where one file is there and ours, the other alone is sent."""
    alone = tmp_path / "alone" / "dist"
    alone.mkdir(parents=True)
    (made,) = dist.glob("*.whl")
    (alone / made.name).write_bytes(made.read_bytes())
    folder = tmp_path / "index"
    assert publish(alone, folder, "", TIMES).passed
    done = publish(dist, folder, "", TIMES)
    assert done.passed
    assert [name for name, _ in done.sent] == [path.name for path in dist.glob("*.tar.gz")]
