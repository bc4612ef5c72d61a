"""The failures of the day, as the maintainer met them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Failure:
    """A failure: its key, a title, and what happened."""

    key: str
    title: str
    happened: str


FAILURES = (
    Failure(
        "versions",
        "The version differed between files",
        "`pyproject.toml` said 1.1.0, `__init__.py` 1.0.11 and so did the lock file. It took an extra commit, and a "
        "published sdist still has the wrong `__version__`.",
    ),
    Failure(
        "dist",
        "Old files in dist/ were uploaded",
        "Files of an earlier release were still in `dist/`, and a later release tried to upload them again.",
    ),
    Failure(
        "pypirc",
        "The credentials were not found",
        "`uv publish` does not read `~/.pypirc`, which was noticed when everything else was done.",
    ),
    Failure("pip", "The environment had no pip", "An environment that uv created has no pip, so the upgrade failed."),
    Failure(
        "held",
        "A running program held a file",
        "A server was still running from the environment: the forced reinstallation failed half-way.",
    ),
    Failure(
        "models",
        "The model did not exist",
        "The code asked for a model that the service no longer had: every request was answered with 404.",
    ),
    Failure(
        "signatures",
        "Bytes in a field for text",
        "The service sent a `thought_signature` as bytes, the response model wanted a string. It was corrected in "
        "`generate` and missed in `refine`.",
    ),
    Failure(
        "silent",
        "Errors were only logged",
        "The user clicked, and nothing happened: the errors went to the log and to the browser's console.",
    ),
    Failure("typescript", "The front end did not compile", "The TypeScript compiler was not part of the release."),
    Failure(
        "abandoned",
        "A dependency was abandoned",
        "`google.generativeai` is no longer supported. Its warning was in the output of the tests, and ignored.",
    ),
    Failure("undeclared", "A dependency was missing", "`google-genai` was imported, and not among the dependencies."),
    Failure(
        "hollow",
        "The wheels were empty",
        '`sources = ["src"]` removed the folder in the sdist, so the wheel that was built from it had no module. '
        "Twenty releases were published like that, unnoticed: a wheel built from the checkout was complete.",
    ),
    Failure(
        "verified",
        "The upload was verified by hand",
        "Whether the release was on the index and could be installed was looked up by hand.",
    ),
    Failure(
        "rm",
        "Shell commands failed",
        "`rm -rf dist/` was blocked by a guard of the shell and hung; Windows paths and encodings broke scripts.",
    ),
)
"""In the order in which they happened."""
