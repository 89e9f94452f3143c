"""Numbers on a command line."""

from __future__ import annotations

import argparse

import pytest

from ceap import numbers


def test_a_whole_number_from_1_is_taken() -> None:
    assert (numbers.count("12"), numbers.seconds("900")) == (12, 900.0)


@pytest.mark.parametrize("text", ["0", "-1", "1.5", "5m", "", "٣"])
def test_any_other_text_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match=r"give a whole number from 1, e\.g\. 10"):
        numbers.count(text)
    with pytest.raises(argparse.ArgumentTypeError, match=r"give a number of seconds, e\.g\. 900"):
        numbers.seconds(text)
