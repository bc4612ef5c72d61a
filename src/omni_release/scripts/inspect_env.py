"""Say what an environment is, and what it has of a distribution. Runs on the interpreter of that environment.

    python -I local.py DISTRIBUTION

prints JSON: {"python", "prefix", "site", "pip", "version", "direct_url"}; the last two are null where the distribution
is not installed, or does not say. Standard library alone.
"""

import importlib.metadata
import importlib.util
import json
import platform
import sys
import sysconfig


def main(argv: list) -> None:  # type: ignore[type-arg]  # any Python that a user's project may run on
    """Look, and print."""
    found = {
        "python": platform.python_version(),
        "prefix": sys.prefix,
        "site": sysconfig.get_path("purelib"),
        "pip": importlib.util.find_spec("pip") is not None,
        "version": None,
        "direct_url": None,
    }
    try:
        distribution = importlib.metadata.distribution(argv[0])
    except importlib.metadata.PackageNotFoundError:
        pass
    else:
        stated = distribution.read_text("direct_url.json")
        found["version"] = distribution.version
        found["direct_url"] = json.loads(stated) if stated else None
    print(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1:])
