from __future__ import annotations

import re
from typing import Any

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from templates.scalars import AmbiguousScalarError, read_plain


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("60", 60),
        ("+12", 12),
        ("-0", 0),
        ("6.0", 6.0),
        (".5", 0.5),
        ("1.5e+3", 1500.0),
        ("0.30000000000000004", 0.30000000000000004),
        ("true", True),
        ("FALSE", False),
        ("Null", None),
        ("~", None),
        ("", None),
        ("One", "One"),
        ("1.2.3", "1.2.3"),
        ("tRuE", "tRuE"),
    ],
)
def test_what_every_reader_reads_alike_is_taken(text: str, value: Any) -> None:
    assert (read_plain(text), type(read_plain(text))) == (value, type(value))


FINITE = "a finite number of at most 18 characters"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("060", "YAML 1.1 reads as 48 and YAML 1.2 as 60; write 48 or 60, or '060' in quotes for the text"),
        ("0o60", "YAML 1.1 reads as text and YAML 1.2 as 48; write 48, or '0o60' in quotes for the text"),
        ("1:00", "YAML 1.1 reads as 60 and YAML 1.2 as text; write 60, or '1:00' in quotes for the text"),
        ("1_00", "YAML 1.1 reads as 100 and YAML 1.2 as text; write 100, or '1_00' in quotes for the text"),
        ("0x3c", "YAML reads as 60; write 60, or '0x3c' in quotes for the text"),
        ("0b11", "YAML 1.1 reads as 3 and YAML 1.2 as text; write 3, or '0b11' in quotes for the text"),
        ("6e1", "YAML 1.1 reads as text and YAML 1.2 as 60.0; write 60, or '6e1' in quotes for the text"),
        ("1e30", "YAML 1.1 reads as text and YAML 1.2 as 1e+30; write 1.0e+30, or '1e30' in quotes for the text"),
        (".inf", f"YAML reads as inf; write {FINITE}, or '.inf' in quotes for the text"),
        ("0x" + "f" * 16, f"YAML reads as {2**64 - 1}; write {FINITE}, or '0x{'f' * 16}' in quotes for the text"),
        ("on", "YAML 1.1 reads as true and YAML 1.2 as text; write true, or 'on' in quotes for the text"),
        ("OFF", "YAML 1.1 reads as false and YAML 1.2 as text; write false, or 'OFF' in quotes for the text"),
        ("Yes", "YAML 1.1 reads as true and YAML 1.2 as text; write true, or 'Yes' in quotes for the text"),
        ("n", "YAML 1.1 reads as false and YAML 1.2 as text; write false, or 'n' in quotes for the text"),
        ("2026-01-01", "YAML 1.1 reads as a date and YAML 1.2 as text; write '2026-01-01' in quotes for the text"),
        ("-.Inf", f"YAML reads as -inf; write {FINITE}, or '-.Inf' in quotes for the text"),
        ("1.0e+999", f"YAML reads as inf; write {FINITE}, or '1.0e+999' in quotes for the text"),
        ("0x_", f"YAML 1.1 reads as a number and YAML 1.2 as text; write {FINITE}, or '0x_' in quotes for the text"),
        ("<<", "YAML 1.1 reads as a merge key and YAML 1.2 as text; write the merged keys out"),
        ("=", "YAML 1.1 reads as a default value and YAML 1.2 as text; write '=' in quotes for the text"),
    ],
)
def test_what_readers_read_otherwise_than_it_looks_is_refused(text: str, message: str) -> None:
    with pytest.raises(AmbiguousScalarError) as caught:
        read_plain(text)
    assert str(caught.value) == f"{text}, which {message}"


def test_a_number_that_some_reader_would_round_is_refused() -> None:
    assert read_plain("9" * 18) == int("9" * 18)
    with pytest.raises(AmbiguousScalarError, match="9, a number of more than 18 characters; write a shorter one"):
        read_plain("9" * 19)


@pytest.mark.parametrize("text", ["010", "off", ".inf", "0x1f", "2026-01-01", "6e1", "9" * 19])
def test_a_key_is_to_be_written_in_quotes_and_in_no_other_way(text: str) -> None:
    with pytest.raises(AmbiguousScalarError, match=rf"[^;]*; write ('{re.escape(text)}'|it) in quotes$"):
        read_plain(text, is_key=True)


@pytest.mark.parametrize("text", ["010", "off", "1e30", "-6e1", "0x1f", "1e-9", "1:00", "0b11"])
def test_what_the_message_says_to_write_is_taken(text: str) -> None:
    with pytest.raises(AmbiguousScalarError) as caught:
        read_plain(text)
    [written] = re.findall("; write (.*?), or '", str(caught.value))
    assert {type(read_plain(value)) for value in written.split(" or ")} <= {bool, int, float}


@pytest.mark.parametrize("text", ["0x" + "f" * 9000, "09" * 9000, "1" + ":1" * 9000, "9" * 9000])
def test_a_number_without_end_is_refused_in_a_short_message(text: str) -> None:
    with pytest.raises(AmbiguousScalarError) as caught:
        read_plain(text)
    assert len(str(caught.value)) < 250


numbers = st.from_regex(r"[-+]?\.?[0-9][0-9_]{0,3}([.:eExob][-+]?[0-9_]{0,3}){0,3}", fullmatch=True)
words = st.sampled_from(["y", "N", "yes", "Off", "True", "null", "~", ".inf", ".NaN", "=", "text"])


@given(text=numbers | words | st.text("0123456789abcdefxoXOEinfNaTZ+-.:_~", min_size=1, max_size=8))
@example("08:30")
@example("1.5e3")
def test_a_taken_value_is_the_same_to_pyyaml(text: str) -> None:
    try:
        expected = read_plain(text)
    except AmbiguousScalarError:
        return
    loader: Any = yaml.SafeLoader("")
    reading = loader.construct_object(yaml.ScalarNode(loader.resolve(yaml.ScalarNode, text, (True, False)), text))
    assert (expected, type(expected)) == (reading, type(reading))
