"""The Query protocol: what is read from a form, and that botocore reads what is written."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import botocore.session  # type: ignore[import-untyped]  # botocore ships no types
import pytest
from botocore.parsers import create_parser  # type: ignore[import-untyped]  # botocore ships no types

from ceap.local.calls import FORM, Request
from ceap.local.query import QueryError, read_form, write_answer, write_error


def request(service: str, operation: str, **form: str) -> Request:
    body = urlencode({"Action": operation, "Version": "1", **form}).encode()
    return Request(service, "us-east-1", "1", "POST", "/", {}, {"content-type": FORM}, body)


def read(asked: Request, document: dict[str, Any]) -> dict[str, Any]:
    """Return a document as a client reads it once it is written."""
    model = botocore.session.get_session().get_service_model(asked.service).operation_model(asked.operation)
    answer = write_answer(asked, document)
    given = {"body": answer.body, "headers": answer.headers, "status_code": answer.status}
    parsed: dict[str, Any] = create_parser("query").parse(given, model.output_shape)
    assert parsed.pop("ResponseMetadata").keys() >= {"RequestId", "HTTPStatusCode"}
    return parsed


def test_a_client_reads_lists_maps_and_texts_as_they_were_written() -> None:
    decisions = {"a<b": "allowed", "c": "explicitDeny"}
    result = {"EvalActionName": "s3:Get & <Put>", "EvalDecision": "allowed", "EvalDecisionDetails": decisions}
    document = {"EvaluationResults": [result, {**result, "EvalActionName": "b"}], "IsTruncated": False}
    assert read(request("iam", "SimulatePrincipalPolicy"), document) == document


def test_a_client_reads_times_truth_values_and_no_more_than_there_is() -> None:
    stack = {"StackName": "s", "CreationTime": 1.5, "DisableRollback": True, "Description": None}
    [found] = read(request("cloudformation", "DescribeStacks"), {"Stacks": [stack]})["Stacks"]
    assert found.pop("CreationTime").isoformat() == "1970-01-01T00:00:01.500000+00:00"
    assert found == {"StackName": "s", "DisableRollback": True}


def test_an_answer_holds_what_the_operation_has_alone() -> None:
    with pytest.raises(KeyError, match="DescribeStacksOutput has no Colour, Taste"):
        read(request("cloudformation", "DescribeStacks"), {"Taste": 1, "Colour": 2})


def test_a_form_gives_lists_structures_and_numbers() -> None:
    form = {
        "StackName": "s",
        "Parameters.member.1.ParameterKey": "a",
        "Parameters.member.1.ParameterValue": "",
        "Parameters.member.2.UsePreviousValue": "true",
        "TimeoutInMinutes": "5",
        "Capabilities": "",
    }
    assert read_form(request("cloudformation", "CreateStack", **form)) == {
        "StackName": "s",
        "Parameters": [{"ParameterKey": "a", "ParameterValue": ""}, {"UsePreviousValue": True}],
        "TimeoutInMinutes": 5,
        "Capabilities": [],
    }


@pytest.mark.parametrize(
    ("form", "message"),
    [
        ({"StackName": "s", "Taste": "1", "Colour.member.1": "2"}, "Colour, Taste is not a parameter of CreateStack"),
        ({}, "1 validation error detected: Value null at 'stackName' failed to satisfy constraint: Member must not be"),
    ],
)
def test_a_form_with_an_unknown_or_without_a_required_parameter_is_refused(form: dict[str, str], message: str) -> None:
    with pytest.raises(QueryError, match=message):
        read_form(request("cloudformation", "CreateStack", **form))


def test_a_client_reads_the_code_and_the_message_of_an_error() -> None:
    answer = write_error(QueryError("a < b", "Mine"))
    given = {"body": answer.body, "headers": answer.headers, "status_code": answer.status}
    assert create_parser("query").parse(given, None)["Error"] == {"Type": "Sender", "Code": "Mine", "Message": "a < b"}
    assert answer.status == 400
