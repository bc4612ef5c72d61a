"""The environments of child processes."""

from __future__ import annotations

from pathlib import Path

from omni_release import programs

RUN = Path("run")
OUTER = {
    "PATH": "/bin",
    "HOME": "/home/ada",
    "VIRTUAL_ENV": "/x",
    "PYTHONPATH": "/x",
    "PYTHONHOME": "/x",
    "PIP_FIND_LINKS": "/x",
    "PIP_CERT": "/cert",
    "PIP_CONFIG_FILE": "/dev/null",
    "UV_CACHE_DIR": "/cache",
    "UV_FIND_LINKS": "/x",
    "TWINE_PASSWORD": "secret",
    "TESTPYPI_ID_TOKEN": "secret",
    "HATCH_INDEX_AUTH": "secret",
    "COMPOSER_AUTH": "secret",
    "npm_config__auth": "secret",
    "DOCKER_AUTH_CONFIG": "secret",
    "AZURE_STORAGE_CONNECTION_STRING": "secret",
    "SLACK_WEBHOOK_URL": "secret",
    "SITE_COOKIE": "secret",
    "POETRY_PYPI_TOKEN_PYPI": "secret",
    "FLIT_PASSWORD": "secret",
    "PDM_PUBLISH_PASSWORD": "secret",
    "GITHUB_TOKEN": "secret",
    "GEMINI_API_KEY": "secret",
    "OPENAI_API_KEY": "secret",
    "FAL_KEY": "secret",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "GOOGLE_APPLICATION_CREDENTIALS": "secret",
    "SMTP_PASS": "secret",
    "pgpassword": "secret",
    "UV_INDEX_COMPANY_PASSWORD": "index secret",
    "PIP_EXTRA_INDEX_URL": "https://ada:pass@index.example.invalid/simple/",
    "SSH_AUTH_SOCK": "/agent",
    "TOKENIZERS_PARALLELISM": "false",
    "DATABASE_URL": "db",
    "GIT_DIR": "/x",
    "PYTEST_ADDOPTS": "-k some",
}


def test_tool_env() -> None:
    """Variables that redirect an installer and credentials are removed; those of certificates and the cache stay."""
    inner = programs.tool_env(OUTER, RUN)
    assert not inner.keys() & {"VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME", "PIP_FIND_LINKS", "UV_FIND_LINKS"}
    assert "secret" not in inner.values()
    assert (inner["PIP_CERT"], inner["UV_CACHE_DIR"], inner["PATH"]) == ("/cert", "/cache", "/bin")


def test_given_by_name() -> None:
    """A secret that the settings name is passed, and no other."""
    inner = programs.test_env(OUTER, RUN, ("SMTP_PASS",))
    assert [name for name, value in inner.items() if value == "secret"] == ["SMTP_PASS"]


def test_test_env() -> None:
    """Tests get the outer variables, without Python's settings and without credentials to publish."""
    inner = programs.test_env(OUTER, RUN)
    assert (inner["DATABASE_URL"], inner["SSH_AUTH_SOCK"], inner["TOKENIZERS_PARALLELISM"]) == ("db", "/agent", "false")
    assert "secret" not in inner.values()
    assert inner[programs.RUN_VARIABLE] == "run"
    assert not inner.keys() & {"PYTHONPATH", "TWINE_PASSWORD", "GITHUB_TOKEN", "GIT_DIR", "PYTEST_ADDOPTS"}
