"""Ask GitHub's API who has approved a run of GitHub Actions, for one environment.

    python -m omni_release.scripts.github_approvals API OWNER/NAME RUN ENVIRONMENT

API is the address of the API. The variable `OMNI_RELEASE_GITHUB_TOKEN` has the token, which is sent there alone: no
redirect is followed. Prints JSON: the commit of the run, the logins of those who approved it, and what is the problem.

Source: "Get the review history for a workflow run" in GitHub's REST API.
"""

from __future__ import annotations

import json
import os
import sys
import urllib.error
import urllib.request
from typing import Any

_SECONDS = 20.0
_MOST = 5_000_000  # bytes of an answer


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *arguments: Any, **more: Any) -> None:
        return None


def _get(url: str, token: str) -> Any:
    """The JSON at an address of the API. Raises OSError or ValueError."""
    headers = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}
    request = urllib.request.Request(url, headers=headers | {"User-Agent": "omni-release"})  # noqa: S310 - checked
    request.add_unredirected_header("Authorization", f"Bearer {token}")
    with urllib.request.build_opener(_NoRedirect).open(request, timeout=_SECONDS) as answer:
        return json.loads(answer.read(_MOST))


def asked(api: str, repository: str, run: str, environment: str, token: str) -> dict[str, Any]:
    """What the API says, as it is printed: a person who has rejected the run has not approved it."""
    url = f"{api}/repos/{repository}/actions/runs/{run}"
    try:
        commit = str(_get(url, token)["head_sha"])
        states: dict[str, str] = {}
        for review in _get(f"{url}/approvals", token):
            login, state = str(review["user"]["login"]), str(review["state"])
            if any(each["name"] == environment for each in review["environments"]):
                states[login] = "rejected" if "rejected" in (state, states.get(login)) else state
        approved = sorted(login for login, state in states.items() if state == "approved")
    except urllib.error.HTTPError as error:
        return {"approved": [], "problem": f"it answers {error.code} {error.reason}"}
    except OSError as error:
        return {"approved": [], "problem": f"it does not answer: {getattr(error, 'reason', error)}"}
    except (ValueError, KeyError, TypeError):
        return {"approved": [], "problem": "its answer has another form"}
    return {"commit": commit, "approved": approved, "problem": ""}


if __name__ == "__main__":
    _, address, of_repository, number, named = sys.argv
    secret = os.environ.pop("OMNI_RELEASE_GITHUB_TOKEN")
    sys.stdout.write(json.dumps(asked(address, of_repository, number, named, secret)))
