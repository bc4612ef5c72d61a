"""How two distributions differ: each kind alone, in a wheel and in an sdist."""

from __future__ import annotations

import gzip
import io
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from omni_release.distributions.differences import Aspect, advice, between

FILES = {"acme/__init__.py": b"x = 1\n", "acme/b.py": b"y = 2\n", "acme/data.bin": b"\0\1\2"}


def wheel(path: Path, files: Mapping[str, bytes] = FILES, **header: int) -> Path:
    """A wheel with these files; `header` may have a `mode`, a `year`, a `level` and a `system`."""
    path.parent.mkdir(exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=header.get("level", 6)) as archive:
        for name, content in files.items():
            info = zipfile.ZipInfo(name, (header.get("year", 2000), 1, 1, 0, 0, 0))
            info.external_attr = (0o100000 | header.get("mode", 0o644)) << 16
            info.create_system = header.get("system", 3)
            info.compress_type = zipfile.ZIP_STORED if header.get("level") == 0 else zipfile.ZIP_DEFLATED
            archive.writestr(info, content)
    return path


def sdist(path: Path, files: Mapping[str, bytes] = FILES, **header: int) -> Path:
    """An sdist with these files; `header` may have a `mode`, a `time`, a `user`, and the `gzip` time and `level`."""
    path.parent.mkdir(exist_ok=True)
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(f"acme-1.0/{name}")
            info.size, info.mode, info.mtime = len(content), header.get("mode", 0o644), header.get("time", 0)
            info.uid = header.get("user", 0)
            archive.addfile(info, io.BytesIO(content))
    path.write_bytes(gzip.compress(raw.getvalue(), header.get("level", 9), mtime=header.get("gzip", 0)))
    return path


CHANGED = FILES | {"acme/b.py": b"y = 3\n"}
LESS = {name: FILES[name] for name in ("acme/__init__.py", "acme/data.bin")}
RECORDED = FILES | {"acme-1.0.dist-info/RECORD": b"acme/b.py,sha256=1,\n"}
KINDS: dict[str, tuple[Callable[..., Path], dict[str, object], list[Aspect], str]] = {
    "content": (wheel, {"files": CHANGED}, [Aspect.CONTENT], "acme/b.py: content - y = 2 + y = 3"),
    "content of an sdist": (sdist, {"files": CHANGED}, [Aspect.CONTENT], "acme/b.py: content - y = 2 + y = 3"),
    "bytes": (wheel, {"files": FILES | {"acme/data.bin": b"\0\1\3"}}, [Aspect.CONTENT], "difference is at byte 2"),
    "line ends": (wheel, {"files": FILES | {"acme/b.py": b"y = 2\r\n"}}, [Aspect.CONTENT], "ends of the lines differ"),
    "missing": (sdist, {"files": LESS}, [Aspect.MISSING], "only in the first build: acme/b.py"),
    "added": (wheel, {"files": FILES | {"new.py": b""}}, [Aspect.ADDED], "only in the second build: new.py"),
    "order": (sdist, {"files": dict(reversed(FILES.items()))}, [Aspect.ORDER], "order of the files - acme/__init__.py"),
    "permissions": (wheel, {"mode": 0o600}, [Aspect.PERMISSIONS], "-rw-r--r-- + acme/__init__.py: -rw-------"),
    "permissions in an sdist": (sdist, {"mode": 0o664}, [Aspect.PERMISSIONS], "permissions of 3 files"),
    "times": (wheel, {"year": 2001}, [Aspect.TIMESTAMPS], "2000-01-01 00:00:00 + acme/__init__.py: 2001-01-01"),
    "times in an sdist": (sdist, {"time": 5}, [Aspect.TIMESTAMPS], "1970-01-01 00:00:05"),
    "time of the gzip file": (sdist, {"gzip": 5}, [Aspect.TIMESTAMPS], "header of the gzip file: 1970-01-01 00:00:00"),
    "owner": (sdist, {"user": 1000}, [Aspect.OWNERS], "0:0 : + acme/__init__.py: 1000:0 :"),
    "system": (wheel, {"system": 0}, [Aspect.OWNERS], "system 3 + acme/__init__.py: system 0"),
    "method": (wheel, {"level": 0}, [Aspect.COMPRESSION], "deflate"),
    "compression of an sdist": (sdist, {"level": 0}, [Aspect.OTHER], "other bytes of the archive"),
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_kind(kind: str, tmp_path: Path) -> None:
    """Each kind is found alone, with the line that shows it, and has advice."""
    write, changes, expected, shown = KINDS[kind]
    name = "acme-1.0.tar.gz" if write is sdist else "acme-1.0-py3-none-any.whl"
    first = write(tmp_path / "first" / name)
    assert between(first, first) == ()
    found = between(first, write(tmp_path / "second" / name, **changes))
    assert [each.aspect for each in found] == expected
    assert shown in " ".join((str(found[0]), *found[0].lines))
    assert advice(found[0]).endswith((".", "pinned requirements."))


def test_record_follows_from_the_others(tmp_path: Path) -> None:
    """RECORD is named only where nothing else differs."""
    name, record = "acme-1.0-py3-none-any.whl", "acme-1.0.dist-info/RECORD"
    first = wheel(tmp_path / "first" / name, RECORDED)
    own = wheel(tmp_path / "own" / name, RECORDED | {record: b"acme/b.py,sha256=2,\n"})
    both = wheel(tmp_path / "both" / name, RECORDED | {record: b"acme/b.py,sha256=2,\n", "acme/b.py": b"y = 3\n"})
    assert [each.names for each in between(first, own)] == [(record,)]
    assert [each.names for each in between(first, both)] == [("acme/b.py",)]


ADVICE = {
    "AT = '2026-11-26 23:21:22'": ("AT = '2026-11-27 03:01:02'", "SOURCE_DATE_EPOCH"),
    "AT = 1795736209": ("AT = 1795736300.25", "SOURCE_DATE_EPOCH"),
    "# Thu Nov 26 23:21:22 2026": ("# Fri Nov 27 01:00:00 2026", "SOURCE_DATE_EPOCH"),
    "BUILT = \"20261126T232122\"": ("BUILT = \"20261127T000102\"", "SOURCE_DATE_EPOCH"),
    "P = '/builds/first/src/a'": ("P = '/builds/second/src/a'", "Leave the folder of the build out"),
    "S = {'a', 'b', 'c'}": ("S = {'c', 'a', 'b'}", "Sort what is written"),
    "ID = '0f8fad5b-d9cb-469f-a165-70867728950e'": ("ID = '7c9e6679-7425-40de-944b-e07fc1f90ae7'", "no random value"),
    "N = 4": ("N = 5", "Find out what writes these lines"),
    "HOST = 'build-1'": ("HOST = 'runner-2'", "Find out what writes these lines"),
}  # fmt: skip


@pytest.mark.parametrize("line", ADVICE)
def test_advice_on_a_text(line: str, tmp_path: Path) -> None:
    """What a line looks like decides what to do about it."""
    other, expected = ADVICE[line]
    pair = [
        wheel(tmp_path / name / "acme-1.0-py3-none-any.whl", {"acme/b.py": f"same\n{text}\nsame\n".encode()})
        for name, text in (("first", line), ("second", other))
    ]
    (found,) = between(*pair)
    assert expected in advice(found, ("/builds/first", "/builds/second"))


def test_large_and_many(tmp_path: Path) -> None:
    """Of a long text the first lines are shown; a file that is too large to read is named alone."""
    long = "".join(f"line {number}\n" for number in range(20_000)).encode()
    files = {"long.py": long, "huge.txt": b"a" * 600_000}
    changed = {"long.py": long.replace(b"7", b"8"), "huge.txt": b"b" * 600_000}
    name = "acme-1.0-py3-none-any.whl"
    found = between(wheel(tmp_path / "first" / name, files), wheel(tmp_path / "second" / name, changed))
    assert [each.names for each in found] == [("long.py",), ("huge.txt",)]
    assert (len(found[0].lines), found[1].lines) == (9, ())
