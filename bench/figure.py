"""What a measurement tells: its figures, the goal of each, and how far two sides are apart."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import NamedTuple


class Figure(NamedTuple):
    """A number that a measurement tells, named by what is measured and what it is compared with.

    Without a unit it is a ratio; without `at_most` it has no goal.
    """

    title: str
    at_most: float | None = None
    unit: str = ""

    @property
    def goal(self) -> str:
        return "" if self.at_most is None else f"at most {self.write(self.at_most)}"

    def write(self, value: float) -> str:
        number = f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
        return f"{number} {self.unit}".rstrip()


class Seen(NamedTuple):
    """A figure, and its value in one run."""

    figure: Figure
    value: float

    def __str__(self) -> str:
        goal = f" (goal: {self.figure.goal})" if self.figure.goal else ""
        return f"{self.figure.title}: {self.figure.write(self.value)}{goal}"


class Spread(NamedTuple):
    """The median of several numbers, and the quartiles around it."""

    low: float
    median: float
    high: float

    @property
    def tells_a_difference(self) -> bool:
        """Whether a ratio of 1 is outside the middle half."""
        return not self.low <= 1 <= self.high


def spread(values: Sequence[float]) -> Spread:
    """Return the quartiles of at least two numbers."""
    return Spread(*statistics.quantiles(values, n=4, method="inclusive"))


def ratios(ours: Sequence[float], theirs: Sequence[float]) -> list[float]:
    """Return the ratios of runs that were neighbours."""
    return [a / b for a, b in zip(ours, theirs, strict=True)]
