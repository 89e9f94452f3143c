"""Replacing private parts of moto, after a check that they exist."""

from typing import Any


def replace(owner: Any, name: str, value: Any) -> None:
    """Replace what a class or module itself defines under a name; AttributeError if it defines no such name."""
    if name not in vars(owner):
        raise AttributeError(f"{owner.__name__} has no {name}")
    setattr(owner, name, value)
