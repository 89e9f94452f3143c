"""The page of conformance, and how answers are compared."""

from __future__ import annotations

from typing import Any

import pytest

from tests.local.conformance.cases import differences, listed_fields, load_recordings, load_services
from tests.local.conformance.page import PAGE, conformance_page


def test_the_page_is_written_from_the_recordings() -> None:
    assert PAGE.read_text(encoding="utf-8") == conformance_page(), "run `make docs`"


def test_every_behaviour_has_a_name_of_its_own() -> None:
    names = [case.behaviour for each in load_recordings().values() for case in each.cases]
    names += [case.behaviour for each in load_services().values() for case in each.cases]
    assert len(names) == len(set(names))


def test_every_case_expects_something() -> None:
    for each in load_recordings().values():
        for case in each.cases:
            results = [case.history, case.events, case.logs, case.objects, case.output, case.created]
            answers = [call.answer or call.refused for call in case.calls]
            assert any(result is not None for result in results + answers), case.behaviour


def test_every_case_of_a_service_expects_something() -> None:
    for each in load_services().values():
        for case in each.cases:
            assert any(call.answer or call.refused for call in case.calls), case.behaviour


def test_of_an_answer_the_listed_fields_are_compared() -> None:
    answer = {"a": [{"b": 1, "c": 2}], "d": 3}
    assert listed_fields({"a": [{"b": 1}]}, answer) == {"a": [{"b": 1}]}
    assert listed_fields({"a": [{"e": None}], "f": None}, answer) == {"a": [{"e": None}], "f": None}
    assert listed_fields({"a": []}, answer) == {"a": answer["a"]}
    assert listed_fields({"d": {"x": 1}}, answer) == {"d": 3}


@pytest.mark.parametrize(
    ("expected", "actual", "found"),
    [
        ({"a": 1}, {"a": 1}, []),
        ({"a": 1}, {}, [".a: not answered"]),
        ({}, {"a": 1}, [".a: not recorded: 1"]),
        ({"a": 1}, {"a": True}, [".a: True instead of 1"]),
        ({"a": [1]}, {"a": "[2]"}, [".a[0]: 2 instead of 1"]),
        ([1], [1, 2], [": 2 items instead of 1: [1, 2]"]),
        ("${name}.*", "mine.*", []),
        ("${name}.*", "mine.x", [": 'mine.x' instead of '${name}.*'"]),
        ("${uuid}", "x", [": 'x' instead of '${uuid}'"]),
        ("${date}", 1, [": 1 instead of '${date}'"]),
        ("${hundreds}", 1100, []),
        ("${hundreds}", 1001, [": 1001 instead of '${hundreds}'"]),
        ("$LATEST", "$LATEST", []),
    ],
)
def test_answers_are_compared_field_by_field(expected: Any, actual: Any, found: list[str]) -> None:
    assert list(differences(expected, actual, {"name": "mine"})) == found
