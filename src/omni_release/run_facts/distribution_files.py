"""The files of the built distributions, and how they differ from each other and from the checkout."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from omni_release import builds, distributions
from omni_release.core.documents import read_json
from omni_release.core.errors import InvalidDistribution
from omni_release.core.model import Release
from omni_release.report import text
from omni_release.report.page_facts import Contents, Difference, FileState, PackedFile

_FILES = 3000  # shown per distribution
_SHOWN = 200  # files of one difference
_LARGE = 200 * 1024 * 1024  # bytes of a distribution: reading all of a larger one takes too long
_GENERATED = (".dist-info/", ".data/", ".egg-info/")


@dataclass(frozen=True)
class Packed:
    """A distribution: its file name, and the size and sha256 of each file in it, or why it cannot be read.

    The files of a very large one have no hashes.
    """

    name: str
    files: Mapping[str, tuple[int, str]] = field(default_factory=dict)
    problem: str = ""


def packed(release: Release) -> tuple[Packed, ...]:
    """The distributions of a run, each read once."""
    return tuple(map(_packed, distributions.built(release.dist)))


def _packed(path: Path) -> Packed:
    small = path.stat().st_size <= _LARGE
    try:
        entries = distributions.contents(path)
        return Packed(path.name, {entry.name: (entry.size, entry.sha256 if small else "") for entry in entries})
    except InvalidDistribution as error:
        return Packed(path.name, problem=error.message)


def contents(packed: Iterable[Packed]) -> tuple[Contents, ...]:
    """The files in each distribution, as many as a page can show."""
    return tuple(
        Contents(
            each.name,
            tuple(PackedFile(name, size) for name, (size, _) in list(each.files.items())[:_FILES]),
            max(len(each.files) - _FILES, 0),
            each.problem,
        )
        for each in packed
    )


@dataclass
class _Place:
    """A file of the project, by what each side has of it: its sha256, and its size where it is packed.

    `moved` is its path in the sdist, where it is another one.
    """

    path: str
    checkout: str = ""
    sdist: str = ""
    wheel: str = ""
    moved: str = ""
    sizes: dict[str, int] = field(default_factory=dict)

    def state(self) -> FileState:
        """As the page shows it: the size, or that the bytes are others."""
        first = self.checkout or self.sdist or self.wheel

        def shown(side: str, sha256: str) -> str:
            size = text.size(self.sizes[side]) if side in self.sizes else "yes"
            size += f", at {self.moved}" if side == "sdist" and self.moved else ""
            return "" if not sha256 else size if sha256 == first else f"{size}, other bytes"

        return FileState(
            self.path, shown("checkout", self.checkout), shown("sdist", self.sdist), shown("wheel", self.wheel)
        )


def differences(release: Release, packed: Sequence[Packed]) -> tuple[Difference, ...]:
    """What the checkout, the sdist and a wheel do not have in common, the suspicious kinds first.

    Nothing where one of them cannot be read, or is too large to be.
    """
    if not packed or any(each.problem or not all(sha256 for _, sha256 in each.files.values()) for each in packed):
        return ()
    sdist = next((each for each in packed if not distributions.is_wheel(each.name)), None)
    wheel = next((each for each in packed if distributions.is_wheel(each.name)), None)
    hashes = read_json(release.folder / builds.FILES)
    checkout = {str(name): str(sha256) for name, sha256 in hashes.items()} if isinstance(hashes, dict) else {}
    places = {name: _Place(name, checkout=sha256) for name, sha256 in checkout.items()}
    for name, (size, sha256) in sdist.files.items() if sdist else ():
        place = places.setdefault(name, _Place(name))
        place.sdist, place.sizes["sdist"] = sha256, size
    if wheel is not None:
        _add_wheel(places, wheel.files)
    _join_moved(places)
    roots = tuple(_packaged(release))
    return tuple(_kinds(places.values(), roots, has_sdist=sdist is not None, has_wheel=wheel is not None))


def _add_wheel(places: dict[str, _Place], files: Mapping[str, tuple[int, str]]) -> None:
    """Add the files of a wheel to those of the project that they were made of: of the same name below some folder."""
    by_name: dict[str, list[_Place]] = {}
    for place in places.values():
        by_name.setdefault(place.path.rpartition("/")[2], []).append(place)
    for name, (size, sha256) in files.items():
        candidates = [
            place
            for place in by_name.get(name.rpartition("/")[2], ())
            if place.path == name or place.path.endswith(f"/{name}")
        ]
        same = [place for place in candidates if sha256 in (place.checkout, place.sdist)]
        nearest = sorted(same or candidates, key=lambda place: len(place.path))
        place = nearest[0] if nearest else places.setdefault(name, _Place(name))
        place.wheel, place.sizes["wheel"] = sha256, size


def _join_moved(places: dict[str, _Place]) -> None:
    """Join a file of the sdist to the one of the checkout with its bytes and its name, at another path."""
    only_checkout = {
        (place.checkout, place.path.rpartition("/")[2]): place
        for place in places.values()
        if place.checkout and not place.sdist
    }
    for place in [place for place in places.values() if place.sdist and not place.checkout]:
        origin = only_checkout.pop((place.sdist, place.path.rpartition("/")[2]), None)
        if origin is not None and (not origin.wheel or not place.wheel):
            origin.sdist, origin.moved = place.sdist, place.path
            origin.wheel = origin.wheel or place.wheel
            origin.sizes |= place.sizes
            del places[place.path]


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
    yield from _difference("{} at another path in the sdist", [place for place in found if place.moved])
    left_out = [place for place in in_sdist if place.checkout and not place.sdist]
    yield from _difference("{} of the checkout not in the sdist", left_out, expected=True)
    added = [place for place in in_sdist if place.sdist and not place.checkout]
    yield from _difference("{} of the sdist not in the checkout", added, expected=True)


def _difference(title: str, places: list[_Place], *, expected: bool = False) -> Iterator[Difference]:
    if places:
        number = f"{len(places)} file{'' if len(places) == 1 else 's'}"
        files = tuple(place.state() for place in places[:_SHOWN])
        yield Difference(title.format(number), files, len(places[_SHOWN:]), expected)
