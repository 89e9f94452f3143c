"""What a run of the mutation says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from tests.mutation.places import Place
from tests.mutation.trial import Trial

LEAST: Final = 0.95
"""The share of changes that must be noticed in each package."""


def shown(place: Place) -> str:
    return f"{place.file}:{place.line} [{place.kind}] {place.before}  ->  {place.after}"


def describe(package: str, trials: Sequence[Trial], excluded: int, broken: Sequence[str]) -> tuple[float, list[str]]:
    """Return the share of changes that tests noticed, and the lines that say so.

    `excluded` counts the equivalents of the sample. A test in `broken` fails without any change, too: a change that it
    noticed counts as not noticed.
    """
    missed = [trial for trial in trials if trial.test is None or trial.test in broken]
    score = 1 - len(missed) / max(1, len(trials))
    equivalents = f"; {excluded} left out as equivalent" if excluded else ""
    return score, [
        f"{package}: {len(trials) - len(missed)} of {len(trials)} changes noticed ({score:.1%}){equivalents}",
        *(f"  not noticed: {shown(trial.place)}" for trial in missed),
        *(f"  fails without any change: {test}" for test in broken),
    ]
