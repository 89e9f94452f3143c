"""The seeded sample of places that a run changes, and the list of changes that no test can notice."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import partial
from itertools import chain, islice, zip_longest
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from tests.mutation.places import Place, find_places

PACKAGES: Final = ("templates", "handlers", "ceap/policy", "ceap/local", "glue")
LIST: Final = "equivalents.yaml"
"""The files that name changes which no test can notice: the framework's stands here, the sample's with its tests."""
MOST_EXCLUDED: Final = 0.05
"""The share of a sample that the list may exclude."""


class Equivalent(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A change after which the program does the same, and the reason why; the rest as in `Place`."""

    file: str
    scope: str
    before: str
    after: str
    reason: str


class Sample(NamedTuple):
    """The places that are changed, and those of the drawn that are not, because nothing could notice."""

    places: list[Place]
    excluded: list[Place]


class ListError(Exception):
    """The list of equivalents excludes too much, or something that there is not."""


def load_equivalents(tests: Path = Path(__file__).parents[1]) -> list[Equivalent]:
    """Read the lists in a folder of tests.

    Raises:
        msgspec.ValidationError: an entry has an unknown key, or lacks one; each needs a reason.
    """
    lists = (msgspec.yaml.decode(path.read_bytes(), type=list[Equivalent]) for path in sorted(tests.rglob(LIST)))
    return list(chain.from_iterable(lists))


def package_places(root: Path, package: str) -> list[Place]:
    """Return all places of a package, in order of files and lines."""
    paths = sorted((root / package).rglob("*.py"))
    return [place for path in paths for place in find_places(path.relative_to(root).as_posix(), path.read_bytes())]


def draw(places: Sequence[Place], seed: str, count: int) -> list[Place]:
    """Return `count` places, one a line, as many of each kind as there are: half of all places are texts.

    Each place has a rank of its own by the seed, so that an edit elsewhere leaves most of a sample as it was.
    """
    kinds: dict[str, list[Place]] = defaultdict(list)
    for place in sorted(places, key=partial(_rank, seed)):
        kinds[place.kind].append(place)
    turns = chain.from_iterable(zip_longest(*(kinds[kind] for kind in sorted(kinds))))
    lines: dict[tuple[str, int], Place] = {}
    for place in filter(None, turns):
        lines.setdefault((place.file, place.line), place)
        if len(lines) == count:
            break
    return sorted(islice(lines.values(), count))


def exclude(drawn: Iterable[Place], equivalents: Sequence[Equivalent]) -> Sample:
    """Take the list's places out of those drawn.

    Raises:
        ListError: they are more than a twentieth.
    """
    listed = set(map(_key, equivalents))
    sample = Sample([], [])
    for place in drawn:
        (sample.excluded if _key(place) in listed else sample.places).append(place)
    drawn_count = len(sample.places) + len(sample.excluded)
    if len(sample.excluded) > MOST_EXCLUDED * drawn_count:
        shown = "".join(f"\n  {place.file}:{place.line} {place.before}" for place in sample.excluded)
        raise ListError(
            f"{LIST} excludes {len(sample.excluded)} of {drawn_count} places, more than {MOST_EXCLUDED:.0%}: "
            f"write tests for some, or simplify the code{shown}"
        )
    return sample


def refuse_idle(places: Iterable[Place], equivalents: Sequence[Equivalent]) -> None:
    """Raise ListError if an entry of the list fits no place: the source has changed."""
    known = {_key(place) for place in places}
    for entry in equivalents:
        if _key(entry) not in known:
            place = f"{entry.file} has in {entry.scope or 'the module'} no place {entry.before!r}"
            raise ListError(f"{LIST}: {place}; correct or remove the entry")


def _rank(seed: str, place: Place) -> bytes:
    return hashlib.sha256(f"{seed} {place.file} {place.before} {place.after}".encode()).digest()


def _key(place: Place | Equivalent) -> tuple[str, str, str, str]:
    return place.file, place.scope, place.before, place.after
