"""Numbers that people write on a command line, as types of its arguments."""

import argparse


def count(text: str) -> int:
    """Return a whole number from 1; ArgumentTypeError for any other text."""
    number = _whole(text)
    if not number:
        raise argparse.ArgumentTypeError(f"is {text!r}; give a whole number from 1, e.g. 10")
    return number


def seconds(text: str) -> float:
    """Return a number of seconds from 1; ArgumentTypeError for any other text."""
    number = _whole(text)
    if not number:
        raise argparse.ArgumentTypeError(f"is {text!r}; give a number of seconds, e.g. 900")
    return float(number)


def _whole(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() else 0
