"""What a release of a workspace contains, by git's tags and by what the packages require of each other."""

# ruff: noqa: E501 - a table of changes, one case in a row

from __future__ import annotations

import json
import shutil
from pathlib import Path

import jsonschema
import pytest

from omni_release.cli import main
from omni_release.core.errors import Inconclusive, UsageError
from omni_release.workspaces import discovery, listing, plan
from tests.repositories import clean_environment, git
from tests.workspaces.layouts import CORE, PLUG, UV, laid_out, package

FILES = {"pyproject.toml": UV, **CORE, **PLUG, "packages/solo/pyproject.toml": package("acme-solo", "2.0.0")}
TAGS = ("acme-core-1.0.0", "acme_plug/v0.3", "solo@2.0.0", "v9.9.9")


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository of three packages, each with a tag of its own version."""
    root = laid_out(tmp_path_factory.mktemp("template"), FILES)
    git("init", "--quiet", "--initial-branch=main", cwd=root)
    commit(root)
    for tag in TAGS:
        git("tag", tag, cwd=root, environment=clean_environment())
    return root


@pytest.fixture
def root(template: Path, tmp_path: Path) -> Path:
    """A copy of the repository, to change."""
    return shutil.copytree(template, tmp_path / "acme")


def commit(root: Path) -> None:
    git("add", "--all", cwd=root)
    git("commit", "--quiet", "--message=change", cwd=root, environment=clean_environment())


def planned(root: Path, *names: str, since: str = "") -> plan.Plan:
    found = discovery.discover(root)
    assert found is not None
    return plan.of_release(found, names, since)


def write(root: Path, name: str, text: str) -> None:
    laid_out(root, {name: text})
    commit(root)


def test_nothing_changed(root: Path) -> None:
    """A package whose folder is as its own tag has it is in no release; the tags of others do not count."""
    found = planned(root)
    assert (found.reasons, found.batches, found.problems) == ({}, (), ())
    assert {key: known.tag for key, known in found.histories.items()} == {
        "acme-core": "acme-core-1.0.0",
        "acme-plug": "acme_plug/v0.3",
        "acme-solo": "solo@2.0.0",
    }
    write(root, "README.md", "a file of no package")
    assert planned(root).reasons == {}


@pytest.mark.parametrize(
    ("file", "text", "reason", "problem"),
    [
        ("packages/core/acme_core.py", "x = 1", "changed since acme-core-1.0.0", "acme-core 1.0.0 has a tag already, acme-core-1.0.0; in the release: changed since acme-core-1.0.0"),
        ("packages/core/pyproject.toml", package("acme-core", "1.1"), "1.1 follows 1.0.0", ""),
        ("packages/core/pyproject.toml", package("acme-core", "0.9"), "changed since acme-core-1.0.0", "acme-core 0.9 is lower than 1.0.0 (tag acme-core-1.0.0)"),
    ],
)  # fmt: skip
def test_changed(file: str, text: str, reason: str, problem: str, root: Path) -> None:
    """A package with changed files or a later version is released; one that keeps its version has a problem."""
    write(root, file, text)
    found = planned(root)
    assert found.reasons == {"acme-core": reason}
    assert found.order == ("acme-core",)
    assert [item.message for item in found.problems] == ([problem] if problem else [])


def test_uncommitted(root: Path) -> None:
    """A new file that is not committed makes its package a changed one."""
    laid_out(root, {"packages/solo/new.py": ""})
    assert planned(root).reasons == {"acme-solo": "uncommitted changes since solo@2.0.0"}


def test_requirements_that_do_not_fit(root: Path) -> None:
    """A requirement that no version of a sibling satisfies is a problem; one that leaves the newest out is a warning."""
    write(root, "packages/core/pyproject.toml", package("acme-core", "2.0"))
    write(root, "packages/plug/pyproject.toml", package("acme_plug", "0.4", "acme-core>=1,<2"))
    write(root, "packages/solo/pyproject.toml", package("acme-solo", "2.1.0", "acme_core ~= 2.1"))
    found = planned(root)
    assert found.batches == (("acme-core",), ("acme-plug", "acme-solo"))
    assert [(item.where, item.message) for item in found.warnings] == [
        (
            "packages/plug/pyproject.toml:4",
            "acme_plug requires acme-core>=1,<2, which leaves out 2.0, the version of packages/core",
        )
    ]
    assert [(item.where, item.message, item.hint) for item in found.problems] == [
        (
            "packages/solo/pyproject.toml:4",
            "acme-solo requires acme_core ~= 2.1, but packages/core is at 2.0",
            "Raise the version of acme-core, or require less.",
        )
    ]


@pytest.mark.parametrize(
    ("requirement", "fits"),
    [
        ("acme-core", "fits"),
        ("acme-core==1.0.0", "fits"),
        ("acme-core==1.0", "fits"),
        ("acme-core==1.*", "fits"),
        ("acme-core!=1.0.0", "leaves out"),
        ("acme-core<1", "leaves out"),
        ("acme-core==0.9", "leaves out"),
        ("acme-core>1.0", "is at"),
        ("acme-core==1.1", "is at"),
        ("acme-core==2.*", "is at"),
        ("acme-core==1.1.*", "is at"),
        ("acme-core==0.*", "leaves out"),
        ("acme-core===1.1", "is at"),
        ("acme-core>=1.0.1,<2", "is at"),
        ("acme-core~=1.0.1", "is at"),
        ("acme-core @ file:///elsewhere", "fits"),
    ],
)
def test_requirement_and_version(requirement: str, fits: str, tmp_path: Path) -> None:
    """Whether a requirement admits 1.0.0, leaves it out, or needs a later version."""
    files = {**CORE, "x/pyproject.toml": package("x", "1.0", requirement)}
    found = planned(laid_out(tmp_path, files))
    said = [*(item.message for item in found.problems), *(item.message for item in found.warnings)]
    assert all(fits in message for message in said) if said else fits == "fits"


def test_requirement_on_a_private_package(tmp_path: Path) -> None:
    """A package that is never released cannot be required by one that is."""
    private = package("inner", more='classifiers = ["Private :: Do Not Upload"]')
    files = {**CORE, **PLUG, "inner/pyproject.toml": private, "x/pyproject.toml": package("x", "1.0", "inner")}
    (problem,) = planned(laid_out(tmp_path, files)).problems
    assert problem.message == "x requires inner, but inner is never released: its classifier `Private ::`"


def test_named_packages(root: Path) -> None:
    """A named package is released with what it needs, as far as that has changed; `since` compares with a commit."""
    write(root, "packages/core/pyproject.toml", package("acme-core", "1.1"))
    write(root, "packages/solo/pyproject.toml", package("acme-solo", "2.1.0"))
    assert planned(root, "Acme.Plug").reasons == {"acme-core": "1.1 follows 1.0.0", "acme-plug": "named"}
    assert planned(root, since="HEAD~1").reasons == {"acme-solo": "changed since HEAD~1"}
    with pytest.raises(UsageError, match="has no package acme-plugs"):
        planned(root, "acme-plugs")
    with pytest.raises(UsageError, match="git knows no commit 'gone'"):
        planned(root, since="gone")


def test_groups(root: Path) -> None:
    """Of packages that share a version all are released; plain tags are theirs where all packages share it."""
    own = '[tool.omni-release.workspace]\ngroups = { pair = ["acme-core", "acme-solo"] }\n'
    write(root, "pyproject.toml", UV + own)
    write(root, "packages/core/pyproject.toml", package("acme-core", "1.1"))
    found = planned(root)
    assert found.reasons == {"acme-core": "1.1 follows 1.0.0", "acme-solo": "one version with acme-core (group pair)"}
    messages = [item.message for item in found.problems]
    assert "the packages of the group pair have different versions: acme-core 1.1, acme-solo 2.0.0" in messages
    git("tag", "--delete", *TAGS[:3], cwd=root)
    write(root, "pyproject.toml", UV + '[tool.omni-release.workspace]\nversions = "fixed"\n')
    assert {known.tag for known in planned(root).histories.values()} == {"v9.9.9"}


def test_private_package_of_a_group(root: Path) -> None:
    """A package of a group that is never released is in no release, and does not remain."""
    own = '[tool.omni-release.workspace]\ngroups = { pair = ["acme-core", "inner"] }\n'
    write(root, "pyproject.toml", UV + own)
    private = package("inner", "1.1", more='classifiers = ["Private :: Do Not Upload"]')
    write(root, "packages/inner/pyproject.toml", private)
    write(root, "packages/core/pyproject.toml", package("acme-core", "1.1"))
    found = planned(root)
    assert found.reasons == {"acme-core": "1.1 follows 1.0.0"}
    assert list(plan.remaining(found)) == []


def test_tag_of_a_group(root: Path) -> None:
    """A package without a tag has the one of a package that shares its version."""
    own = '[tool.omni-release.workspace]\ngroups = { pair = ["acme-core", "acme-c"] }\n'
    write(root, "pyproject.toml", UV + own)
    write(root, "packages/c/pyproject.toml", package("acme-c"))
    found = planned(root)
    assert found.histories["acme-c"].tag == "acme-core-1.0.0"
    git("tag", "--force", "acme-core-1.0.0", cwd=root)
    found = planned(root)
    assert "acme-c" not in found.reasons
    said = [item.message for item in found.warnings]
    assert said == ["acme-c 1.0.0 has no tag of its own, only acme-core-1.0.0: was it released?"]


@pytest.mark.parametrize(
    ("tag", "expected"),
    [
        ("acme-core-1.0.0", "acme-core"),
        ("packages/plug/v0.3", "acme-plug"),
        ("v1.0.0", "acme-core acme-solo acme-plug"),
        ("other-1.0.0", ""),
        ("nightly", ""),
    ],
)
def test_packages_of_a_tag(tag: str, expected: str, root: Path) -> None:
    """The tag that has started a job names its packages; one without a name is of all that it can be of."""
    found = discovery.discover(root)
    assert found is not None
    if expected:
        assert plan.of_release(found, tag=tag).order == tuple(expected.split())
    else:
        with pytest.raises(UsageError, match="is no tag of a package"):
            plan.of_release(found, tag=tag)


def test_tag_of_another_version(root: Path) -> None:
    """A tag whose version the package does not have is a problem."""
    found = discovery.discover(root)
    assert found is not None
    (problem,) = plan.of_release(found, tag="acme-core-2.0").problems
    assert problem.message == "acme-core is at 1.0.0, and the tag is acme-core-2.0"


@pytest.mark.parametrize("tag", ["acme-core-1.0", "acme-core-1.0.0.0", "acme-core-v1.0.0"])
def test_tag_of_the_same_version(tag: str, root: Path) -> None:
    """A tag that writes the package's version in another way is no problem."""
    found = discovery.discover(root)
    assert found is not None
    assert plan.of_release(found, tag=tag).problems == ()


def test_tag_with_other_options(root: Path) -> None:
    """A tag names its packages: names or a commit beside it are refused."""
    found = discovery.discover(root)
    assert found is not None
    for names, since in ((("acme-core",), ""), ((), "HEAD")):
        with pytest.raises(UsageError, match="a tag names the packages"):
            plan.of_release(found, names, since, "acme-core-1.0.0")


def test_next_tags(root: Path) -> None:
    """The next tag of a package is as its settings say, or as its last one; without one, it names the package."""
    write(root, "packages/new/pyproject.toml", package("acme-new", "0.1"))
    write(root, "packages/set/pyproject.toml", package("acme-set") + '[tool.omni-release.git]\ntag = "s{version}"\n')
    for name, version in (("core", "1.1"), ("plug", "0.4"), ("solo", "2.1")):
        dotted = {"plug": "acme_plug"}.get(name, f"acme-{name}")
        write(root, f"packages/{name}/pyproject.toml", package(dotted, version))
    tags = {item["key"]: item["next_tag"] for item in listing.plan_document(planned(root))["packages"]}
    assert tags == {
        "acme-core": "acme-core-1.1",
        "acme-new": "acme-new-v0.1",
        "acme-plug": "acme_plug/v0.4",
        "acme-set": "s1.0.0",
        "acme-solo": "solo@2.1",
    }


@pytest.mark.parametrize(
    ("requirement", "names", "problem", "remains"),
    [
        ("acme-core>=1,<3", (), "", ""),
        (
            "acme-core==1.0.0",
            (),
            "acme_plug is not in this release, but requires acme-core==1.0.0, not 1.1",
            "acme_plug, which",
        ),
        ("acme-core<1.1", (), "", "acme_plug, which requires acme-core<1.1, not 1.1"),
        ("acme-core==1.0.0", ("acme-core",), "", "acme_plug, which requires acme-core==1.0.0, not 1.1"),
    ],
)
def test_left_behind(requirement: str, names: tuple[str, ...], problem: str, remains: str, root: Path) -> None:
    """A pin on what is replaced prevents the release, unless packages are named; else the run says what remains."""
    write(root, "packages/plug/pyproject.toml", package("acme_plug", "0.3", requirement, "httpx"))
    git("tag", "--force", "acme_plug/v0.3", cwd=root, environment=clean_environment())
    write(root, "packages/core/pyproject.toml", package("acme-core", "1.1"))
    found = planned(root, *names)
    assert list(found.reasons) == ["acme-core"]
    messages = [each.message for each in plan.problems_of_left_out(found, named=bool(names))]
    assert messages == [problem] * bool(problem)
    notes = list(plan.remaining(found))
    assert [note.startswith(f"remains: {remains}") for note in notes] == [True] * bool(remains)


def test_a_part_of_a_group_remains(root: Path) -> None:
    """With `--package` the others of its group are named."""
    own = '[tool.omni-release.workspace]\ngroups = { pair = ["acme-core", "acme-solo"] }\n'
    write(root, "pyproject.toml", UV + own)
    write(root, "packages/core/pyproject.toml", package("acme-core", "1.1"))
    assert list(plan.remaining(planned(root, "acme-core"))) == ["of the group pair remain: acme-solo"]
    assert list(plan.remaining(planned(root))) == []


def test_without_git(tmp_path: Path) -> None:
    """Outside a repository every package is released: none has a tag."""
    found = planned(laid_out(tmp_path, FILES))
    assert found.order == ("acme-core", "acme-solo", "acme-plug")


@pytest.mark.parametrize("broken", ["index", "files of a tag"])
def test_git_does_not_answer(broken: str, tmp_path: Path) -> None:
    """A package is not unchanged because git cannot compare it: what has changed is unknown then."""
    root = laid_out(tmp_path, {**CORE, "pyproject.toml": package("acme") + UV})
    git("init", "--quiet", cwd=root)
    commit(root)
    git("tag", "v1.0.0", cwd=root, environment=clean_environment())
    write(root, "packages/core/acme_core.py", "CHANGED = True\n")
    if broken == "index":
        (root / ".git" / "index").write_bytes(b"no index")
    else:
        tree = git("rev-parse", "v1.0.0:packages/core", cwd=root).strip()
        (root / ".git" / "objects" / tree[:2] / tree[2:]).unlink()
    with pytest.raises(Inconclusive, match=r"`git (status|diff)` fails in .*unknown which packages have changed"):
        planned(root)


def test_nested_packages(tmp_path: Path) -> None:
    """A change in a package below another one's folder is not a change of the outer one."""
    root = laid_out(tmp_path, {**CORE, "pyproject.toml": package("acme") + UV})
    git("init", "--quiet", cwd=root)
    commit(root)
    for tag in ("v1.0.0", "acme-core-1.0.0"):
        git("tag", tag, cwd=root, environment=clean_environment())
    write(root, "packages/core/acme_core.py", "x = 1")
    assert list(planned(root).reasons) == ["acme-core"]
    write(root, "acme.py", "x = 1")
    assert list(planned(root).reasons) == ["acme", "acme-core"]


def test_commands(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`workspace` and `plan` show the same facts as a table, as JSON and as a drawing."""
    write(root, "packages/core/pyproject.toml", package("acme-core", "0.9"))
    assert main.main(["workspace", "--project", str(root / "packages/plug")]) == 0
    text = capsys.readouterr().out
    assert "acme   3 packages, by [tool.uv.workspace]" in text
    assert "  acme_plug  0.3      acme_plug/v0.3   unchanged since acme_plug/v0.3  acme-core\n" in text
    assert main.main(["workspace", "--project", str(root), "--format", "mermaid"]) == 0
    assert 'flowchart BT\n  p0["acme-core 0.9"]' in (drawn := capsys.readouterr().out)
    assert "  p1 --> p0\n" in drawn
    assert main.main(["workspace", "--project", str(root), "--format", "json"]) == 0
    document = json.loads(capsys.readouterr().out)
    (requirement,) = document["packages"][1]["requires"]
    assert (requirement["name"], requirement["admits"]) == ("acme-core", False)
    assert main.main(["plan", "--project", str(root), "--package", "acme-plug", "--format", "json"]) == 1
    document = json.loads(capsys.readouterr().out)
    assert (document["order"], document["batches"]) == (["acme-core", "acme-plug"], [["acme-core"], ["acme-plug"]])
    assert document["problems"][-1]["where"] == "packages/plug/pyproject.toml:4"
    assert main.main(["plan", "--project", str(root)]) == 1
    assert "acme: 1 package in 1 batch\n" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["plan", "workspace"])
def test_schema(name: str, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The documents follow the schemas of the docs."""
    write(root, "packages/core/pyproject.toml", package("acme-core", "0.9"))
    write(root, "packages/solo/pyproject.toml", package("acme-solo", "2.1.0", "acme-core<0.9"))
    schema = json.loads((Path(__file__).parents[2] / "docs" / f"{name}.schema.json").read_text(encoding="utf-8"))
    main.main([name, "--project", str(root), "--format", "json"])
    document = json.loads(capsys.readouterr().out)
    jsonschema.validate(document, schema, cls=jsonschema.Draft202012Validator)
    assert document["problems"] and document["warnings"]


def test_no_workspace(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A single project is no workspace: the error says how to name its packages."""
    laid_out(tmp_path, {"pyproject.toml": package("acme")})
    assert main.main(["plan", "--project", str(tmp_path)]) == 2
    assert "[tool.omni-release.workspace]" in capsys.readouterr().err


def test_lines_of_problems(root: Path) -> None:
    """The plan as text has a line for each package with its reason, and each problem with its fix."""
    write(root, "packages/core/acme_core.py", "x = 1")
    lines = list(listing.order_lines(planned(root)))
    assert "    acme-core  1.0.0  changed since acme-core-1.0.0" in lines
    assert "    Fix: Raise it: omni-release version bump patch --package acme-core." in lines
