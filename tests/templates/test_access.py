"""What a template holds of secrets, parameters and grants in NEEDS: variables and the statements of the role."""

from __future__ import annotations

from ceap import project
from templates.stacks import workflow_stack
from tests import reference

ARN = "arn:${AWS::Partition}:%s:${AWS::Region}:${AWS::AccountId}:%s"


def test_a_function_has_the_names_and_its_role_exactly_the_grants_that_its_handler_declares() -> None:
    [workflow] = project.load_workflows([reference.OUTSIDE])
    resources = workflow_stack(workflow)["Resources"]
    variables = resources["AskFunction"]["Properties"]["Environment"]["Variables"]
    assert variables == {
        "SETTINGS": "{}",
        "POWERTOOLS_SERVICE_NAME": "ceap-outside",
        "SECRET_VENDOR_KEY_ENVIRONMENT_NAME": {"Fn::Sub": "vendor/key-${Environment}"},
        "SECRET_VENDOR_API_KEY_NAME": "vendor-api-key",
        "PARAMETER_VENDOR_ENVIRONMENT_URL_NAME": {"Fn::Sub": "/vendor/${Environment}/url"},
    }
    [policy, _] = resources["AskFunctionRole"]["Properties"]["Policies"]
    statements = policy["PolicyDocument"]["Statement"]
    granted = {each["Sid"]: (each["Action"], each["Resource"]) for each in statements if "Condition" not in each}
    own = {"ReadPreviousStage", "WriteOwnStage", "WriteLogs", "Trace"}
    assert {sid: grant for sid, grant in granted.items() if sid not in own} == {
        "ReadSecrets": (
            ["secretsmanager:GetSecretValue"],
            [
                {"Fn::Sub": ARN % ("secretsmanager", "secret:vendor/key-${Environment}-??????")},
                {"Fn::Sub": ARN % ("secretsmanager", "secret:vendor-api-key-??????")},
            ],
        ),
        "ReadParameters": (["ssm:GetParameter"], [{"Fn::Sub": ARN % ("ssm", "parameter/vendor/${Environment}/url")}]),
        "Granted1": (["sqs:GetQueueUrl", "sqs:SendMessage"], [{"Fn::Sub": ARN % ("sqs", "vendor-orders")}]),
        "Granted2": (["s3:PutObject"], [{"Fn::Sub": "arn:${AWS::Partition}:s3:::vendor-files/signed/*"}]),
        "Granted3": (["textract:DetectDocumentText"], ["*"]),
    }


def test_a_handler_without_them_has_none() -> None:
    [workflow] = project.load_workflows([reference.OUTSIDE])
    resources = workflow_stack(workflow)["Resources"]
    assert set(resources["TakeFunction"]["Properties"]["Environment"]["Variables"]) == {
        "SETTINGS",
        "POWERTOOLS_SERVICE_NAME",
        "TABLE_CONFIG",
    }
    sids = {
        each["Sid"]
        for each in resources["TakeFunctionRole"]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]
    }
    assert sids == {"WriteOwnStage", "UseConfigTable", "WriteLogs", "Trace"}
