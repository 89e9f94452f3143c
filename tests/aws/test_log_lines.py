"""Lines of log groups, read from the engine."""

from __future__ import annotations

import time

from ceap.aws.log_lines import parsed, read_lines
from ceap.aws.session import Aws
from ceap.local.engine import Engine


def write(engine: Engine, group: str, stream: str, *lines: tuple[int, str]) -> None:
    logs = engine.client("logs")
    found = logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]
    if not found:
        logs.create_log_group(logGroupName=group)
    logs.create_log_stream(logGroupName=group, logStreamName=stream)
    events = [{"timestamp": at, "message": text} for at, text in lines]
    logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)


def test_a_group_that_does_not_exist_has_no_lines(aws: Aws) -> None:
    assert list(read_lines(aws, "/never/made")) == []


def test_lines_that_hold_the_text_are_found_whatever_quotes_it_has(engine: Engine, aws: Aws) -> None:
    now = round(time.time() * 1000)
    write(engine, "/of/texts", "one", (now, 'said "yes"'), (now + 1, "said no"))
    [line] = read_lines(aws, "/of/texts", "said no")
    assert (line.timestamp_s, line.stream, line.message) == ((now + 1) / 1000, "one", "said no")
    assert [line.message for line in read_lines(aws, "/of/texts")] == ['said "yes"', "said no"]


def test_only_the_streams_and_the_time_that_are_asked_for_are_read(engine: Engine, aws: Aws) -> None:
    now = round(time.time() * 1000)
    write(engine, "/of/streams", "one", (now, "early"), (now + 5000, "late"))
    write(engine, "/of/streams", "two", (now, "other"))
    assert [line.message for line in read_lines(aws, "/of/streams", streams=["one"])] == ["early", "late"]
    late = read_lines(aws, "/of/streams", since_s=now / 1000 + 1)
    assert [line.message for line in late] == ["late"]


def test_a_line_that_is_no_json_object_is_an_empty_one() -> None:
    assert parsed('{"a": 1}') == {"a": 1}
    assert parsed("START RequestId: 1") == parsed("[1]") == {}
