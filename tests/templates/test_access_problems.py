"""What is refused of secrets, parameters and grants in NEEDS."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from handlers.runtime.needs import Grant, Needs
from templates.needs_problems import needs_problem

QUEUE = "arn:${AWS::Partition}:sqs:${AWS::Region}:${AWS::AccountId}:orders"
EXAMPLE = f'Grant(("sqs:SendMessage",), "{QUEUE}")'
FORM = "arn:${AWS::Partition}:SERVICE:${AWS::Region}:${AWS::AccountId}:RESOURCE; RESOURCE does not begin with *"
FILLED = "which no deployment fills in; allowed: ${Environment}, ${AWS::AccountId}, ${AWS::Region}"
OWN = "arn:${AWS::Partition}:%s:${AWS::Region}:${AWS::AccountId}:%s"


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True): ...


def problem(**needs: Any) -> str | None:
    return needs_problem(Needs(settings=Settings, **needs))


def test_names_and_grants_within_the_limits_of_aws_are_taken() -> None:
    secrets = (
        "a",
        "vendor/api_key+=.@-${Environment}",
        "vendor-secret",
        "x" * 512,
        "y-${AWS::AccountId}-${AWS::Region}",
    )
    parameters = ("url", "/top", "/vendor/${Environment}/url", "/a" * 15, "x" * 1011)
    grants = (
        Grant(("sqs:SendMessage", "sqs:GetQueueUrl"), QUEUE),
        Grant(
            ("s3:PutObject",), ("arn:${AWS::Partition}:s3:::vendor-${Environment}/*", "arn:${AWS::Partition}:s3:::b/k")
        ),
        Grant(("bedrock:InvokeModel",), "arn:${AWS::Partition}:bedrock:us-east-1::foundation-model/some.model-v1:0"),
        Grant(("execute-api:Invoke",), "arn:${AWS::Partition}:execute-api:eu-west-1:123456789012:api/*"),
        Grant(("textract:DetectDocumentText",), "*"),
        Grant(("dynamodb:Scan",), OWN % ("dynamodb", "table/ceap-orders-${Environment}")),
        Grant(("events:PutEvents",), OWN % ("events", "event-bus/vendor")),
        Grant(("ssm:GetParameter",), "arn:${AWS::Partition}:ssm:${AWS::Region}::parameter/aws/service/x"),
    )
    assert problem(secrets=secrets, parameters=parameters, grants=grants) is None


@pytest.mark.parametrize(
    ("needs", "message"),
    [
        (
            {"secrets": "vendor"},
            "NEEDS.secrets is 'vendor'; list names, e.g. secrets=(\"vendor-${Environment}\",)",
        ),
        ({"secrets": (1,)}, 'NEEDS.secrets is (1,); list names, e.g. secrets=("vendor-${Environment}",)'),
        (
            {"secrets": ("a-${environment}",)},
            f"NEEDS.secrets: 'a-${{environment}}' holds ${{environment}}, {FILLED}",
        ),
        (
            {"secrets": ("a b",)},
            "NEEDS.secrets has 'a b'; write its name in Secrets Manager: 1 to 512 letters, digits, /_+=.@-",
        ),
        (
            {"secrets": ("",)},
            "NEEDS.secrets has ''; write its name in Secrets Manager: 1 to 512 letters, digits, /_+=.@-",
        ),
        (
            {"secrets": ("a-b", "a/b")},
            "NEEDS.secrets has 'a-b' and 'a/b', which share the environment variable SECRET_A_B_NAME; name one of them",
        ),
        (
            {"parameters": ("vendor/url",)},
            "NEEDS.parameters has 'vendor/url'; a name with levels begins with a slash; put one before it",
        ),
        (
            {"parameters": ("/url/",)},
            "NEEDS.parameters has '/url/'; "
            "write its name in Parameter Store: letters, digits, _.- and /, at most 1,011",
        ),
        (
            {"parameters": ("/a" * 16,)},
            f"NEEDS.parameters has '{'/a' * 16}'; it has 16 levels; Parameter Store allows 15",
        ),
        (
            {"parameters": ("/aws/service/x",)},
            "NEEDS.parameters has '/aws/service/x'; AWS reserves names that begin with 'aws' or 'ssm'; "
            "a public parameter of AWS needs `grants`",
        ),
        (
            {"grants": Grant(("sqs:SendMessage",), QUEUE)},
            f"NEEDS.grants is Grant(actions=('sqs:SendMessage',), resources='arn:${{AWS:...; list "
            f"handlers.runtime.needs.Grant, e.g. ({EXAMPLE},)",
        ),
    ],
)
def test_what_aws_would_refuse_or_nobody_could_read_is_refused(needs: Any, message: str) -> None:
    assert problem(**needs) == message


@pytest.mark.parametrize(
    ("actions", "resources", "message"),
    [
        ("sqs:SendMessage", QUEUE, f"actions are 'sqs:SendMessage'; list them, e.g. {EXAMPLE}"),
        ((), QUEUE, f"actions are (); list them, e.g. {EXAMPLE}"),
        (("sqs:SendMessage",), (), f"resources are (); write one ARN or several, e.g. {EXAMPLE}"),
        (("sqs:*",), QUEUE, "'sqs:*' is not one action; write it out, e.g. sqs:SendMessage"),
        (("SendMessage",), QUEUE, "'SendMessage' is not one action; write it out, e.g. sqs:SendMessage"),
        (("sqs:SendMessage",), "orders", f"'orders' is no grant's ARN; write it as {FORM}"),
        (
            ("sqs:SendMessage",),
            "arn:aws:sqs:eu-west-1:123456789012:orders",
            f"'arn:aws:sqs:eu-west-1:123456789012:orders' is no grant's ARN; write it as {FORM}",
        ),
        (("sqs:SendMessage",), OWN % ("sqs", "*"), f"'{OWN % ('sqs', '*')}' is no grant's ARN; write it as {FORM}"),
        (
            ("sqs:SendMessage",),
            "arn:${AWS::Partition}:sqs:${Region}:1:orders",
            f"'arn:${{AWS::Partition}}:sqs:${{Region}}:1:orders' holds ${{Region}}, {FILLED}, ${{AWS::Partition}}",
        ),
        (
            ("s3:GetObject",),
            "arn:${AWS::Partition}:s3:::ceap-workflow-${Environment}-${AWS::AccountId}/*",
            "s3:GetObject on a bucket of ceap is granted where a stage needs it; leave it out",
        ),
        (
            ("s3:GetObject",),
            "arn:${AWS::Partition}:s3:::vendor*/*",
            "s3:GetObject on more than one bucket reaches those of ceap, too; write the bucket's whole name",
        ),
        (
            ("dynamodb:PutItem",),
            OWN % ("dynamodb", "table/*"),
            "dynamodb:PutItem on more than one table reaches those of ceap, too; write the table's whole name",
        ),
        (
            ("dynamodb:PutItem",),
            OWN % ("dynamodb", "table/ceap-orders-${Environment}"),
            "dynamodb:PutItem belongs into NEEDS.tables",
        ),
        (
            ("events:PutEvents",),
            OWN % ("events", "event-bus/default"),
            "events:PutEvents belongs into NEEDS.events: Publish(source=..., detail_type=...)",
        ),
        (
            ("events:PutEvents",),
            OWN % ("events", "event-bus/*"),
            "events:PutEvents on more than one event bus reaches the default one, too; write the bus's whole name",
        ),
        (
            ("secretsmanager:GetSecretValue",),
            OWN % ("secretsmanager", "secret:a-??????"),
            "secretsmanager:GetSecretValue belongs into NEEDS.secrets: the secret's name, for stage.secret",
        ),
        (
            ("ssm:GetParameter",),
            OWN % ("ssm", "parameter/a"),
            "ssm:GetParameter belongs into NEEDS.parameters: the parameter's name, for stage.parameter",
        ),
        (("xray:PutTraceSegments",), "*", "xray:PutTraceSegments is granted to every function; leave it out"),
        (
            ("logs:PutLogEvents",),
            OWN % ("logs", "log-group:/aws/lambda/ceap-orders-dev-ETL:*"),
            "logs:PutLogEvents is granted to every function on its own logs; leave it out",
        ),
    ],
)
def test_a_grant_that_cannot_be_or_has_another_field_is_refused(actions: Any, resources: Any, message: str) -> None:
    assert problem(grants=(Grant(actions, resources),)) == f"NEEDS.grants: {message}"


def test_the_same_grant_twice_is_refused() -> None:
    grants = (Grant(("sqs:SendMessage",), QUEUE), Grant(("sqs:GetQueueUrl", "sqs:SendMessage"), (QUEUE,)))
    assert problem(grants=grants) == f"NEEDS.grants has sqs:SendMessage on {QUEUE} 2 times; write it once"
