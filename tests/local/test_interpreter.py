"""What the engine changes in moto's interpreter of the Amazon States Language, without an engine."""

import copy
import datetime
from collections import OrderedDict
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonpath_ng.ext.parser import parse
from moto.stepfunctions.parser.asl.eval import states
from moto.stepfunctions.parser.asl.utils import json_path
from moto.stepfunctions.parser.asl.utils.json_path import NoSuchJsonPathError, extract_json

from ceap.local import interpreter
from ceap.local.clock import CLOCK
from ceap.local.engine import Engine
from tests.local.test_jobs import STUBBORN, Runner

PATHS = ["$", "$.a", "$.a.b", "$['a']['b']", "$.list[0]", "$.list[*].n", "$.list[0:2]", "$..n", "$.list[?(@.n > 1)].n"]
DOCUMENTS = [
    {"a": {"b": 1}, "list": [{"n": 1}, {"n": 2}, {"n": 3}]},
    {"a": {"b": "other"}, "list": [{"n": 20}]},
]

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda part: st.lists(part, max_size=4) | st.dictionaries(st.text(), part, max_size=4),
    max_leaves=20,
)


@pytest.fixture(autouse=True, scope="module")
def _installed() -> None:
    interpreter.install()


@pytest.mark.parametrize("path", PATHS)
def test_a_compiled_path_finds_in_each_document_what_a_new_one_finds(path: str) -> None:
    for document in DOCUMENTS * 2:
        found = [match.value for match in vars(json_path)["parse"](path).find(document)]
        assert found == [match.value for match in parse(path).find(document)]


def test_a_path_is_compiled_once_and_not_for_each_evaluation() -> None:
    compile_path = vars(json_path)["parse"]
    assert compile_path("$.compiled.once") is compile_path("$.compiled.once")


@given(JSON)
def test_a_copy_of_json_is_what_deepcopy_returns(value: Any) -> None:
    copied = interpreter.copy_json(value)
    assert copied == value
    assert repr(copied) == repr(copy.deepcopy(value))
    assert not _changeable(copied) & _changeable(value)


def test_what_is_no_json_is_copied_as_deepcopy_copies_it() -> None:
    value: dict[str, Any] = {
        "moment": datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC),
        "set": {1},
        "own": OrderedDict(a=[1]),
    }
    copied = interpreter.copy_json(value)
    assert copied == copy.deepcopy(value)
    assert [type(item) for item in copied.values()] == [type(item) for item in value.values()]
    assert copied["own"]["a"] is not value["own"]["a"]


def test_the_states_of_an_execution_copy_their_data_so() -> None:
    read = states.States._extract("$.a", given_data := {"a": {"b": [1]}})
    assert read == {"b": [1]}
    assert read["b"] is not given_data["a"]["b"]
    assert vars(states)["copy"].deepcopy is interpreter.copy_json


def _changeable(value: Any) -> set[int]:
    """Return the identities of all lists and objects of a JSON value."""
    match value:
        case dict():
            return {id(value)}.union(*map(_changeable, value.values()))
        case list():
            return {id(value)}.union(*map(_changeable, value))
    return set()


def test_a_path_that_one_document_lacks_is_found_in_the_next() -> None:
    with pytest.raises(NoSuchJsonPathError):
        extract_json("$.late", {})
    assert extract_json("$.late", {"late": 1}) == 1


@pytest.mark.parametrize(
    ("value", "body"), [("für", '"für"'), ({"a": [1, None]}, '{"a":[1,null]}'), (True, "true"), (1.5, "1.5")]
)
def test_s3_gets_the_json_of_a_value_in_utf_8(value: Any, body: str) -> None:
    assert interpreter.encode_body(value) == body.encode()


def test_an_execution_that_is_stopped_stops_its_run(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interpreter, "POLL_S", 3600.0)
    runner = Runner(engine, STUBBORN)
    runner.await_line()
    [execution] = engine.executions
    stopped = CLOCK.now()
    engine.client("stepfunctions").stop_execution(executionArn=execution.arn)
    engine.drain()
    assert execution.status == "ABORTED"
    assert CLOCK.now() < stopped + interpreter.POLL_S / 2
    assert [attempt.status for attempt in execution.attempts] == ["ABORTED"]
    assert [run["JobRunState"] for run in runner.runs()] == ["STOPPED"]
