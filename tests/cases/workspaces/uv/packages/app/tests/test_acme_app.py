"""The program."""

import acme_app
import pytest


def test_main(capsys: pytest.CaptureFixture[str]) -> None:
    acme_app.main()
    assert capsys.readouterr().out == "42\n"
