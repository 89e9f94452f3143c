"""Smoke runs on the engine: all is well, then each thing broken and named."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from ceap import project
from ceap.aws.deployed import load_stack
from ceap.cfn.template import parse_template
from ceap.deploy.smoke.facts import Run
from ceap.deploy.smoke.judgement import SmokeVerdict
from ceap.deploy.smoke.reading import Reader
from ceap.deploy.smoke.report import SmokeReport
from ceap.deploy.smoke.run import START_S, Options
from ceap.errors import SetupError, UsageError
from ceap.local.clock import CLOCK
from templates.model import FunctionNaming
from templates.stacks import workflow_stack
from tests import reference
from tests.deploy.smoke.conftest import Smoked
from tests.local.support import STAGES, STANDARD_STAGES, deploy_adopting, deploy_express
from tests.operated import operated
from tests.reference import MESSAGE

TABLES = ("ceap-ratings-dev", "ceap-records-dev", "ceap-told-dev")


def named(report: SmokeReport, verdict: SmokeVerdict = SmokeVerdict.FAILED) -> list[tuple[str, str]]:
    """Return check and text of the findings with a verdict."""
    return [(finding.check, finding.text) for finding in report.findings if finding.verdict is verdict]


def left_in(smoked: Smoked) -> dict[str, Any]:
    """Return what is in bucket, queues and tables."""
    dynamodb = smoked.engine.client("dynamodb")
    return {
        "objects": smoked.deployed.objects(),
        "messages": smoked.engine.messages(smoked.deployed.queue),
        "dead letters": smoked.deployed.dead_letters,
        **{table: dynamodb.scan(TableName=table)["Items"] for table in TABLES},
    }


NOTHING: dict[str, Any] = {"objects": {}, "messages": [], "dead letters": [], **{table: [] for table in TABLES}}


def test_a_workflow_passes_whose_functions_cloudformation_names() -> None:
    [workflow] = project.load_workflows([reference.EXPRESS])
    template = workflow_stack(replace(workflow, naming=FunctionNaming.GENERATED))
    with operated("express", lambda engine: deploy_express(engine, template)) as found:
        report = Smoked(*found).smoke()
    assert named(report) == []
    assert len(report.executions) == 1


def test_a_working_express_workflow_passes_and_is_left_as_it_was(express: Smoked) -> None:
    report = express.smoke()
    [execution] = express.engine.executions[-1:]
    assert named(report) == []
    assert report.executions == (execution.arn,)
    passed = [finding.check for finding in report.findings if finding.verdict is SmokeVerdict.PASSED]
    assert passed == [
        "definition",
        "execution",
        *["stage object"] * len(STAGES),
        *["table items"] * len(TABLES),
        *["log lines"] * len(STAGES),
        "dead-letter queue",
        *["alarm"] * alarms_in(express),
    ]
    assert {check for check, _ in named(report, SmokeVerdict.NOT_EVALUATED)} == {"trace"}
    assert report.left == ()
    assert left_in(express) == NOTHING


def test_a_workflow_on_adopted_queues_passes_and_its_event_goes_to_the_adopted_bus() -> None:
    with operated("adopting", deploy_adopting) as found:
        smoked = Smoked(*found)
        report = smoked.smoke()
        events = smoked.engine.events()
    assert named(report) == []
    assert [event["EventBusName"] for event in events] == ["OrdersEventBus"] * 2


def test_a_working_standard_workflow_with_a_job_passes_and_is_left_as_it_was(standard: Smoked) -> None:
    report = standard.smoke()
    assert named(report) == []
    lines = [(f.place, f.text) for f in report.findings if f.check == "log lines" and "Heavy" in f.place]
    assert lines == [("/aws-glue/jobs/ceap-standard-dev-Heavy/output", "1 line of HeavyStage")]
    assert (
        len(named(report, SmokeVerdict.PASSED)) == 2 + 2 * len(STANDARD_STAGES) + len(TABLES) + alarms_in(standard) + 1
    )
    assert left_in(standard) == NOTHING


@pytest.mark.parametrize("workflow", ["express", "standard"])
def test_the_execution_of_another_message_is_not_taken_for_ours(workflow: str, request: pytest.FixtureRequest) -> None:
    smoked: Smoked = request.getfixturevalue(workflow)
    count = len(smoked.engine.executions)
    report = smoked.smoke(before=lambda: smoked.engine.send(smoked.deployed.queue, MESSAGE))
    both = smoked.engine.executions[count:]
    [ours] = [execution for execution in both if report.messages[0] in execution.input]
    assert (len(both), report.executions) == (2, (ours.arn,))
    [other] = [execution for execution in both if execution is not ours]
    kept = {key.split("/")[1] for key in smoked.deployed.objects()}
    assert kept == {other.name}
    _empty(smoked)


def test_a_workflow_that_publishes_events_is_refused_before_a_message_is_sent(express: Smoked) -> None:
    with pytest.raises(UsageError, match=r"ceap-express-dev: TellStage may publish events.*give --allow-events if"):
        express.smoke(Options())
    assert left_in(express) == NOTHING


def test_a_stack_that_is_not_deployed_is_named(express: Smoked) -> None:
    with pytest.raises(SetupError, match="stack ceap-none-dev does not exist; deploy it first: `ceap deploy`"):
        load_stack(express.aws, "none", "dev")


def test_with_keep_nothing_is_removed(express: Smoked) -> None:
    report = express.smoke(Options(allow_events=True, keep=True))
    assert (report.removed, report.left) == ((), ("all that it made: --keep",))
    assert len(express.deployed.objects()) == len(STAGES)
    _empty(express)


@pytest.mark.parametrize("workflow", ["express", "standard"])
def test_a_failing_stage_is_named_with_what_follows_from_it(workflow: str, request: pytest.FixtureRequest) -> None:
    smoked: Smoked = request.getfixturevalue(workflow)
    function = f"ceap-{workflow}-dev-Rate"
    smoked.engine.functions.inject(function, "PermanentStageError", None)
    try:
        report = smoked.smoke()
    finally:
        smoked.engine.functions.inject(function, "PermanentStageError", 0)
    checks = named(report)
    assert checks[0][0] == "execution"
    assert checks[0][1].startswith("FAILED: PermanentStageError: ")
    assert "{" not in checks[0][1]
    places = [finding.place for finding in report.findings if finding.verdict is SmokeVerdict.FAILED]
    assert [place.split("/")[-2] for place in places if place.startswith("s3://")] == [
        "RateStage",
        "KeepStage",
        "TellStage",
    ]
    assert left_in(smoked) == NOTHING


def test_the_message_of_a_failed_express_execution_is_removed_before_it_comes_back(express: Smoked) -> None:
    express.engine.functions.inject("ceap-express-dev-Rate", "PermanentStageError", 1)
    report = express.smoke(once=True)
    [message] = report.messages
    assert report.removed[-1] == f"message {message} from {express.stack.physical['Queue']}"
    assert left_in(express) == NOTHING


def test_an_interrupted_run_tells_what_it_sent(express: Smoked) -> None:
    told: list[str] = []

    def interrupt() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        express.smoke(before=interrupt, say=told.append)
    sent = told[0].split()[1]
    assert told == [
        f"message {sent} sent to {express.stack.physical['Queue']}",
        f"not ended: message {sent} was sent; what its executions made is left",
    ]
    express.engine.drain()
    _empty(express)


def test_a_log_that_lags_behind_the_objects_is_waited_for(express: Smoked, monkeypatch: pytest.MonkeyPatch) -> None:
    lagging, read = [True], Reader.runs

    def behind(reader: Reader, message_id: str) -> list[Run]:
        runs = read(reader, message_id)
        if runs and lagging:
            lagging.pop()
            return [msgspec.structs.replace(run, states=run.states[:2]) for run in runs]
        return runs

    monkeypatch.setattr(Reader, "runs", behind)
    report = express.smoke()
    assert named(report, SmokeVerdict.PASSED)[0][0] == "definition"
    assert len(report.messages) == 1


def test_a_trace_is_found_by_the_id_in_the_lines_of_a_function(express: Smoked) -> None:
    trace, group = "1-5759e988-bd862e3fe1be46a994272793", "/aws/lambda/ceap-express-dev-Take"

    def log() -> None:
        logs, now = express.engine.client("logs"), int(CLOCK.now() * 1000)
        lines = [
            {"executionId": express.engine.executions[-1].name, "xray_trace_id": trace},
            {"type": "platform.report", "record": {"tracing": {"value": f"Root={trace};Parent=1;Sampled=0"}}},
        ]
        logs.create_log_stream(logGroupName=group, logStreamName="traced")
        events = [{"timestamp": now, "message": json.dumps(line)} for line in lines]
        logs.put_log_events(logGroupName=group, logStreamName="traced", logEvents=events)

    report = express.smoke(after=log)
    [text] = [finding.text for finding in report.findings if finding.check == "trace"]
    assert text == f"unproven: trace {trace} was not sampled, which X-Ray decides"
    express.engine.client("logs").delete_log_stream(logGroupName=group, logStreamName="traced")


def test_an_object_that_is_missing_is_named(express: Smoked) -> None:
    def delete() -> None:
        [key] = [key for key in express.deployed.objects() if "SiftStage" in key]
        express.engine.client("s3").delete_object(Bucket=express.deployed.bucket, Key=key)

    report = express.smoke(after=delete)
    name = express.engine.executions[-1].name
    assert named(report) == [
        (
            "stage object",
            f"is missing, and there is no error.json in executions/{name}/SiftStage/; SiftStage did not begin, or "
            "could not write",
        )
    ]


def test_an_object_that_is_cut_short_is_named(express: Smoked) -> None:
    def cut() -> None:
        [(key, body)] = [entry for entry in express.deployed.objects().items() if "SiftStage" in entry[0]]
        express.engine.client("s3").put_object(Bucket=express.deployed.bucket, Key=key, Body=body[:-20])

    [(check, text)] = named(express.smoke(after=cut))
    assert check == "stage object"
    assert "SiftStage/output.json is not a stage document: its footer is wrong" in text


def test_an_empty_table_is_named(express: Smoked) -> None:
    def empty() -> None:
        dynamodb = express.engine.client("dynamodb")
        for item in dynamodb.scan(TableName="ceap-told-dev")["Items"]:
            dynamodb.delete_item(TableName="ceap-told-dev", Key={"key": item["key"]})

    report = express.smoke(after=empty)
    name = express.engine.executions[-1].name
    assert named(report) == [
        (
            "table items",
            f"no item names execution {name} or this smoke run, though TellStage let records pass; look at the stage's "
            "log, and whether its table is this one",
        )
    ]


def test_an_item_that_was_there_before_is_left_and_told(express: Smoked) -> None:
    dynamodb = express.engine.client("dynamodb")

    def put() -> None:
        item = {"key": {"S": "r1"}, "owner": {"S": express.engine.executions[-1].name}}
        dynamodb.put_item(TableName="ceap-told-dev", Item=item)

    report = express.smoke(after=put)
    assert named(report) == []
    assert report.left == ("1 item of ceap-told-dev, possibly there before: no key of theirs names the smoke run",)
    assert [item["key"] for item in dynamodb.scan(TableName="ceap-told-dev")["Items"]] == [{"S": "r1"}]
    _empty(express)


def test_a_function_without_log_lines_is_named(express: Smoked) -> None:
    group = "/aws/lambda/ceap-express-dev-Keep"

    def forget() -> None:
        logs = express.engine.client("logs")
        for stream in logs.describe_log_streams(logGroupName=group)["logStreams"]:
            logs.delete_log_stream(logGroupName=group, logStreamName=stream["logStreamName"])

    report = express.smoke(after=forget)
    name = express.engine.executions[-1].name
    assert named(report) == [
        (
            "log lines",
            f"no line of KeepStage about execution {name}; either the stage did not run, or its role may not write to "
            "the log group",
        )
    ]


def test_an_alarm_that_fires_is_named(express: Smoked) -> None:
    def set_state(value: str) -> None:
        express.engine.client("cloudwatch").set_alarm_state(
            AlarmName="ceap-express-dev-queue-age", StateValue=value, StateReason="Threshold crossed"
        )

    report = express.smoke(after=lambda: set_state("ALARM"))
    assert named(report) == [("alarm", "ALARM: Threshold crossed")]
    set_state("OK")
    assert ("alarm", "OK") in named(express.smoke(), SmokeVerdict.PASSED)


def test_a_dead_letter_of_another_message_is_named_and_stays(express: Smoked) -> None:
    sqs, queue = express.engine.client("sqs"), express.deployed.stack.outputs["DeadLetterQueueUrl"]
    report = express.smoke(after=lambda: sqs.send_message(QueueUrl=queue, MessageBody="another"))
    [kept, alarm] = named(report)
    assert kept == (
        "dead-letter queue",
        "1 message, 0 before; receive one to see whose it is, and look at its execution",
    )
    assert (alarm[0], alarm[1][:25]) == ("alarm", "ALARM: Threshold Crossed:")
    assert express.deployed.dead_letters == ["another"]
    assert ("dead-letter queue", "1 message, as before") in named(express.smoke(), SmokeVerdict.PASSED)
    sqs.purge_queue(QueueUrl=queue)


def test_a_definition_that_is_not_the_templates_is_named_and_no_message_is_sent(express: Smoked) -> None:
    stack, count = express.stack, len(express.engine.executions)
    text = stack.template.text.replace('"MaxAttempts": 0', '"MaxAttempts": 1')
    changed = msgspec.structs.replace(stack, template=parse_template(text, "changed"))
    report = express.smoke(stack=changed)
    assert named(report)[0] == (
        "definition",
        "the state machine has another definition than the template of its stack: somebody changed it by hand; deploy "
        "again, and change the declaration instead",
    )
    assert (report.messages, len(express.engine.executions)) == ((), count)


@pytest.mark.parametrize("workflow", ["express", "standard"])
def test_the_message_is_sent_again_while_an_earlier_definition_runs(
    workflow: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    smoked: Smoked = request.getfixturevalue(workflow)
    first, read = set[str](), Reader.runs

    def earlier(reader: Reader, message_id: str) -> list[Run]:
        runs = read(reader, message_id)
        if first <= {message_id}:
            first.add(message_id)
            old = {"StartAt": "Old", "States": {}} if workflow == "standard" else None
            runs = [msgspec.structs.replace(run, states=("Old",), definition=old) for run in runs]
        return runs

    monkeypatch.setattr(Reader, "runs", earlier)
    report = smoked.smoke()
    assert named(report) == []
    assert (len(report.messages), len(report.executions)) == (2, 2)
    assert left_in(smoked) == NOTHING


def test_a_pipe_that_takes_no_message_is_named_and_the_message_is_left(express: Smoked) -> None:
    pipes, sqs = express.engine.client("pipes"), express.engine.client("sqs")
    pipes.stop_pipe(Name="ceap-express-dev")
    report = express.smoke()
    text = dict(named(report))["execution"]
    [message] = report.messages
    assert f"look at the state and the log group of pipe {express.stack.physical['Pipe']}" in text
    assert float(text.split("within ")[1].split(" s;")[0]) >= START_S
    [left] = report.left
    assert left.startswith(f"message {message} in ")
    sqs.purge_queue(QueueUrl=express.deployed.queue)
    pipes.start_pipe(Name="ceap-express-dev")


def alarms_in(smoked: Smoked) -> int:
    return len(smoked.deployed.stack.of_type("AWS::CloudWatch::Alarm"))


def _empty(smoked: Smoked) -> None:
    """Remove all objects and items."""
    s3, dynamodb = smoked.engine.client("s3"), smoked.engine.client("dynamodb")
    for key in smoked.deployed.objects():
        s3.delete_object(Bucket=smoked.deployed.bucket, Key=key)
    for table in TABLES:
        keys = [key["AttributeName"] for key in dynamodb.describe_table(TableName=table)["Table"]["KeySchema"]]
        for item in dynamodb.scan(TableName=table)["Items"]:
            dynamodb.delete_item(TableName=table, Key={name: item[name] for name in keys})
