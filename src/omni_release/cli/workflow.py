"""`workflow github`: print the CI workflows, or write them to .github/workflows/."""

from __future__ import annotations

import re
import sys
from collections import namedtuple
from pathlib import Path

from omni_release import __version__
from omni_release.cli import parser as cli_parser
from omni_release.cli.parser import add_format, add_project, subcommand
from omni_release.core import errors
from omni_release.core.errors import Conflict
from omni_release.core.vendors import VENDORS

TYPE_CHECKING = False  # as the type checker knows it; importing typing slows the start down
if TYPE_CHECKING:
    from omni_release.cli.parser import Commands

FOLDER = Path(".github", "workflows")

HASHES = Path(".github", "omni-release.txt")
"""The requirements of omni-release with their hashes, if the project has them."""

NAMES = ("gate", "release", "watch", "nightly")

TAGS = {"gate": ("ci", 60), "nightly": ("nightly", 300)}
"""The workflows with a job for each nox session of a tag, and the minutes that one may take."""


class Arguments(cli_parser.Arguments):
    """The arguments of `workflow`; without `name`, all workflows."""

    name: str = ""
    write: bool = False


def add_parser(commands: Commands, name: str) -> None:
    """Add `workflow`."""
    described = "Generate GitHub workflows: gate, release, watch, nightly sessions"
    parser = subcommand(commands, name, described, "workflow github", "workflow github release --write")
    parser.add_argument("verb", choices=("github",), help="the CI service")
    parser.add_argument("name", nargs="?", choices=NAMES, help="one workflow (default: all that apply)")
    parser.add_argument("--write", action="store_true", help="write to .github/workflows/ instead of stdout")
    add_project(parser)
    add_format(parser)
    parser.set_defaults(run=run)


def run(arguments: Arguments) -> int:
    """Print or write the workflows. Raises Conflict where a file with other content exists."""
    root = arguments.project.absolute()
    contents = texts(root, *((arguments.name,) if arguments.name else names(root)))
    if arguments.write:
        write({root / path: text.encode() for path, text in contents.items()})
    if arguments.as_json:
        from omni_release.core.documents import to_output

        content = [{"path": path, "text": text} for path, text in contents.items()]
        document = {"workflows": content, "written": arguments.write}
        sys.stdout.write(to_output(document))
    elif arguments.write:
        sys.stdout.writelines(f"{path}\n" for path in contents)
    else:
        sys.stdout.write("---\n".join(f"# {path}\n{text}" for path, text in contents.items()))
    return errors.EXIT_PASSED


def names(root: Path) -> tuple[str, ...]:
    """The workflows that apply to the project in this folder: `nightly` where its noxfile has that tag.

    `watch` is for one project.
    """
    many = _packages_at(root) is not None
    noxfile = root / "noxfile.py"
    tagged = noxfile.is_file() and re.search(rb"""["']nightly["']""", noxfile.read_bytes())
    return tuple(name for name in NAMES if (tagged or name != "nightly") and not (many and name == "watch"))


def texts(root: Path, *names: str) -> dict[str, str]:
    """The workflows of these names for the project in this folder, or for all packages below it: their text by path."""
    # The matrix is what nox lists: without a noxfile there is none.
    parts = {"gate": ("sessions",) if (root / "noxfile.py").is_file() else (), "nightly": ("sessions",)}
    by_hash, smoke, own = (root / HASHES).is_file(), has_smoke_tests(root), _is_omni_release(root)
    keys = smoke_keys(root) if smoke else ()
    packages, branch, reviewers = _packages_at(root), default_branch(root), approval_environment(root)
    rebuilt = _asks_for_rebuild(root)
    return {
        (FOLDER / f"{name}.yml").as_posix(): github(
            name,
            *parts.get(name, ()),
            by_hash=by_hash,
            keys=keys,
            own=own,
            packages=packages,
            branch=branch,
            rebuilt=rebuilt,
            reviewers=reviewers,
        )
        for name in names
    }


class Packages(namedtuple("Packages", "batches by_tag")):
    """What the workflows of many packages need to know: in how many batches they are published, and what starts it.

    `by_tag` says that the build takes all versions from git's tags.
    """

    __slots__ = ()

    batches: int
    by_tag: bool


def _packages_at(root: Path) -> Packages | None:
    """The packages of the workspace in this folder; None where there is one project, or none that can be read."""
    from omni_release.workspaces import discovery, order

    try:
        workspace = discovery.discover(root)
        if workspace is None:
            return None
        released = list(workspace.released)
        batches = len(order.batches(workspace, [package.key for package in released]))
        return Packages(batches, not any(package.version for package in released))
    except OSError:
        return None


def _asks_for_rebuild(root: Path) -> bool:
    """Whether the project here, or one of the packages below, publishes only what was rebuilt elsewhere."""
    from omni_release import project
    from omni_release.workspaces import discovery

    try:
        workspace = discovery.discover(root)
        folders = [workspace.folder_of(package.key) for package in workspace.released] if workspace else [root]
        return any(project.load(folder).settings.publish.rebuilt_elsewhere for folder in folders)
    except (errors.OmniReleaseError, OSError):
        return False


def _is_omni_release(root: Path) -> bool:
    """Whether the project is omni-release itself, whose workflows install the checkout."""
    from omni_release import project

    try:
        return project.load(root).name == "omni-release"
    except (errors.OmniReleaseError, OSError):
        return False


def default_branch(root: Path) -> str:
    """The branch of the remote, as the clone knows it; else `main`, or `master` where only that exists."""
    from omni_release import git_queries

    head = git_queries.output(str(root), "symbolic-ref", "--quiet", "--short", "refs/remotes/origin/HEAD")
    if head and re.fullmatch(r"[\w./-]+", head.strip()):
        return head.strip().removeprefix("origin/")
    listed = git_queries.output(str(root), "for-each-ref", "--format=%(refname:lstrip=-1)", "refs") or ""
    return "master" if "master" in listed.split() and "main" not in listed.split() else "main"


def has_smoke_tests(root: Path) -> bool:
    """Whether the project has smoke tests; assumed where the project cannot be read."""
    from omni_release import project

    try:
        from omni_release.smoke import runner

        return runner.has_smoke_tests(project.load(root))
    except (errors.OmniReleaseError, OSError, ImportError):
        return True


def smoke_keys(root: Path) -> tuple[str, ...]:
    """The variable of the key of each vendor that the project's smoke tests call."""
    from omni_release import project
    from omni_release.core.settings import Settings

    try:
        settings = project.load(root).settings
    except (errors.OmniReleaseError, OSError):
        settings = Settings()
    return tuple(VENDORS[name].keys[0] for name in settings.smoke.vendors)


def approval_environment(root: Path) -> str | None:
    """The environment whose reviewers approve a release, empty without one; None where no approval is asked for.

    Of many packages, one that asks is enough.
    """
    from omni_release import project
    from omni_release.workspaces import discovery

    found = []
    try:
        workspace = discovery.discover(root)
        folders = [root / package.folder for package in workspace.released] if workspace else [root]
        for folder in folders:
            publish = project.load(folder).settings.publish
            found += [publish.github_environment] if publish.approvals else []
    except (errors.OmniReleaseError, OSError):
        pass
    return max(found, default=None)


def write(contents: dict[Path, bytes]) -> None:
    """Write all files, or none. Raises Conflict where a file with other content exists."""
    from omni_release.cli import lane
    from omni_release.core.actions import Write

    for path, content in contents.items():
        if path.exists() and path.read_bytes() != content:
            raise Conflict(f"{path} exists, with other content", "Compare it with the output without --write.")
    files = lane.files()
    for path, content in contents.items():
        files.write(Write(path, content))


# Last updated in 2026-08, from public workflows.


class Pinned(namedtuple("Pinned", "action commit version")):
    """An action, the commit that it is pinned to, and the version of this commit."""

    __slots__ = ()

    action: str
    commit: str
    version: str

    def __str__(self) -> str:
        return f"{self.action}@{self.commit} # {self.version}"


GEMINI = VENDORS["gemini"].keys[:1]


ACTIONS = {
    "checkout": Pinned("actions/checkout", "3d3c42e5aac5ba805825da76410c181273ba90b1", "v7.0.1"),
    "setup-python": Pinned("actions/setup-python", "5fda3b95a4ea91299a34e894583c3862153e4b97", "v7.0.0"),
    "upload-artifact": Pinned("actions/upload-artifact", "043fb46d1a93c77aae656e7c1c64a875d1fc6a0a", "v7.0.1"),
    "download-artifact": Pinned("actions/download-artifact", "3e5f45b2cfb9172054b4087a40e8e0b5a5461e7c", "v8.0.1"),
    "gh-action-pypi-publish": Pinned(
        "pypa/gh-action-pypi-publish", "dc37677b2e1c63e2034f94d8a5b11f265b73ba33", "v1.14.2"
    ),
    "upload-sarif": Pinned("github/codeql-action/upload-sarif", "ff2f1c621b7f889edc0d3c761ac2e6a3f8cdb0dd", "v4.37.7"),
}
"""The only place where the commits of the actions are written."""

_REQUIREMENT = f"omni-release[all]=={__version__}"


def github(
    name: str,
    *extra_parts: str,
    by_hash: bool = False,
    keys: tuple[str, ...] = GEMINI,
    own: bool = False,
    packages: Packages | None = None,
    branch: str = "main",
    rebuilt: bool = False,
    reviewers: str | None = None,
) -> str:
    """The workflow of this name, with the jobs of the extra parts at its end, for this branch.

    With `by_hash` omni-release is installed from the file `HASHES`, with `own` from the checkout. Without `keys`,
    the variables of the vendors that are called, no job runs live smoke tests. With `packages`, the gate and the
    release are those of many packages. With `rebuilt`, a job of the release builds again what is published. With
    `reviewers`, the name of an environment or an empty one, a job asks whether the release is approved.
    """
    from importlib import resources

    folder = resources.files("omni_release") / "workflows"
    first = f"workspace-{name}" if packages and name in ("gate", "release") else name
    text = "".join((folder / f"{part}.yml").read_text(encoding="utf-8") for part in (first, *extra_parts))
    text = text.replace("jobs:\n\n", "jobs:\n")
    if packages:
        text = _of_packages(text, packages)
    text = re.sub(r"uses: <([a-z-]+)>", lambda match: f"uses: {ACTIONS[match[1]]}", text)
    text = _kept(_kept(text, "smoke", bool(keys)), "rebuild", rebuilt)
    if not rebuilt:
        text = text.replace("rebuild, ", "")
    if keys:
        text = re.sub(r"(?m)^(.*)<key>(.*)<key>(.*\n)", lambda m: "".join(k.join(m.groups()) for k in keys), text)
        text = text.replace("<keys>", ", ".join(keys))
    else:
        text = text.replace(", live-smoke", "")
    text = _kept(text, "approved", reviewers is not None)
    text = _kept(text, "reviewers", bool(reviewers))
    if reviewers is None:
        text = text.replace(", approved]", "]")
    quoted = " ".join((reviewers or "").split()).replace("'", "''")
    text = text.replace("<reviewers>", f"'{quoted}'")
    text = _kept(text, "own", own)
    if by_hash:
        installs = re.compile(r'(pip install(?: --no-cache-dir)?) "<omni-release>"')
        text = installs.sub(rf"\1 --require-hashes -r {HASHES.as_posix()}", text)
    if own:
        text = text.replace('install "<omni-release>"', 'install -e ".[dev]"')
        text = text.replace('--no-cache-dir "<omni-release>"', '--no-cache-dir ".[all]"')
    tag, minutes = TAGS.get(name, ("", 0))
    text = text.replace("<branch>", branch if re.fullmatch(r"[A-Za-z][\w/-]*", branch) else f'"{branch}"')
    return text.replace("<omni-release>", _REQUIREMENT).replace("<tag>", tag).replace("<minutes>", str(minutes))


def _kept(text: str, mark: str, keep: bool) -> str:  # noqa: FBT001 - whether the part is kept
    """The text with or without its parts between `# <mark>` and `# </mark>`."""
    if keep:
        return re.sub(rf" *# </?{mark}>\n", "", text)
    after = r"\n?" if mark in ("smoke", "rebuild", "approved") else ""  # whole jobs, each followed by an empty line
    return re.sub(rf" *# <{mark}>\n.*?# </{mark}>\n{after}", "", text, flags=re.DOTALL)


def _of_packages(text: str, packages: Packages) -> str:
    """The text for these packages: what starts it, and one step for each batch that is published."""
    text = _kept(_kept(text, "manual", not packages.by_tag), "tags", packages.by_tag)

    def repeated(match: re.Match[str]) -> str:
        return "".join(match[1].replace("<number>", str(number)) for number in range(packages.batches))

    text = re.sub(r" *# <batch>\n(.*?) *# </batch>\n", repeated, text, flags=re.DOTALL)
    return text.replace("<batches>", str(packages.batches))
