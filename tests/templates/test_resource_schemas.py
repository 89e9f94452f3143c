"""The resource schemas of CloudFormation."""

from __future__ import annotations

import pytest

from templates.resource_schemas import load_schema


def test_a_schema_tells_what_replaces_a_queue_and_what_its_handlers_call() -> None:
    schema = load_schema("AWS::SQS::Queue")
    assert schema is not None
    assert set(schema.create_only) == {("QueueName",), ("FifoQueue",)}
    assert schema.primary_identifier == (("QueueUrl",),)
    assert "sqs:DeleteQueue" in schema.permissions["delete"]
    assert schema.tag_property == ("Tags",)
    assert schema.is_stateful


@pytest.mark.parametrize(
    ("resource_type", "path"),
    [
        ("AWS::StepFunctions::StateMachine", ("StateMachineType",)),
        ("AWS::Pipes::Pipe", ("Source",)),
        ("AWS::DynamoDB::Table", ("TableName",)),
        ("AWS::Glue::Job", ("Name",)),
    ],
)
def test_what_cannot_be_changed_is_create_only(resource_type: str, path: tuple[str, ...]) -> None:
    schema = load_schema(resource_type)
    assert schema is not None
    assert path in schema.create_only


def test_a_key_schema_may_replace_a_table() -> None:
    schema = load_schema("AWS::DynamoDB::Table")
    assert schema is not None
    assert ("KeySchema",) in schema.conditional_create_only


def test_a_type_that_cloudformation_does_not_have_has_no_schema() -> None:
    assert load_schema("AWS::SQS::Kew") is None
