"""What two revisions of the sample can be compared in."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Final

from bench.candidates.cold import END, FIRST_OBJECT
from bench.candidates.documents import write_document
from bench.candidates.throughput import STAGES
from bench.comparisons import Comparison, Tree, cpu_s
from bench.files import FOLDER_VARIABLE
from bench.measure import serve

RECORDS: Final = 100_000


@contextmanager
def sample_comparisons(folder: Path) -> Iterator[Mapping[str, Comparison]]:
    """Yield what can be compared, by name; a server answers as AWS until the end."""
    with serve() as settings:
        yield {
            "cold": Comparison("from the start to the first object", 21, partial(_cold, settings)),
            **{
                stage: Comparison(f"{stage} of {RECORDS:,} records", 7, _stage(stage, folder / "records"))
                for stage in STAGES
            },
        }


def _cold(settings: list[str], tree: Tree) -> float:
    return cpu_s(["env", *settings, *tree.python("-c", f"{FIRST_OBJECT}\n{END}")])


def _stage(stage: str, folder: Path) -> Callable[[Tree], float]:
    settings = [f"{name}={value}" for name, value in {**STAGES[stage], FOLDER_VARIABLE: str(folder)}.items()]

    def take(tree: Tree) -> float:
        if not folder.exists():
            write_document(folder, RECORDS)
        return cpu_s(["env", *settings, *tree.python("-m", "bench.stage", stage)])

    return take
