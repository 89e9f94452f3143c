"""The measurements by their names."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Final, Protocol, cast

from bench.figure import Figure, Seen

FRAMEWORK: Final = ("synth", "cdk", "check", "check_many", "run", "status", "glue")
SAMPLE: Final = ("engine", "cold", "throughput", "capacity")
"""Those of the sample, whose folder goes with it."""


class Measurement(Protocol):
    """A module of the name of its measurement.

    `measure` gets a folder for its files and yields the lines of its report and the values of its figures; `versions`
    returns what the values depend on besides ceap and Python.
    """

    FIGURES: Sequence[Figure]

    @staticmethod
    def versions() -> Sequence[str]: ...

    @staticmethod
    def measure(folder: Path) -> Iterator[str | Seen]: ...


def names() -> list[str]:
    return [*FRAMEWORK, *(SAMPLE if find_spec("bench.candidates") else ())]


def load(name: str) -> Measurement:
    folder = "bench.candidates" if name in SAMPLE else "bench"
    return cast("Measurement", importlib.import_module(f"{folder}.{name}"))


def figures() -> dict[str, Sequence[Figure]]:
    """Return the figures of each measurement that has some."""
    return {name: found for name in names() if (found := load(name).FIGURES)}
