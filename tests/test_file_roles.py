"""What each file of a checkout is for, by its path."""

from __future__ import annotations

from pathlib import PurePosixPath

import pytest

from omni_release.file_roles import FileRoles, Role

ROLES = FileRoles((PurePosixPath("src/acme"), PurePosixPath("one.py")))


@pytest.mark.parametrize(
    ("path", "role"),
    [
        *(("src/acme/a.py", Role.SHIPPED), ("one.py", Role.SHIPPED), ("src/acme/testing/__init__.py", Role.SHIPPED)),
        *(("src/acme/templates/a.html", Role.SHIPPED), ("src/acme/tools/a.py", Role.SHIPPED)),
        *(("src/acme/_vendor/a/b.py", Role.VENDORED), ("src/acme/third_party/b.py", Role.VENDORED)),
        *(("src/acme/tests/a.py", Role.TEST), ("src/acme/a_test.py", Role.TEST), ("tests/a.py", Role.TEST)),
        *(("test_a.py", Role.TEST), ("web/a.test.ts", Role.TEST), ("web/__tests__/a.ts", Role.TEST)),
        *(("conftest.py", Role.TEST), ("cassettes/a.yaml", Role.TEST)),
        *(("examples/a.py", Role.EXAMPLE), ("demo/a.py", Role.EXAMPLE), ("a.ipynb", Role.EXAMPLE)),
        *(("{{cookiecutter.name}}/a.py", Role.EXAMPLE), ("docs/conf.py", Role.DOCS), ("website/a.ts", Role.DOCS)),
        *(("noxfile.py", Role.DEVELOPMENT), ("setup.py", Role.DEVELOPMENT), ("scripts/a.py", Role.DEVELOPMENT)),
        *((".github/workflows/a.yml", Role.DEVELOPMENT), ("Makefile", Role.DEVELOPMENT), ("bench/a", Role.DEVELOPMENT)),
        *(("web/src/tools/a.ts", Role.OTHER), (".env.example", Role.OTHER), ("other/a.py", Role.OTHER)),
    ],
)
def test_role(path: str, role: Role) -> None:
    """A file in an import package ships, unless it is a test or third-party; others are known by their folders."""
    assert ROLES.role(path) is role


def test_nothing_known_ships() -> None:
    """Where no import package is known, what is for nothing else ships."""
    assert FileRoles(()).role("app.py") is Role.SHIPPED
    assert FileRoles(()).role("tests/app.py") is Role.TEST
