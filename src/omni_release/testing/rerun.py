"""Failed tests once more: against the checkout, installed editable, in an environment like that of the wheel."""

from __future__ import annotations

import enum
import json
import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib import metadata
from pathlib import Path

from packaging.utils import canonicalize_name

from omni_release import distributions, environments, git_queries, source_tree, testing
from omni_release.core.actions import Copy
from omni_release.core.model import Package, Release
from omni_release.core.world import Completed, World
from omni_release.environments import installers
from omni_release.testing import copied_files, machine, results
from omni_release.testing.commands import command
from omni_release.testing.deprecations import (
    INSTALLED_VARIABLE,
    NETWORK_VARIABLE,
    RECORD_VARIABLE,
    read_hosts,
    read_imports,
)
from omni_release.testing.named_lists import locked_versions
from omni_release.testing.results import FailedTest, Results

_CHECKOUT = "checkout"
_LOCKED = "locked"
UNRECORDED = {"OMNI_RELEASE_UNRECORDED": "1"}
"""The variable that has nothing recorded, as in a run that only compares."""

AS_USER = {"OMNI_RELEASE_AS_USER": "1"}
"""The variable that has tests run for another user than root; scripts/process_group.py reads it."""
_NO_DEADLINE = {"OMNI_RELEASE_NO_DEADLINE": "1"}
_NOT_FOUND = 4  # exit code of pytest, also where a node id does not exist


class Again(enum.Enum):
    """The result of a failed test when it ran again; the value follows its message."""

    ONLY_WHEEL = "only against the wheel: it passes against the checkout"
    BOTH = "also fails against the checkout"
    VARIABLES = "passes where no variable sets certificates or a proxy"
    USER = "passes for another user than root"
    LOCKED = "also fails against the checkout; passes with the versions of the lock file"
    NEEDS_SOURCE = "passes against the wheel where the tests find the source files of its packages, too"
    DEADLINE = "passes where Hypothesis has no deadline: this machine is slow"
    UNSTABLE = "passes when it runs again by itself, against the wheel and against the checkout"
    UNKNOWN = "could not be run against the checkout"


@dataclass(frozen=True)
class RerunResults:
    """How each failed test, by its node id, ended when it ran again; `whole` is for the command as a whole.

    `texts` is what pytest said about those that failed against the checkout, `hosts` the machine that a test asked for.
    """

    tests: Mapping[str, Again] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)
    hosts: Mapping[str, str] = field(default_factory=dict)
    whole: Again = Again.UNKNOWN


@dataclass(frozen=True)
class _Place:
    """An environment, the tree in which its tests run, and their variables."""

    environment: str
    tree: Path
    variables: Mapping[str, str] = field(default_factory=dict)
    without: tuple[str, ...] = ()


@dataclass(frozen=True)
class Rerun:
    """Tests that failed in the environment `base`, once more: in it, and in others that are made from it."""

    release: Release
    world: World
    base: str = "candidate"

    def compare(self, failures: Sequence[FailedTest]) -> RerunResults:
        """Run the failed tests against the checkout, and those that pass there again against the wheel.

        Without failures that have a node id, the whole command runs.
        """
        variables = self._install_checkout()
        if variables is None:
            return RerunResults()
        nodes = tuple(failure.node for failure in failures if failure.node)
        record = self.release.work_dir / "checkout.jsonl"
        variables = {**variables, RECORD_VARIABLE: str(record), NETWORK_VARIABLE: "1"}
        slow = frozenset(failure.node for failure in failures if machine.is_slow(failure.text))
        variables |= _NO_DEADLINE if slow else {}
        checkout = _Place(_CHECKOUT, self.release.work_dir / "checkout" / self.release.inside, variables)
        completed, found = self._run(checkout, nodes)
        if not testing.uses_pytest(self.release.project) or not nodes:
            return RerunResults(whole=Again.ONLY_WHEEL if completed.code == 0 else Again.BOTH)
        found = _named_as_before(self.release, found, nodes)
        failed = {failure.node: failure.text for failure in found.failures}
        tests = {node: Again.BOTH if node in failed else Again.UNKNOWN for node in nodes}
        # A module that was not collected has no node id of its own when all of its tests pass.
        passed = tuple(n for n in nodes if n in found.passed or (n not in failed and found.count and "::" not in n))
        tests |= self._passed_there(checkout, passed)
        tests |= {node: Again.DEADLINE for node in slow if tests.get(node) is Again.UNSTABLE}
        tests |= self._without_variables(tuple(failed))
        tests |= self._as_user(tuple(node for node in failed if tests.get(node) is Again.BOTH))
        both = tuple(node for node in failed if tests.get(node) is Again.BOTH)
        return RerunResults(tests | self._with_locked(both), failed, read_hosts(record))

    def _passed_there(self, checkout: _Place, nodes: tuple[str, ...]) -> dict[str, Again]:
        """What it means that these tests passed against the checkout: they run again by themselves, in both places."""
        if not nodes:
            return {}
        lifted = {name: value for name, value in checkout.variables.items() if name in _NO_DEADLINE}
        wheel = _Place(self.base, self.release.tests_tree, UNRECORDED | lifted)
        still = {failure.node for failure in self._run(wheel, nodes)[1].failures}
        suspects = tuple(node for node in nodes if node in still)
        there: set[str] = set()
        if suspects and suspects != nodes:  # the same tests in the same order
            found = _named_as_before(self.release, self._run(checkout, suspects)[1], suspects)
            there = {failure.node for failure in found.failures}
        suspects = tuple(node for node in suspects if node not in there)
        with_source = self._pass_with_source(checkout, suspects)
        with_source |= self._pass_in_place(checkout, tuple(node for node in suspects if node not in with_source))
        return {
            node: Again.BOTH
            if node in there
            else Again.NEEDS_SOURCE
            if node in with_source
            else Again.ONLY_WHEEL
            if node in still
            else Again.UNSTABLE
            for node in nodes
        }

    def _pass_with_source(self, checkout: _Place, nodes: tuple[str, ...]) -> frozenset[str]:
        """Those of the tests that pass against the wheel in the whole checkout: they read its source files.

        None where one of them imports the project from there.
        """
        if not nodes:
            return frozenset()
        record = self.release.work_dir / "with-source.jsonl"
        record.unlink(missing_ok=True)
        whole = _Place(self.base, checkout.tree, {RECORD_VARIABLE: str(record), INSTALLED_VARIABLE: "1"})
        _, found = self._run(whole, nodes)
        candidate = self.release.environment(self.base).resolve()
        imports = [Path(file).resolve().is_relative_to(candidate) for _, file in read_imports(record)]
        return _passed(found, nodes) if all(imports) else frozenset()

    def _pass_in_place(self, checkout: _Place, nodes: tuple[str, ...]) -> frozenset[str]:
        """Those of the tests that pass with the wheel's packages in the checkout's place: they read files around."""
        if not nodes:
            return frozenset()
        site = environments.site_packages(self.release.environment(self.base))
        for package in self.release.project.packages:
            put_in_place(package, site, checkout.tree)
        return _passed(_named_as_before(self.release, self._run(checkout, nodes)[1], nodes), nodes)

    def _without_variables(self, nodes: tuple[str, ...]) -> dict[str, Again]:
        """Those of the tests that pass against the wheel where certificates and proxies are not set by variables."""
        if not nodes or not (names := machine.network_variables(self.world.environment)):
            return {}
        place = _Place(self.base, self.release.tests_tree, UNRECORDED, names)
        _, found = self._run(place, nodes)
        return dict.fromkeys(_passed(found, nodes), Again.VARIABLES)

    def _as_user(self, nodes: tuple[str, ...]) -> dict[str, Again]:
        """Those of the tests that pass against the wheel for another user; none where this is not root."""
        if not nodes or not machine.is_root():
            return {}
        _, found = self._run(_Place(self.base, self.release.tests_tree, UNRECORDED | AS_USER), nodes)
        return dict.fromkeys(_passed(found, nodes), Again.USER)

    def _with_locked(self, nodes: tuple[str, ...]) -> dict[str, Again]:
        """Those of the tests that pass against the wheel with the versions of a lock file: what the project runs."""
        locked = locked_versions(self.release.project.root)
        installed = self._installed()
        wanted = tuple(
            f"{name}=={locked[name]}" if "@" not in line and name in locked else line
            for line in installed
            for name in [canonicalize_name(line.partition("==")[0])]
        )
        if not nodes or wanted == installed:
            return {}
        wheel = str(distributions.installable(self.release.dist))
        if not self._create(_LOCKED, (*wanted, wheel)):
            return {}
        _, found = self._run(_Place(_LOCKED, self.release.tests_tree), nodes)
        return dict.fromkeys(_passed(found, nodes), Again.LOCKED)

    def _run(self, place: _Place, nodes: tuple[str, ...]) -> tuple[Completed, Results]:
        """Run these tests; their files, where pytest does not know the node ids."""
        if place.environment == _CHECKOUT:
            nodes = tuple(copied_files.node_in_checkout(self.release, node) for node in nodes)
        log = f"tests-{place.environment}" if place.environment != self.base else "tests-again"
        report = self.release.work_dir / f"{log}.xml"
        for chosen in (nodes, tuple(dict.fromkeys(node.partition("::")[0] for node in nodes))):
            report.unlink(missing_ok=True)
            run = command(
                self.release,
                self.world,
                report,
                environment=place.environment,
                tree=place.tree,
                log=log,
                nodes=chosen,
                variables=place.variables,
                without=place.without,
            )
            completed = self.world.processes.run(run)
            if completed.code != _NOT_FOUND or not nodes:
                break
        return completed, results.read(report)

    def _install_checkout(self) -> Mapping[str, str] | None:
        """Create the environment, and install the checkout into it; the variables that it needs, or None.

        The checkout is a copy, as an editable install writes into it.
        """
        found = git_queries.working_tree(self.release.project.root, self.world.processes)
        top = found.top if found else self.release.project.root
        copy = self.release.work_dir / "checkout"
        files = source_tree.build_inputs(top, self.release.project.root, self.world.processes)
        self.world.files.copy(Copy(top, copy, files))
        # The copy's own, as the back end may ask git for the version.
        repository = self.release.work_dir / "again" / ".git"
        if repository.is_dir():
            shutil.copytree(repository, copy / ".git", symlinks=True)
        try:
            return self._install(copy / self.release.inside)
        finally:
            shutil.rmtree(copy / ".git", ignore_errors=True)  # without it, the tests find no repository, as in an sdist

    def _install(self, tree: Path) -> Mapping[str, str] | None:
        if not self._create(_CHECKOUT, self._installed()):
            return None
        for file in testing.recorder_files(self.release, _CHECKOUT):
            self.world.files.write(file)
        if self._add(_CHECKOUT, ("--editable", str(tree))):
            return {}
        # A back end without editable installs: the wheel for its metadata, and the source folders before it.
        if not self._add(_CHECKOUT, (str(distributions.installable(self.release.dist)),)):
            return None
        packages = self.release.project.packages
        folders = dict.fromkeys(str((tree / package.path).parents[package.name.count(".")]) for package in packages)
        return {"PYTHONPATH": os.pathsep.join(folders)}

    def _create(self, environment: str, words: Iterable[str]) -> bool:
        """Create an environment of exactly these requirements; whether that succeeded."""
        if self.world.processes.run(installers.create_environment(self.release, self.world, environment)).code != 0:
            return False
        return self._add(environment, words)

    def _add(self, environment: str, words: Iterable[str]) -> bool:
        """Install into an environment, without dependencies; whether that succeeded."""
        install = installers.install_dependencies(self.release, self.world, environment, "--no-deps", *words)
        return installers.succeeds(self.world, install)

    def _installed(self) -> tuple[str, ...]:
        """The distributions of the wheel's environment as exact requirements, without the project and the recorder."""
        own = {canonicalize_name(self.release.project.name), "omni-release-recorder"}
        requirements = []
        site = environments.site_packages(self.release.environment(self.base))
        for dist in metadata.distributions(path=[str(site)]):
            if canonicalize_name(dist.name) in own:
                continue
            origin = json.loads(dist.read_text("direct_url.json") or "{}")
            vcs = origin.get("vcs_info", {})
            url = f"{vcs['vcs']}+{origin['url']}@{vcs['commit_id']}" if vcs else origin.get("url")
            requirements.append(f"{dist.name} @ {url}" if url else f"{dist.name}=={dist.version}")
        return tuple(sorted(requirements))


def put_in_place(package: Package, site: Path, tree: Path) -> None:
    """Replace a package in a tree by what is installed of it: by nothing, if that is nothing."""
    installed, target = (site / Path(*package.name.split("."))).with_suffix(package.path.suffix), tree / package.path
    if target.is_dir():
        shutil.rmtree(target)
    else:
        target.unlink(missing_ok=True)
    if installed.is_dir():
        shutil.copytree(installed, target, ignore=shutil.ignore_patterns("__pycache__"))
    elif installed.is_file():
        shutil.copyfile(installed, target)


def _named_as_before(release: Release, found: Results, nodes: tuple[str, ...]) -> Results:
    """The results against the checkout, with the node ids that installed tests have against the wheel."""
    paths = {node.partition("::")[0] for node in nodes}
    before = {copied_files.node_in_checkout(release, path): path for path in paths}

    def named(node: str) -> str:
        path, separator, test = node.partition("::")
        return f"{before.get(path, path)}{separator}{test}"

    failures = tuple(replace(failure, node=named(failure.node)) for failure in found.failures)
    return replace(found, failures=failures, passed=frozenset(map(named, found.passed)))


def _passed(found: Results, nodes: tuple[str, ...]) -> frozenset[str]:
    """Those of the tests that passed, and of the modules whose tests all did."""
    failed = {failure.node.partition("::")[0] for failure in found.failures}
    modules = {node.partition("::")[0] for node in found.passed} - failed
    return frozenset(node for node in nodes if node in found.passed or node in modules)
