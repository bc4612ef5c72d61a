"""`python -m omni_release` and the `omni-release` program.

`omni-release version` runs at every commit. Where all places agree, it ends here, before a parser is built.
"""

import sys

if __name__ == "__main__" and not sys.flags.safe_path:
    del sys.path[0]  # `python -m` puts the working directory there: a project's own json.py is not ours to import


def main() -> None:
    """Run the command line and exit with its code."""
    try:
        if sys.argv[1:2] == ["version"] and _versions_agree(sys.argv[2:]):
            sys.exit(0)
        from omni_release.cli import main as cli_main

        sys.exit(cli_main.main())
    except KeyboardInterrupt:  # during the imports
        sys.stderr.write("omni-release: interrupted\n")
        sys.exit(130)


def _versions_agree(arguments: list[str]) -> bool:
    """Whether this is `version [check] [--staged] [--project DIR]` and all places agree, which is then printed.

    Otherwise nothing is printed: the command line repeats the check, with waivers, formats and messages.
    """
    match arguments:
        case [] | ["check"] | ["check", "--staged"]:
            root = "."
        case ["--project", root] | ["check", "--project", root]:
            pass
        case _:
            return False
    import os.path

    from omni_release import versions
    from omni_release.core.errors import OmniReleaseError
    from omni_release.versions import tags
    from omni_release.versions.pep440 import normalize
    from omni_release.versions.place import DERIVED, DOC

    if os.path.exists(os.path.join(root, ".omni-release", "swap.json")):
        return False
    staged = arguments[-1:] == ["--staged"]
    try:
        checkout = versions.open_checkout(root, staged=staged)
        settings = (checkout.toml(checkout.inside + "pyproject.toml").get("tool") or {}).get("omni-release")
        if settings is not None:
            from pathlib import Path

            from omni_release import project

            project.read(Path(root).absolute())  # raises SettingsError, which the command line reports
        found = versions.find_places(root, checkout)
    except (OmniReleaseError, OSError, UnicodeError):
        return False
    versions.remember(found, root, staged=staged)
    if not found.name.isprintable() or "::" in found.name:
        return False
    if not found.name or found.source is None or found.unreadable or found.unheaded or versions.drift(found.places):
        return False
    template = ((settings or {}).get("git") or {}).get("tag", "")
    if versions.version_of(found.places) and tags.has_later(root, found.name, template, found.source.value):
        return False
    stated = sum(place.role not in (DERIVED, DOC) for place in found.places)
    agree = "1 place states it" if stated == 1 else f"{stated} places agree"
    sys.stdout.write(f"{found.name} {normalize(found.source.value)}: {agree}\n")
    return True


if __name__ == "__main__":
    main()
