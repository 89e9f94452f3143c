"""What a trigger did with a message, and what is written beside one that could not be delivered."""

from collections.abc import Mapping
from typing import NamedTuple


class Delivery(NamedTuple):
    """A message that a trigger sent; `problem` says why it did not arrive, `place` which object it is of, if one."""

    trigger: str
    place: str = ""
    problem: str = ""


def reasons(values: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Return the attributes of a message in a dead-letter queue."""
    return {name: {"DataType": "String", "StringValue": value} for name, value in values.items()}
