"""The lines of an execution: of functions, printed text included, and of jobs; followed until they have settled."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator
from functools import partial
from textwrap import dedent

import msgspec
import pytest

from ceap.aws.pace import Pace
from ceap.errors import CommandError, UsageError
from ceap.local.clock import CLOCK
from ceap.operate.attempts import Attempt
from ceap.operate.line_text import is_noise, line_text, said
from ceap.operate.logs import SETTLED_S, Shown, check_stage, find_one, follow, has_ended, lines_of
from ceap.operate.stage_lines import Part, StageLine, level_of, read_stage_lines
from handlers.runtime.stage import WorkflowLambdaHandler
from tests.local.support import deploy_standard, standard_template
from tests.operate.traced import back_in_time, normalised, search_in, write_lines
from tests.operated import Operated, operated
from tests.reference import MESSAGE

__all__ = ["back_in_time"]

ALL = Shown()


@pytest.fixture(scope="module")
def glue() -> Iterator[Operated]:
    template = standard_template("HeavyGlueStage", "KeepStage")
    with operated("standard", lambda engine: deploy_standard(engine, template)) as found:
        yield found


def run(operated: Operated, body: str = MESSAGE) -> str:
    """Send a message, let all be done, and return the name of the last execution."""
    operated.engine.send(operated.deployed.queue, body)
    return operated.engine.drain()[-1].name


def lines(operated: Operated, what: str, shown: Shown = ALL) -> list[StageLine]:
    search = search_in(operated)
    return lines_of(search, find_one(search, what), shown)


def line_of(execution: str, message: str) -> str:
    return json.dumps({"level": "INFO", "message": message, "executionId": execution})


def test_lines_of_all_stages_come_in_the_order_of_their_times_with_the_invocations_own(express: Operated) -> None:
    found = lines(express, run(express))
    assert [line.timestamp for line in found] == sorted(line.timestamp for line in found)
    assert list(dict.fromkeys(line.stage for line in found)) == list(express.workflow.stages)
    take = [line for line in found if line.stage == "TakeStage"]
    assert normalised(line_text(line, "") for line in take if "{" not in line.message) == dedent("""\
        TIME  START RequestId: ID-1 Version: $LATEST
        TIME  END RequestId: ID-1
        TIME  REPORT""")
    assert [json.loads(line.message)["message"] for line in take if '"level"' in line.message] == [
        "stage started",
        "stage paths",
        "stage succeeded",
    ]


def test_lines_of_other_executions_are_never_among_them(express: Operated) -> None:
    first, second = run(express), run(express)
    ours, theirs = lines(express, first), lines(express, second)
    assert {line.id for line in ours} & {line.id for line in theirs} == set()
    assert not any(second in line.message for line in ours)
    assert len(ours) == len(theirs)


@pytest.mark.parametrize(
    ("start", "report"),
    [
        ("START RequestId: 1-1 Version: $LATEST", "REPORT RequestId: 1-1\tDuration: 1 ms"),
        (
            '{"type":"platform.start","record":{"requestId":"1-1"}}',
            '{"type":"platform.report","record":{"requestId":"1-1","status":"success","metrics":{"durationMs":1}}}',
        ),
    ],
    ids=["text", "json"],
)
def test_printed_text_without_an_id_belongs_to_the_invocation_between_whose_marks_it_stands(
    start: str, report: str, glue: Operated
) -> None:
    group, stream, now = "/aws/lambda/ceap-standard-dev-Keep", f"printed-{start[:5]}", CLOCK.now()
    ours = ("printed at import", start, "printed before", line_of("ours", "stage started"), "printed after", report)
    write_lines(
        glue,
        group,
        stream,
        *(start, "printed by another", line_of("other", "stage started"), report),
        *ours,
        *(start, "printed by a third", line_of("third", "copied from ours"), "it says ours", report),
    )
    found = read_stage_lines(glue.aws, glue.workflow, Part("ours", now, None, stages=("KeepStage",)))
    assert tuple(line.message for line in found if line.stream == stream) == ours
    glue.engine.client("logs").delete_log_stream(logGroupName=group, logStreamName=stream)


def test_an_invocation_that_never_named_its_execution_is_found_by_the_id_that_step_functions_has(
    express: Operated,
) -> None:
    express.engine.functions.inject("ceap-express-dev-Sift", "TransientStageError", 1)
    found = [line for line in lines(express, run(express)) if line.stage == "SiftStage"]
    errors = [line for line in found if line.level == "ERROR"]
    assert [line.message for line in errors] == [
        "[ERROR] TransientStageError: This failure was asked for (fault injection)."
    ]
    assert sum(line.message.startswith("REPORT") for line in found) == 2


def test_an_invocation_that_failed_before_it_named_anything_is_found_by_its_error_and_the_time_of_its_attempt(
    glue: Operated,
) -> None:
    group, error, now = "/aws/lambda/ceap-standard-dev-Keep", "Runtime.ImportModuleError", CLOCK.now()
    told = f"[ERROR] {error}: Unable to import module 'handlers.keep': No module named 'gone'"
    start, report = "START RequestId: 1-1 Version: $LATEST", "REPORT RequestId: 1-1\tDuration: 1 ms"
    for stream in ("before", "ours"):
        ended = CLOCK.now() + 2
        assert CLOCK.jump(partial(float, ended), CLOCK.ended)
        write_lines(glue, group, stream, start, told, report)
    lost = Attempt(stage="KeepStage", number=1, status="FAILED", started=now, ended=ended, error=error)
    others = msgspec.structs.replace(lost, stage="HeavyGlueStage")
    for attempts, expected in (((lost,), [start, told, report]), ((others,), [])):
        found = read_stage_lines(glue.aws, glue.workflow, Part("unnamed", now, None, attempts, ("KeepStage",)))
        assert [(line.stream, line.message) for line in found] == [("ours", message) for message in expected]
    for stream in ("before", "ours"):
        glue.engine.client("logs").delete_log_stream(logGroupName=group, logStreamName=stream)


def test_only_lines_of_a_stage_and_of_a_level_or_worse_are_there_if_asked_for(express: Operated) -> None:
    name = run(express, "no JSON")
    assert {line.stage for line in lines(express, name, Shown(stage="TakeStage"))} == {"TakeStage"}
    assert lines(express, name, Shown(stage="KeepStage")) == []
    errors = lines(express, name, Shown(level="ERROR"))
    assert [line.level for line in errors] == ["ERROR", "ERROR"]
    with pytest.raises(UsageError, match=r"--stage Keep: express has no such stage; .*KeepStage"):
        check_stage(search_in(express), "Keep")


def test_lines_of_a_job_are_those_of_the_runs_that_the_execution_started(glue: Operated) -> None:
    first, second = run(glue), run(glue)
    for name in (first, second):
        found = [line for line in lines(glue, name) if line.stage == "HeavyGlueStage"]
        prefix = "/aws-glue/jobs/ceap-standard-dev-HeavyGlue"
        assert {line.group for line in found} == {f"{prefix}/output", f"{prefix}/error"}
        assert len({line.stream for line in found}) == 1
    assert {line.stage for line in lines(glue, first)} == {"HeavyGlueStage", "KeepStage"}


def test_a_message_of_several_executions_is_refused_with_their_names(express: Operated) -> None:
    message = express.engine.send(express.deployed.queue, "no JSON")
    names = [execution.name for execution in express.engine.drain()[-3:]]
    with pytest.raises(UsageError, match=f"3 executions took that message: {', '.join(names)}; name one of them"):
        lines(express, message)


def test_nothing_is_found_of_an_execution_that_never_was(express: Operated) -> None:
    with pytest.raises(CommandError, match="no-such-execution: no trace of a message or an EXPRESS execution since"):
        lines(express, "no-such-execution")


def test_an_execution_is_followed_until_it_has_ended_and_its_lines_have_settled(glue: Operated) -> None:
    states, workflow = glue.engine.client("stepfunctions"), glue.workflow
    glue.engine.send(glue.deployed.queue, MESSAGE)
    glue.engine.drain()
    given = states.describe_execution(executionArn=glue.engine.executions[-1].arn)["input"]
    states.start_execution(stateMachineArn=workflow.machine, name="followed", input=given)
    search, now, rounds = search_in(glue), [0.0], [0]
    seen = find_one(search, "followed")

    def sleep(seconds: float) -> None:
        now[0] += seconds
        rounds[0] += 1
        if rounds[0] == 3:
            glue.engine.drain()

    batches = list(follow(search, seen, ALL, Pace(sleep), lambda: now[0]))
    followed = [line for lines in batches for line in lines]
    assert {(line.group, line.id) for line in followed} == {(line.group, line.id) for line in lines(glue, "followed")}
    assert len(followed) == len({(line.group, line.id) for line in followed}) > 0
    assert has_ended(search, find_one(search, "followed"))
    assert now[0] >= SETTLED_S


@pytest.mark.parametrize(
    ("message", "level"),
    [
        ('{"level":"WARNING","message":"m"}', "WARNING"),
        ("[ERROR] KeyError: 'id'", "ERROR"),
        ("26/01/31 08:00:00 WARN Utils: slow", "WARNING"),
        ("2026-01-31 08:00:00,000 FATAL [main] gone", "CRITICAL"),
        ("printed", None),
        ("INFORMATION is power", None),
        ("{not json", None),
    ],
)
def test_the_level_of_a_line_is_read_in_the_forms_of_lambda_and_spark(message: str, level: str | None) -> None:
    assert level_of(message) == level


def test_a_failure_is_said_with_its_text_and_without_what_all_lines_have_in_common() -> None:
    line = {"level": "ERROR", "message": "stage failed", "executionId": "e", "result": {"errorMessage": "wrong"}}
    assert said(json.dumps(line)) == "ERROR   stage failed  errorMessage=wrong"


def test_frames_of_the_base_class_that_each_traceback_has_are_left_out() -> None:
    source = inspect.getsource(WorkflowLambdaHandler.__call__)
    for code in ("raise type(failure)(text, failure.details)", "self._run(context, storage, lambda_context, tally)"):
        assert code in source
        frame = ['  File "/var/task/handlers/runtime/stage.py", line 144, in __call__', f"    {code}"]
        assert all(map(is_noise, frame))
        head = "[ERROR] PermanentStageError: no\nTraceback (most recent call last):"
        place = '\n  File "/var/task/handlers/book.py", line 9, in process_data'
        assert said("\n".join([head, *frame])) == "[ERROR] PermanentStageError: no"
        assert said("\n".join([head, *frame]) + place) == head + place
    assert not is_noise('  File "/var/task/handlers/book.py", line 9, in __call__')


def test_levels_are_coloured_on_a_terminal_only() -> None:
    line = StageLine(
        stage="TakeStage", timestamp=0.0, level="ERROR", message="[ERROR] no\nmore", group="g", stream="s", id="1"
    )
    assert line_text(line, "TakeStage  ") == "00:00:00.000  TakeStage  [ERROR] no\n                         more"
    assert "\x1b[31m[ERROR] no" in line_text(line, "TakeStage  ", in_colour=True)
