"""Results of functions, as Lambda's runtime serialises them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ceap.local.workers import Worker
from tests.local.test_workers import error_of, function, invoke

Start = Callable[[str], Worker]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start a worker whose handler is `module.handler` of the given source."""
    workers: list[Worker] = []

    def begin(source: str) -> Worker:
        (tmp_path / "module.py").write_text(source, encoding="utf-8")
        workers.append(Worker(function(tmp_path)))
        return workers[-1]

    yield begin
    for worker in workers:
        worker.close()


@pytest.mark.parametrize(
    ("result", "payload"),
    [
        ("b'{\"a\": [1, null]}'", '{"a": [1, null]}'),
        ("{'n': Decimal('0.10'), 'big': [Decimal(10**30)]}", '{"n": 0.10, "big": [1000000000000000000000000000000]}'),
        ("{'a': b'text', b'k': (1, 2)}", '{"a": "text", "k": [1, 2]}'),
        ("namedtuple('Point', 'x y')(1, b'2')", '{"x": 1, "y": "2"}'),
        ("{1: None, True: 1.5}", '{"1": 1.5}'),
        ("Decimal('NaN')", "NaN"),
        ("'text'", '"text"'),
    ],
)
def test_a_result_is_the_json_that_the_runtime_makes_of_it(start: Start, result: str, payload: str) -> None:
    worker = start(
        f"from collections import namedtuple\nfrom decimal import Decimal\ndef handler(event, context): return {result}"
    )
    outcome = invoke(worker)
    assert (outcome.payload, outcome.failed) == (payload, False)


@pytest.mark.parametrize(
    ("result", "reason"),
    [
        ("{1, 2}", "Object of type set is not JSON serializable"),
        ("[datetime.datetime(2026, 1, 1)]", "Object of type datetime is not JSON serializable"),
        ("{'a': b'\\xff'}", "'utf-8' codec can't decode byte 0xff in position 0: invalid start byte"),
        ("b'no JSON'", "Expecting value: line 1 column 1 (char 0)"),
        ("{(1, 2): 3}", "keys must be str, int, float, bool or None, not tuple"),
    ],
)
def test_a_result_that_the_runtime_cannot_serialise_is_reported(start: Start, result: str, reason: str) -> None:
    worker = start(f"import datetime\ndef handler(event, context): return {result}")
    outcome = invoke(worker)
    assert outcome.failed
    assert json.loads(outcome.payload) == {
        "errorMessage": f"Unable to marshal response: {reason}",
        "errorType": "Runtime.MarshalError",
        "requestId": "request-1",
        "stackTrace": [],
    }


def test_only_older_runtimes_escape_letters(start: Start) -> None:
    worker = start("import os\ndef handler(event, context):\n    os.environ.update(event)\n    return 'é'")
    escaping = {3.11: '"\\u00e9"', 3.12: '"é"', 3.13: '"é"'}
    for version, payload in escaping.items():
        assert invoke(worker, {"AWS_EXECUTION_ENV": f"AWS_Lambda_python{version}"}).payload == payload


def test_half_of_a_surrogate_pair_ends_the_runtime(start: Start) -> None:
    worker = start("def handler(event, context): return '\\ud800'")
    error_type, message = error_of(invoke(worker))
    assert error_type == "Runtime.ExitError"
    assert message.endswith("Runtime exited with error: exit status 1")


def test_a_result_that_holds_itself_is_reported(start: Start) -> None:
    worker = start("def handler(event, context):\n    loop = []\n    loop.append(loop)\n    return loop")
    assert error_of(invoke(worker))[0] == "Runtime.MarshalError"
