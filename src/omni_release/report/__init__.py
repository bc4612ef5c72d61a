"""A report in each of its forms: text, JSON, JUnit, SARIF, Markdown, annotations; and written to files.

`catalogue` is no report: it is the list of all tasks, which `nox -s docs` writes to docs/checks.md.
"""
