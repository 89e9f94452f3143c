"""Triggers that a declaration may not have."""

from __future__ import annotations

import pytest

from templates.config import parse_workflow
from templates.source import parse_source
from tests.templates.support import VALID, changed, refusal

READS = changed("handler: take\n", "handler: take\n    settings: {source_bucket: my-exports}\n")
INLINE = "{source: {kind: inline, records: []}}"


def schedule(message: str = INLINE, **keys: str) -> str:
    """Return a schedule of an hour, with other keys in the place of its own."""
    given = {"expression": "rate(1 hour)", "message": message} | keys
    return "schedule:\n" + "".join(f"  {key}: {value}\n" for key, value in given.items())


def test_a_time_that_scheduler_does_not_know_is_refused() -> None:
    assert refusal(VALID + schedule(expression="0 2 * * *")) == (
        "orders.yaml:9: schedule.expression is '0 2 * * *': it is no time that EventBridge Scheduler knows; write "
        "cron(0 2 * * ? *), rate(15 minutes) or at(2027-01-31T02:00:00)"
    )


def test_a_time_zone_that_iana_does_not_know_is_refused() -> None:
    assert refusal(VALID + schedule(timezone="Europe/Berlyn")) == (
        "orders.yaml:11: schedule.timezone is 'Europe/Berlyn', which is no IANA time zone; did you mean Europe/Berlin?"
    )


def test_a_schedule_without_a_message_is_refused() -> None:
    assert refusal(VALID + "schedule: {expression: rate(1 hour)}\n") == (
        "orders.yaml:8: schedule.message is missing: add it (the message, as the first stage takes it)"
    )


def test_an_unknown_key_of_a_trigger_is_refused_with_the_nearest_known_one() -> None:
    assert refusal(READS + "s3_events: {prefx: orders/}\n") == (
        "orders.yaml:9: s3_events.prefx is an unknown key; did you mean prefix? allowed: prefix, suffix"
    )


def test_a_message_that_the_first_stage_refuses_is_refused() -> None:
    assert refusal(VALID + schedule("{source: {kind: inline}}")) == (
        "orders.yaml:10: schedule.message cannot start TakeStage: the message is wrong: Object missing required field "
        "`records` - at `$.source`; send JSON such as " + '{"source": {"kind": "inline", "records": [...]}}'
    )


def test_a_message_that_names_another_bucket_than_the_first_stage_reads_is_refused() -> None:
    assert refusal(READS + schedule("{source: {kind: s3, bucket: other, key: a.csv}}")) == (
        "orders.yaml:11: schedule.message cannot start TakeStage: the message's source is bucket other, but the step "
        "declares my-exports; name that bucket in the message, or change the setting of the step that NEEDS gives as "
        "bucket_setting, and deploy again"
    )


def test_a_message_that_names_no_object_is_refused() -> None:
    assert refusal(READS + schedule("{source: {kind: s3, bucket: my-exports}}")) == (
        "orders.yaml:11: schedule.message cannot start TakeStage: the message's source must have a key or a prefix, "
        "and not both"
    )


def test_a_message_that_the_queue_refuses_is_refused() -> None:
    assert refusal(VALID + schedule(f'{{source: {{kind: inline, records: [{{id: "{"x" * 122_880}"}}]}}}}')) == (
        "orders.yaml:10: schedule.message has 122,930 bytes as JSON; allowed: 122,880; put the records on S3"
    )


@pytest.mark.parametrize(
    ("held", "said"),
    [
        (
            "<aws.scheduler.scheduled-time>",
            "'<aws.scheduler.', which EventBridge Scheduler would replace; write the value",
        ),
        (
            "${Stage}",
            "${Stage}, which no deployment fills in; allowed: ${Environment}, ${AWS::AccountId}, ${AWS::Region}",
        ),
    ],
)
def test_a_message_that_aws_would_change_is_refused(held: str, said: str) -> None:
    text = VALID + schedule(f'{{source: {{kind: inline, records: [{{id: "{held}"}}]}}}}')
    assert refusal(text) == f"orders.yaml:10: schedule.message holds {said}"


def test_a_name_that_is_too_long_for_the_queue_of_a_trigger_is_refused() -> None:
    name = "o" * 38
    text = VALID.replace("name: orders", f"name: {name}").replace("TakeStage", "T").replace("SiftStage", "S")
    assert refusal(text + schedule()) == (
        f"orders.yaml:1: name is '{name}': the queue ceap-{name}-${{Environment}}-trigger-dead-letter-queue could have "
        "82 characters with an Environment of 12; Amazon SQS allows 80: shorten the workflow's name by 2"
    )


def test_object_events_of_a_stage_that_declares_no_bucket_are_refused() -> None:
    assert refusal(VALID + "s3_events: {prefix: orders/}\n") == (
        "orders.yaml:8: s3_events sends objects of the bucket that TakeStage reads, and it declares none; add "
        "settings: {source_bucket: NAME} to the step"
    )


def test_object_events_without_a_value_are_refused_as_they_would_send_nothing() -> None:
    assert refusal(READS + "s3_events:\n") == (
        "orders.yaml:9: s3_events is null, which sends nothing; write {} to send every object, or remove the key"
    )


def test_object_events_of_a_handler_that_reads_no_bucket_are_refused() -> None:
    text = "name: orders\ntype: EXPRESS\nsteps:\n  - stage: SiftStage\n    handler: sift\ns3_events: {}\n"
    assert refusal(text) == (
        "orders.yaml:6: s3_events needs a first stage that reads a bucket, and SiftStage reads none; name the setting "
        "with its bucket as bucket_setting in NEEDS of handlers/sift.py"
    )


def test_object_events_of_a_first_glue_step_are_refused() -> None:
    text = "name: orders\ntype: STANDARD\nsteps:\n  - stage: HeavyStage\n    glue: heavy\ns3_events: {}\n"
    assert refusal(text) == (
        "orders.yaml:6: s3_events needs a first stage that reads a bucket, and HeavyStage is a Glue job; put a Lambda "
        "stage first"
    )


@pytest.mark.parametrize("events", ["{prefix: ''}", '{suffix: "a\\nb"}'])
def test_a_prefix_or_suffix_that_no_key_has_is_refused(events: str) -> None:
    assert refusal(READS + f"s3_events: {events}\n").startswith(f"orders.yaml:9: s3_events.{events[1:7]} is ")


def test_a_prefix_and_suffix_longer_than_any_key_are_refused() -> None:
    assert refusal(READS + f"s3_events: {{prefix: {'ä' * 400}, suffix: {'ä' * 200}}}\n") == (
        "orders.yaml:9: s3_events has a prefix and a suffix of 1,200 bytes; a key has at most 1,024: shorten them"
    )


def test_a_prefix_and_a_suffix_may_be_as_long_as_a_key() -> None:
    longest = parse_source(READS + f"s3_events: {{prefix: {'ä' * 400}, suffix: {'b' * 224}}}\n", "orders.yaml")
    assert parse_workflow(longest).s3_events is not None
    assert "of 1,025 bytes" in refusal(READS + f"s3_events: {{prefix: {'ä' * 400}, suffix: {'b' * 225}}}\n")
