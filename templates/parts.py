"""Lists in parts that AWS takes."""

from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


def in_parts(items: Sequence[T], longest: int) -> list[Sequence[T]]:
    """Return the items in parts of at most so many, in order; of no items, no part."""
    return [items[start : start + longest] for start in range(0, len(items), longest)]
