"""`ceap status` as a user calls it, with the engine as AWS."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bench.many import fill
from ceap import project
from ceap.aws import history
from ceap.aws.history import Operation, Outcome, Record
from ceap.operate import status_watch
from tests.commands.statuses import READS, RECENT, Call, as_role_with, caller
from tests.operate.failing import STACK, run, small_workflow, travel
from tests.operated import Operated, aws_of
from tests.reference import EXPRESS, MESSAGE, STANDARD


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Call:
    return caller(capsys)


@pytest.fixture(scope="module")
def standard() -> Iterator[Operated]:
    """A STANDARD workflow of three functions; the environment names its engine."""
    with small_workflow() as found, aws_of(found.engine):
        yield found


@pytest.fixture
def later(standard: Operated) -> None:
    """A time of the test's own: nothing of the last 5 minutes is of another test."""
    travel(3600)


@pytest.mark.usefixtures("later")
def test_a_workflow_of_which_nothing_is_wrong_ends_with_0(standard: Operated, call: Call) -> None:
    run(standard)
    called = call(STANDARD, *RECENT)
    assert (called.code, called.problems) == (0, [])
    status = called.status
    assert status["verdict"] == "healthy"
    facts = status["facts"]
    assert facts["executions"] == {"running": 0, "succeeded": 1, "failed": 0, "timedOut": 0, "aborted": 0}
    assert facts["queue"] == facts["deadLetters"] == {"waiting": 0, "inFlight": 0, "oldestS": None}
    assert (facts["pipe"]["current"], facts["isDefinitionDeployed"], facts["unread"]) == ("RUNNING", True, [])
    assert (facts["stack"]["name"], facts["deployment"]) == (STACK, None)
    assert f"account {standard.engine.account}, region us-east-1" in called.err


@pytest.mark.usefixtures("later")
def test_failures_of_three_kinds_are_three_problems_with_stage_error_and_cause(standard: Operated, call: Call) -> None:
    failed = [run(standard, stage) for stage in ("TakeStage", "SiftStage", "RateStage", "SiftStage")]
    called = call(STANDARD, *RECENT)
    assert called.code == 1
    assert sorted(text.partition(": Permanent")[0] for _, text in called.problems) == [
        "1 execution failed: RateStage",
        "1 execution failed: TakeStage",
        "2 executions failed: SiftStage",
    ]
    first, *_ = called.status["groups"]
    assert (first["stage"], first["error"]) == ("SiftStage", "PermanentStageError")
    assert first["cause"] == "This failure was asked for (fault injection)."
    assert [each["execution"] for each in first["executions"]] == [failed[3].name, failed[1].name]
    assert called.status["facts"]["executions"]["failed"] == 4


@pytest.mark.usefixtures("later")
def test_an_execution_whose_replay_succeeded_is_settled_and_one_that_was_redriven_says_so(
    standard: Operated, call: Call
) -> None:
    failed, again = run(standard, "SiftStage"), run(standard, "RateStage")
    states = standard.engine.client("stepfunctions")
    states.start_execution(stateMachineArn=failed.machine, name=f"{failed.name}-replay-1", input=failed.input)
    standard.engine.functions.inject(f"{STACK}-Rate", "PermanentStageError", 1)
    standard.engine.drain()
    states.redrive_execution(executionArn=again.arn, clientToken="once")
    standard.engine.drain()
    found = {each["execution"]: each for each in call(STANDARD, *RECENT).status["facts"]["failures"]}
    replay = found[f"{failed.name}-replay-1"]
    assert (found[failed.name]["fate"], found[failed.name]["later"]) == ("repeated", f"{failed.name}-replay-1")
    assert (replay["fate"], replay["replayOf"]) == ("open", failed.name)
    states.start_execution(stateMachineArn=failed.machine, name=f"{failed.name}-replay-2", input=failed.input)
    standard.engine.drain()
    assert again.status == "SUCCEEDED"
    called = call(STANDARD, *RECENT)
    assert called.problems == []
    assert {each["later"] for each in called.status["facts"]["failures"]} == {f"{failed.name}-replay-2"}


@pytest.mark.usefixtures("later")
def test_a_paused_pipe_is_wrong_and_its_messages_are_counted(standard: Operated, call: Call) -> None:
    pipes = standard.engine.client("pipes")
    pipes.stop_pipe(Name=standard.workflow.pipe)
    standard.engine.send(standard.deployed.queue, MESSAGE)
    try:
        called = call(STANDARD, *RECENT)
    finally:
        pipes.start_pipe(Name=standard.workflow.pipe)
        standard.engine.drain()
    assert called.code == 1
    assert called.problems == [
        ("pipe", "the pipe is STOPPED: somebody has paused it, and it takes no messages; 1 message waiting")
    ]
    assert called.status["problems"][0]["next"] == [f"ceap resume --env dev {STANDARD}"]


@pytest.mark.usefixtures("later")
def test_an_alarm_that_fires_is_wrong_and_one_without_data_is_counted(standard: Operated, call: Call) -> None:
    name, *others = standard.workflow.alarms
    alarm = {"AlarmName": name, "StateReason": "1 is above 0"}
    standard.engine.client("cloudwatch").set_alarm_state(**alarm, StateValue="ALARM")
    try:
        called = call(STANDARD, *RECENT)
    finally:
        standard.engine.client("cloudwatch").set_alarm_state(**alarm, StateValue="OK")
    assert called.code == 1
    [problem] = called.status["problems"]
    assert problem["text"].startswith(f"alarm {name} since ")
    assert problem["text"].endswith(": 1 is above 0")
    assert {each["name"] for each in called.status["facts"]["alarms"]} == {name, *others}


@pytest.mark.usefixtures("later")
def test_a_deleted_alarm_is_missed(standard: Operated, call: Call) -> None:
    cloudwatch, name = standard.engine.client("cloudwatch"), standard.workflow.alarms[0]
    [alarm] = cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"]
    cloudwatch.delete_alarms(AlarmNames=[name])
    try:
        called = call(STANDARD, *RECENT)
    finally:
        given = ("AlarmName", "Namespace", "MetricName", "Statistic", "Period", "EvaluationPeriods", "Threshold")
        cloudwatch.put_metric_alarm(
            **{key: alarm[key] for key in (*given, "ComparisonOperator", "Dimensions", "AlarmActions")},
            TreatMissingData="notBreaching",
        )
    assert called.problems == [("missing", f"alarm {name} does not exist: somebody has deleted it")]


@pytest.mark.usefixtures("later")
def test_the_last_deployment_is_told_as_it_was_recorded(standard: Operated, call: Call) -> None:
    bucket = f"ceap-artifacts-dev-{standard.engine.account}"
    record = Record(
        id="20261129T181530000Z-3f9a1c",
        stack=STACK,
        operation=Operation.DEPLOY,
        outcome=Outcome.DONE,
        by="arn:aws:iam::123456789012:user/me",
        revision="1" * 40,
        is_clean=True,
    )
    history.save(standard.aws, bucket, record)
    try:
        called = call(STANDARD, "--since", "5m")
    finally:
        key = f"deployments/{STACK}/{record.id}.json"
        standard.engine.client("s3").delete_object(Bucket=bucket, Key=key)
    assert (
        "deployment    deploy done, 2026-11-29 18:15:30 UTC, revision 111111111111, "
        "by arn:aws:iam::123456789012:user/me"
    ) in called.out.splitlines()


@pytest.mark.usefixtures("later")
def test_thousands_of_executions_are_counted_page_by_page_and_the_newest_failures_looked_at(
    standard: Operated, call: Call
) -> None:
    executions = standard.engine.executions
    before = list(executions)
    fill(standard.engine, standard.engine.machine(standard.workflow.machine), 2500, 300)
    try:
        called = call(STANDARD, "--since", "3h", "--json")
    finally:
        executions[:] = before
    facts = called.status["facts"]
    old = sum(1 for each in before if each.ended >= facts["since"])
    assert facts["executions"]["succeeded"] + facts["executions"]["failed"] == 2500 + old
    groups = called.status["groups"]
    assert [sum(len(each["executions"]) for each in groups), len(groups)] == [100, 3]
    assert called.problems[3][1].endswith("older executions failed, too, whose errors were not looked at")


@pytest.mark.usefixtures("later")
def test_the_actions_of_the_page_are_all_that_a_standard_workflow_needs(standard: Operated, call: Call) -> None:
    run(standard, "SiftStage")
    with as_role_with(standard, *READS):
        called = call(STANDARD, *RECENT)
    assert called.code == 1
    assert called.status["facts"]["unread"] == []
    page = (project.ROOT / "docs" / "reference" / "status.md").read_text(encoding="utf-8")
    assert [action for action in READS if f"`{action}`" not in page] == []


@pytest.mark.usefixtures("later")
@pytest.mark.parametrize(
    ("action", "what"),
    [
        ("pipes:DescribePipe", "the pipe"),
        ("sqs:GetQueueAttributes", "the queue"),
        ("states:ListExecutions", "the executions"),
        ("cloudwatch:DescribeAlarms", "the alarms"),
        ("s3:ListBucket", "the record of the last deployment"),
    ],
)
def test_what_may_not_be_read_is_said_and_makes_the_verdict_unknown(
    standard: Operated, call: Call, action: str, what: str
) -> None:
    with as_role_with(standard, *(each for each in READS if each != action)):
        called = call(STANDARD, "--since", "5m")
    assert called.code == 3
    lines = called.out.splitlines()
    assert lines[1] == "UNKNOWN: nothing wrong is seen, but not all could be read"
    [told] = [line for line in lines if line.startswith(f"  not read: {what}: ")]
    assert "grant" in told


@pytest.mark.usefixtures("later")
def test_a_failure_that_cannot_be_looked_at_is_still_a_failure(standard: Operated, call: Call) -> None:
    run(standard, "SiftStage")
    with as_role_with(standard, *(each for each in READS if each != "states:DescribeExecution")):
        called = call(STANDARD, *RECENT)
    assert called.code == 1
    assert called.problems == [("failed executions", "1 older execution failed, too, whose errors were not looked at")]
    assert [each["what"] for each in called.status["facts"]["unread"]] == ["errors of failed executions"]


def test_a_workflow_that_is_not_deployed_ends_with_3(standard: Operated, call: Call) -> None:
    called = call(STANDARD, env="prod")
    assert (called.code, called.out) == (3, "")
    assert called.err.endswith("ceap: stack ceap-standard-prod does not exist; deploy it first: `ceap deploy`\n")


@pytest.mark.usefixtures("later")
def test_without_names_all_of_the_project_that_is_deployed_is_told(
    standard: Operated, call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for path in (EXPRESS, STANDARD):
        (tmp_path / path.name).write_text(path.read_text(encoding="utf-8"), encoding="utf-8")
    monkeypatch.setattr(project, "WORKFLOWS", tmp_path)
    called = call(None, *RECENT)
    assert called.code == 0
    assert called.status["facts"]["workflow"] == "standard"
    assert "express is not deployed in dev" in called.err
    nothing = call(None, env="prod")
    assert nothing.code == 3
    assert "no workflow of the project is deployed in prod: `ceap deploy` deploys them" in nothing.err
    (tmp_path / "ceap.toml").write_text("[env.dev]\n[env.test]\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert (
        "is deployed in tets: is that the environment? ceap.toml has dev, test; if it is, `ceap deploy` deploys them"
        in call(None, env="tets").err
    )


@pytest.mark.parametrize(("since", "why"), [("91d", "for 90 days; give at most 90d"), ("soon", "is not a moment")])
def test_a_time_that_nobody_knows_is_refused(standard: Operated, call: Call, since: str, why: str) -> None:
    called = call(STANDARD, "--since", since)
    assert called.code == 2
    assert why in called.err


@pytest.mark.usefixtures("later")
def test_watched_from_a_pipe_it_is_printed_again_only_when_it_has_changed(
    standard: Operated, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    rounds: Iterator[Callable[[], object]] = iter(
        [lambda: None, lambda: run(standard, "SiftStage"), lambda: run(standard), lambda: None]
    )

    def wait(_: float) -> bool:
        if (what := next(rounds, None)) is None:
            return True
        what()
        return False

    @contextmanager
    def keys() -> Iterator[Callable[[float], bool]]:
        yield wait

    monkeypatch.setattr(status_watch, "keys", keys)
    called = call(STANDARD, *RECENT, "--watch")
    assert called.code == 1
    assert [json.loads(line)["verdict"] for line in called.out.splitlines()] == ["healthy", "wrong"]
