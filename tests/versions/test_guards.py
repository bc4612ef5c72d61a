"""A version that is already on an index, and an index that does not answer, over real HTTP."""

from __future__ import annotations

from pathlib import Path

import pytest

from omni_release.core.errors import Conflict
from tests.index.support import PROJECT, form, metadata, running, sent, wheel
from tests.versions.support import change, contents


def project(folder: Path) -> Path:
    """A project of the name that the index takes uploads for."""
    folder.mkdir()
    (folder / "pyproject.toml").write_text(f'[project]\nname = "{PROJECT}"\nversion = "0.9"\n')
    return folder


def test_the_index_has_it(tmp_path: Path) -> None:
    """Files of the version are a conflict, unless dist/ has the same; in a dry run too."""
    root, made = project(tmp_path / "project"), wheel(tmp_path)
    with running(tmp_path / "index") as index:
        simple = f"{index.url}/simple"
        change(root, "set", "1.0", index=simple, dry=True)
        assert sent(index, form(made), made).status_code == 200
        before = contents(root)
        for dry in (True, False):
            with pytest.raises(
                Conflict, match=f"1.0 is already on the index, with a file that is not in dist/: {made.name}"
            ):
                change(root, "set", "1.0", index=simple, dry=dry)
        wheel(root / "dist", metadata(about="another"))
        with pytest.raises(Conflict, match=f"1.0 is already on the index, with other bytes: {made.name}"):
            change(root, "set", "1.0", index=simple)
        (root / "dist" / made.name).unlink()
        (root / "dist").rmdir()
        assert contents(root) == before
        change(root, "set", "1.1", index=simple)
        (root / "dist").mkdir()
        (root / "dist" / made.name).write_bytes(made.read_bytes())
        change(root, "set", "1.0", index=simple)
    assert 'version = "1.0"' in (root / "pyproject.toml").read_text()


def test_an_index_that_does_not_answer(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The output says so, without the password, and the version is set."""
    root = project(tmp_path / "project")
    change(root, "set", "1.0", index="http://me:s3cret@127.0.0.1:9/simple/")
    said = capsys.readouterr().err
    assert said.startswith(
        "inconclusive: the index may have 1.0: http://[redacted]@127.0.0.1:9/simple/ does not list its files"
    )
    assert "s3cret" not in said
