from __future__ import annotations

from pathlib import Path

import pytest

from ceap.cfn.template import Template, parse_template
from ceap.errors import UsageError
from ceap.graph.access import UNKNOWN
from ceap.graph.chart import Aside, Block, Kind
from ceap.graph.read import read_chart
from ceap.graph.svg import draw_svg
from ceap.project import build_templates
from tests.graph.support import chart_of, template_of
from tests.reference import EXPRESS, GOVERNED, OUTSIDE, OWNED, STAGES, STANDARD, TRIGGERED
from tests.strategies import workflow_of


def with_text(template: Template, old: str, new: str) -> Template:
    """Return a template with a text replaced, which it must have."""
    assert old in template.text
    return parse_template(template.text.replace(old, new), template.file)


def stage(name: str, states: tuple[Block, ...]) -> Block:
    return next(block for block in states if block.title == name)


def test_the_states_stand_in_the_order_of_the_definition() -> None:
    assert tuple(block.title for block in chart_of(EXPRESS).states) == ("ReceiveMessage", *STAGES)


def test_the_queue_says_how_long_it_hides_and_keeps_and_where_dead_letters_go() -> None:
    assert chart_of(EXPRESS).queue == Block(
        Kind.QUEUE,
        "Queue ceap-express-dev-queue",
        ("a received message is hidden for 30 min", "keeps messages for 14 days"),
        (Aside(Kind.QUEUE, "after 3 receives", ("ceap-express-dev-dead-letter-queue", "keeps messages for 14 days")),),
    )


@pytest.mark.parametrize(
    ("declaration", "line"),
    [
        (EXPRESS, "REQUEST_RESPONSE: waits for the result"),
        (STANDARD, "FIRE_AND_FORGET: starts, and deletes the message"),
    ],
)
def test_the_pipe_says_whether_it_waits(declaration: Path, line: str) -> None:
    assert chart_of(declaration).pipe.lines == (line, "batch size 1", "state RUNNING")


def test_a_function_says_its_code_name_size_timeouts_and_retriers() -> None:
    block = stage("SiftStage", chart_of(EXPRESS).states)
    assert (block.kind, block.lines) == (
        Kind.FUNCTION,
        (
            "Lambda handlers/sift.py",
            "ceap-express-dev-Sift",
            "1024 MB, at most 1 min",
            "task timeout 70 s",
            "PermanentStageError: not retried",
            "States.ALL: 2 retries after 20 s, x 2",
        ),
    )


def test_a_job_says_its_script_workers_and_both_retriers() -> None:
    block = stage("HeavyStage", chart_of(STANDARD).states)
    assert (block.kind, block.lines) == (
        Kind.JOB,
        (
            "Glue glue/heavy.py",
            "ceap-standard-dev-Heavy",
            "2 x G.1X, at most 2 h",
            "task timeout 130 min",
            "Glue.ConcurrentRunsExceededException: 8 retries after 1 min, x 2",
            "States.ALL: 2 retries after 5 min, x 2",
        ),
    )


def test_a_stage_reads_the_object_before_it_and_writes_below_its_own_name() -> None:
    assert stage("SiftStage", chart_of(EXPRESS).states).asides[:2] == (
        Aside(Kind.OBJECT, "reads", ("executions/{id}/TakeStage/output.json",), is_inward=True),
        Aside(Kind.OBJECT, "writes", ("executions/{id}/SiftStage/",)),
    )


def test_a_job_is_not_said_to_read_its_code_or_its_own_parts() -> None:
    assert stage("HeavyStage", chart_of(STANDARD).states).asides == (
        Aside(Kind.OBJECT, "reads", ("executions/{id}/SiftStage/output.json",), is_inward=True),
        Aside(Kind.OBJECT, "writes", ("executions/{id}/HeavyStage/",)),
    )


def test_what_a_policy_denies_is_not_drawn() -> None:
    template = template_of(EXPRESS)
    [statement] = [
        statement
        for policy in template.data["Resources"]["KeepFunctionRole"]["Properties"]["Policies"]
        for statement in policy.get("PolicyDocument", {}).get("Statement", ())
        if statement.get("Sid") == "UseRecordsTable"
    ]
    statement["Effect"] = "Deny"
    asides = stage("KeepStage", read_chart(template).states).asides
    assert [aside for aside in asides if aside.kind is Kind.TABLE] == []


def test_tables_and_events_are_those_of_the_role() -> None:
    asides = [aside for block in chart_of(EXPRESS).states for aside in block.asides]
    tables = {(aside.verb, aside.lines) for aside in asides if aside.kind is Kind.TABLE}
    events = [(aside.verb, aside.lines) for aside in asides if aside.kind is Kind.EVENTS]
    assert tables == EXPRESS_TABLES
    assert events == [("publishes", ("default event bus", "RecordReady"))]


EXPRESS_TABLES = {
    ("reads", ("ConfigTable",)),
    ("reads and writes", ("RatingsTable",)),
    ("writes", ("RecordsTable",)),
    ("writes", ("ToldTable",)),
}


def test_secrets_parameters_and_calls_stand_beside_the_stage_that_needs_them() -> None:
    asides = stage("AskStage", chart_of(OUTSIDE).states).asides
    assert asides[2:] == (
        Aside(Kind.SECRET, "needs", ("vendor/key-dev", "secret"), is_inward=True),
        Aside(Kind.SECRET, "needs", ("vendor-api-key", "secret"), is_inward=True),
        Aside(Kind.SECRET, "needs", ("/vendor/dev/url", "parameter"), is_inward=True),
        Aside(Kind.CALL, "calls", ("sqs:GetQueueUrl, sqs:SendMessage", "vendor-orders")),
        Aside(Kind.OBJECT, "writes", ("vendor-files/signed/*",)),
        Aside(Kind.CALL, "calls", ("textract:DetectDocumentText", "*"), is_inward=True),
    )


def test_a_source_bucket_is_read_by_the_first_stage() -> None:
    asides = stage("TakeStage", chart_of(TRIGGERED).states).asides
    assert Aside(Kind.OBJECT, "reads", ("my-exports-dev/*",), is_inward=True) in asides


def test_triggers_say_when_and_on_what_they_send() -> None:
    unsent = Aside(
        Kind.QUEUE, "if not delivered", ("ceap-triggered-dev-trigger-dead-letter-queue", "keeps messages for 14 days")
    )
    assert chart_of(TRIGGERED).triggers == (
        Block(Kind.TRIGGER, "Schedule ceap-triggered-dev-schedule", ("cron(0 2 * * ? *), Europe/Berlin",), (unsent,)),
        Block(
            Kind.TRIGGER,
            "Rule ceap-triggered-dev-objects",
            ("Object Created", "bucket.name: my-exports-dev", "object.key: wildcard orders/*.csv"),
            (unsent,),
        ),
    )


def test_the_failure_rule_and_every_alarm_tell_the_topic() -> None:
    template, chart = template_of(STANDARD), chart_of(STANDARD)
    alarms = [name for name, body in template.data["Resources"].items() if body["Type"] == "AWS::CloudWatch::Alarm"]
    rule, *others = chart.watchers
    assert (rule.title, rule.lines) == (
        "Rule ceap-standard-dev-failures",
        ("an execution is FAILED, TIMED_OUT, ABORTED",),
    )
    assert [block.kind for block in others] == [Kind.ALARM] * len(alarms)
    assert others[0] == Block(
        Kind.ALARM,
        "Alarm ceap-standard-dev-dead-letters",
        ("Maximum of ApproximateNumberOfMessagesVisible > 0 in 1 min",),
    )
    assert chart.topic == "AlertTopic"


def test_an_express_workflow_has_no_failure_rule() -> None:
    assert {block.kind for block in chart_of(EXPRESS).watchers} == {Kind.ALARM}


def test_an_alarm_without_actions_notifies_nobody() -> None:
    template = template_of(EXPRESS)
    alarm = template.data["Resources"]["DeadLettersAlarm"]["Properties"]
    alarm.pop("AlarmActions")
    assert read_chart(template).watchers[0].lines[-1] == "notifies nobody"


def test_names_keep_the_parameter_where_no_environment_is_given() -> None:
    assert chart_of(EXPRESS, None).title == "ceap-express-${Environment}"


def test_what_the_template_says_is_drawn_not_what_the_declaration_says() -> None:
    changed = with_text(template_of(EXPRESS), "MemorySize: 1024", "MemorySize: 3008")
    lines = stage("SiftStage", read_chart(changed).states).lines
    assert "3008 MB, at most 1 min" in lines


def test_a_template_without_a_pipe_is_refused() -> None:
    [(name, text)] = build_templates([])
    with pytest.raises(UsageError, match=r"^foundation\.template\.yaml: no pipe joins a queue to a state machine"):
        read_chart(parse_template(text, name))


@pytest.mark.parametrize(
    "declaration", [EXPRESS, STANDARD, TRIGGERED, OUTSIDE, OWNED, GOVERNED], ids=lambda path: path.stem
)
def test_nothing_of_a_generated_template_is_unknown_in_its_chart(declaration: Path) -> None:
    assert UNKNOWN not in draw_svg(chart_of(declaration))


def test_a_stage_that_an_existing_function_does_calls_that_one() -> None:
    step = {"stage": "OldStage", "legacy": "OldFunctionArn"}
    workflow = workflow_of({"name": "orders", "type": "EXPRESS", "steps": [step]})
    [_, (name, text)] = build_templates([workflow])
    block = stage("OldStage", read_chart(parse_template(text, name), "dev").states)
    assert block.lines[0] == "Lambda handlers/runtime/legacy.py"
    assert Aside(Kind.CALL, "calls", ("lambda:InvokeFunction", "OldFunctionArn")) in block.asides
