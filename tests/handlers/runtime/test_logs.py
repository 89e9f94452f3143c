"""The log's lines are those of Powertools' Logger, which is not imported for them."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from decimal import Decimal
from typing import Any

import pytest
from aws_lambda_powertools import Logger
from hypothesis import given
from hypothesis import strategies as st

from handlers.runtime.logs import StageLog, has_defaults, logger
from templates import discovery
from tests.handlers.conftest import Log

TIMESTAMP = re.compile(r'"timestamp":"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}[+-]\d{4})"')
LEVELS = ["info", "warning", "error"]


class Both:
    """Our log and Powertools', each with what it wrote."""

    def __init__(self) -> None:
        ours, theirs = StageLog(), Logger(service="own")
        theirs.clear_state()
        ours.stream, stream = Log(), Log()
        theirs.registered_handler.setStream(stream)  # type: ignore[attr-defined]  # all loggers of a service share one
        self.logs: list[Any] = [ours, theirs]
        self.written = [ours.stream, stream]

    def lines(self) -> tuple[str, str]:
        """Return what each wrote, without the time, whose form must be the same."""
        texts = [log.getvalue() for log in self.written]
        ours, theirs = (TIMESTAMP.sub("", text) for text in texts)
        assert [len(TIMESTAMP.findall(text)) for text in texts] == [text.count("\n") for text in texts]
        return ours, theirs


@pytest.fixture
def both(monkeypatch: pytest.MonkeyPatch) -> Both:
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "own")
    return Both()


VALUES: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(codec="utf-8")) | st.decimals(allow_nan=False),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=3), inner),
)
KEYS = st.dictionaries(st.sampled_from(["executionId", "currentStage", "result", "reason", "stackTrace"]), VALUES)


@given(level=st.sampled_from(LEVELS), message=st.sampled_from(["stage started", "a: {b}"]), kept=KEYS, keys=KEYS)
def test_a_line_is_that_of_powertools(level: str, message: str, kept: Any, keys: Any) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("POWERTOOLS_SERVICE_NAME", "own")
        both = Both()
        for log in both.logs:
            log.append_keys(**kept), getattr(log, level)(message, **keys)
    ours, theirs = both.lines()
    assert ours == theirs


def test_a_line_names_the_trace(both: Both, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_X_AMZN_TRACE_ID", "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1")
    for log in both.logs:
        log.info("stage started", amount=Decimal("1.5"))
    ours, theirs = both.lines()
    assert ours == theirs
    assert json.loads(both.written[0].getvalue())["xray_trace_id"] == "1-5759e988-bd862e3fe1be46a994272793"


def test_a_service_without_a_name_is_called_as_powertools_calls_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("POWERTOOLS_SERVICE_NAME", raising=False)
    ours = StageLog()
    ours.stream = Log()
    ours.info("stage started")
    assert json.loads(ours.stream.getvalue())["service"] == Logger().service


@pytest.mark.parametrize(
    "variable",
    ["POWERTOOLS_LOG_LEVEL", "LOG_LEVEL", "POWERTOOLS_DEV", "POWERTOOLS_LOGGER_SAMPLE_RATE", "AWS_LAMBDA_LOG_LEVEL"],
)
def test_what_sets_powertools_is_left_to_it(variable: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable, "1" if "R" in variable.removeprefix("POWERTOOLS_LOG") else "ERROR")
    assert not has_defaults()
    assert isinstance(logger.__wrapped__(), Logger)


def test_a_line_that_cannot_be_written_does_not_stop_the_stage(capsys: pytest.CaptureFixture[str]) -> None:
    log = StageLog()
    keys: dict[str, Any] = {}
    keys["keys"] = keys
    log.info("stage started", **keys)
    written = capsys.readouterr()
    assert written.out == ""
    assert written.err.startswith("a line of the log was not written: ValueError('Circular reference")


def test_neither_log_nor_metrics_load_powertools() -> None:
    program = (
        "import sys; from handlers.runtime.logs import logger; from handlers.runtime import metrics\n"
        "logger().info('stage started'); metrics._write({'Stage': 'OwnStage'}, {'InputCount': 3}, 4)\n"
        "print([name for name in sys.modules if 'powertools' in name])\n"
    )
    settings = {"PYTHONPATH": str(discovery.HANDLERS_FOLDER.parent)}
    done = subprocess.run([sys.executable, "-c", program], env=settings, capture_output=True, text=True, check=False)
    assert (done.stdout.splitlines()[2:], done.stderr) == (["[]"], "")
