"""The files of the built distributions, and how they differ from each other and from the checkout."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from omni_release import builds, distributions
from omni_release.core.documents import read_json
from omni_release.core.errors import InvalidDistribution
from omni_release.core.model import Release
from omni_release.distributions.archives import Entry
from omni_release.report import text
from omni_release.report.page_facts import Contents, Difference, FileState, PackedFile

_FILES = 3000  # shown per distribution
_SHOWN = 200  # files of one difference
_LARGE = 200 * 1024 * 1024  # bytes of a distribution: reading all of a larger one takes too long
_GENERATED = (".dist-info/", ".data/", ".egg-info/")


def contents(release: Release) -> tuple[Contents, ...]:
    """The files in each distribution of a run."""
    return tuple(_contents(path.name, distributions.contents(path)) for path in distributions.built(release.dist))


def _contents(name: str, entries: Iterable[Entry]) -> Contents:
    try:
        files = [PackedFile(entry.name, entry.size) for entry in entries]
    except InvalidDistribution as error:
        return Contents(name, problem=error.message)
    return Contents(name, tuple(files[:_FILES]), len(files[_FILES:]))


@dataclass
class _Place:
    """A file of the project, by what each side has of it: its sha256, and its size where it is packed."""

    path: str
    checkout: str = ""
    sdist: str = ""
    wheel: str = ""
    sizes: dict[str, int] = field(default_factory=dict)

    def state(self) -> FileState:
        """As the page shows it: the size, or that the bytes are others."""
        first = self.checkout or self.sdist or self.wheel

        def shown(side: str, sha256: str) -> str:
            size = text.size(self.sizes[side]) if side in self.sizes else "yes"
            return "" if not sha256 else size if sha256 == first else f"{size}, other bytes"

        return FileState(
            self.path, shown("checkout", self.checkout), shown("sdist", self.sdist), shown("wheel", self.wheel)
        )


def differences(release: Release) -> tuple[Difference, ...]:
    """What the checkout, the sdist and a wheel do not have in common, the suspicious kinds first."""
    built = distributions.built(release.dist)
    if any(path.stat().st_size > _LARGE for path in built):
        return ()
    sdist = next((path for path in built if not distributions.is_wheel(path.name)), None)
    wheel = next((path for path in built if distributions.is_wheel(path.name)), None)
    hashes = read_json(release.folder / builds.FILES)
    checkout = {str(name): str(sha256) for name, sha256 in hashes.items()} if isinstance(hashes, dict) else {}
    places = {name: _Place(name, checkout=sha256) for name, sha256 in checkout.items()}
    if sdist is not None:
        for entry in distributions.contents(sdist):
            place = places.setdefault(entry.name, _Place(entry.name))
            place.sdist, place.sizes["sdist"] = entry.sha256, entry.size
    if wheel is not None:
        _add_wheel(places, {entry.name: (entry.sha256, entry.size) for entry in distributions.contents(wheel)})
    roots = tuple(_packaged(release))
    return tuple(_kinds(places.values(), roots, has_sdist=sdist is not None, has_wheel=wheel is not None))


def _add_wheel(places: dict[str, _Place], files: Mapping[str, tuple[str, int]]) -> None:
    """Add the files of a wheel to those of the project that they were made of: of the same name below some folder."""
    by_name: dict[str, list[_Place]] = {}
    for place in places.values():
        by_name.setdefault(place.path.rpartition("/")[2], []).append(place)
    for name, (sha256, size) in files.items():
        candidates = [
            place
            for place in by_name.get(name.rpartition("/")[2], ())
            if place.path == name or place.path.endswith(f"/{name}")
        ]
        same = [place for place in candidates if sha256 in (place.checkout, place.sdist)]
        nearest = sorted(same or candidates, key=lambda place: len(place.path))
        place = nearest[0] if nearest else places.setdefault(name, _Place(name))
        place.wheel, place.sizes["wheel"] = sha256, size


def _packaged(release: Release) -> Iterator[str]:
    """The paths of the import packages, as those of their files begin."""
    root = release.project.root
    for package in release.project.packages:
        path = package.path.relative_to(root) if package.path.is_absolute() else package.path
        yield path.as_posix()


def _kinds(
    places: Iterable[_Place], roots: tuple[str, ...], *, has_sdist: bool, has_wheel: bool
) -> Iterator[Difference]:
    found = sorted(places, key=lambda place: place.path)

    def packaged(place: _Place) -> bool:
        return any(place.path == root or place.path.startswith(f"{root}/") for root in roots)

    def generated(place: _Place) -> bool:
        return any(part in f"{place.path}/" for part in _GENERATED) or place.path == "PKG-INFO"

    def changed(place: _Place) -> bool:
        return len({place.checkout, place.sdist, place.wheel} - {""}) > 1

    in_wheel = [place for place in found if has_wheel and packaged(place)]
    in_sdist = [place for place in found if has_sdist]
    yield from _difference(
        "{} of the import packages not in the wheel", [p for p in in_wheel if not p.wheel and (p.checkout or p.sdist)]
    )
    yield from _difference("{} with other bytes", [place for place in found if changed(place) and not generated(place)])
    only_wheel = [p for p in found if p.wheel and not p.checkout and not p.sdist and not generated(p)]
    yield from _difference("{} only in the wheel", only_wheel)
    left_out = [place for place in in_sdist if place.checkout and not place.sdist]
    yield from _difference("{} of the checkout not in the sdist", left_out, expected=True)
    added = [place for place in in_sdist if place.sdist and not place.checkout]
    yield from _difference("{} of the sdist not in the checkout", added, expected=True)


def _difference(title: str, places: list[_Place], *, expected: bool = False) -> Iterator[Difference]:
    if places:
        number = f"{len(places)} file{'' if len(places) == 1 else 's'}"
        files = tuple(place.state() for place in places[:_SHOWN])
        yield Difference(title.format(number), files, len(places[_SHOWN:]), expected)
