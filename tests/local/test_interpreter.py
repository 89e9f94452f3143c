"""What the engine changes in moto's interpreter of the Amazon States Language, without an engine."""

import pytest
from jsonpath_ng.ext.parser import parse
from moto.stepfunctions.parser.asl.utils import json_path
from moto.stepfunctions.parser.asl.utils.json_path import NoSuchJsonPathError, extract_json

from ceap.local import interpreter

PATHS = ["$", "$.a", "$.a.b", "$['a']['b']", "$.list[0]", "$.list[*].n", "$.list[0:2]", "$..n", "$.list[?(@.n > 1)].n"]
DOCUMENTS = [
    {"a": {"b": 1}, "list": [{"n": 1}, {"n": 2}, {"n": 3}]},
    {"a": {"b": "other"}, "list": [{"n": 20}]},
]


@pytest.fixture(autouse=True)
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


def test_a_path_that_one_document_lacks_is_found_in_the_next() -> None:
    with pytest.raises(NoSuchJsonPathError):
        extract_json("$.late", {})
    assert extract_json("$.late", {"late": 1}) == 1
