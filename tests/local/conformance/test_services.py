"""The services behind the engine answer what AWS answered, wherever a public project recorded it and we use it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError  # type: ignore[import-untyped]  # botocore ships no types

from ceap.local.clock import CLOCK
from ceap.local.engine import Engine
from tests.local.conformance.cases import ServiceCall, ServiceCase, differences, listed_fields, load_services
from tests.local.support import function, role, template_text, upload_code

CASES = {case.behaviour: case for recordings in load_services().values() for case in recordings.cases}

# The cases share an engine: each names its own queues, buckets and tables.
pytestmark = pytest.mark.xdist_group("service recordings")


@pytest.fixture(scope="module")
def shared() -> Iterator[Engine]:
    with Engine.start() as engine:
        yield engine


class Replay:
    """One case, replayed: yields how the engine differs from the recording."""

    def __init__(self, engine: Engine, case: ServiceCase) -> None:
        self._engine = engine
        self._case = case
        now = CLOCK.now()
        self._names = {
            "now": _iso(now),
            "before": _iso(now - 60),
            "after": _iso(now + 60),
            "account": engine.account,
            "functions": f"arn:aws:lambda:us-east-1:{engine.account}:function",
            "long": "x" * 1025,
            "queues": f"arn:aws:sqs:us-east-1:{engine.account}",
        }

        if case.function is not None:
            upload_code(engine, {"handler.py": case.function})
            engine.deploy(template_text(FunctionRole=role("lambda"), Function=function("fn", "handler.handler")), "fn")

    def run(self) -> Iterator[str]:
        for call in self._case.calls:
            if call.call == "Drain":
                self._engine.drain()
            else:
                yield from self._replay(call)

    def _replay(self, call: ServiceCall) -> Iterator[str]:
        try:
            answer = self._call(call)
        except ClientError as error:
            refused = (error.response["Error"]["Code"], error.response["Error"]["Message"])
            if call.refused is None:
                yield f"{call.call}: refused: {refused}"
            else:
                yield from differences(call.refused, refused, self._names, call.call)
            return
        if call.refused is not None:
            yield f"{call.call}: not refused: {answer}"
        if call.answer is not None:
            yield from differences(call.answer, listed_fields(call.answer, answer), self._names, call.call)
        self._names |= {name: str(_at(answer, place)) for name, place in call.keep.items()}

    def _call(self, call: ServiceCall) -> dict[str, Any]:
        service, _, operation = call.call.partition(":")
        text = re.sub(r"\$\{(\w+)\}", lambda found: json.dumps(self._names[found[1]])[1:-1], json.dumps(call.given))
        answer: dict[str, Any] = getattr(self._engine.client(service), _snake(operation))(**json.loads(text))
        return {key: value.read().decode() if hasattr(value, "read") else value for key, value in answer.items()}


def _at(answer: Any, place: str) -> Any:
    for part in place.split("."):
        answer = answer[int(part) if isinstance(answer, list) else part]
    return answer


def _iso(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat()


def _snake(operation: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", operation).lower()


@pytest.mark.parametrize("case", CASES.values(), ids=list(CASES))
def test_a_service_agrees_with_the_recording(shared: Engine, case: ServiceCase) -> None:
    found = list(Replay(shared, case).run())
    if found and not case.differs:
        pytest.fail("\n".join(found), pytrace=False)
    assert found or not case.differs, "the engine agrees: delete `differs`"
