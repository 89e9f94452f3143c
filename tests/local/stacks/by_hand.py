"""Resources of an engine, made without a stack, and properties that several tests give them."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError  # type: ignore[import-untyped]  # botocore ships no types

from ceap.local.engine import Engine
from ceap.local.sessions import REGION
from ceap.local.stacks.resources import Given, Model, choose_name, create, update

TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}

ALARM = {
    "AlarmName": "alarm",
    "Namespace": "AWS/SQS",
    "MetricName": "Age",
    "ComparisonOperator": "GreaterThanThreshold",
    "EvaluationPeriods": 1,
    "Period": 60,
    "Statistic": "Maximum",
    "Threshold": 5,
    "Dimensions": [{"Name": "QueueName", "Value": "q"}],
}


def policy(action: str, **statement: Any) -> dict[str, Any]:
    body = {"Effect": "Allow", "Action": action, "Resource": "*", **statement}
    return {"Version": "2012-10-17", "Statement": [body]}


def index(name: str, key: str) -> dict[str, Any]:
    keys = [{"AttributeName": key, "KeyType": "HASH"}]
    return {"IndexName": name, "KeySchema": keys, "Projection": {"ProjectionType": "ALL"}}


def table(name: str, *indexes: dict[str, Any], **properties: Any) -> dict[str, Any]:
    keys = ["PK", *(each["KeySchema"][0]["AttributeName"] for each in indexes)]
    return {
        "TableName": name,
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": each, "AttributeType": "S"} for each in keys],
        "KeySchema": [{"AttributeName": "PK", "KeyType": "HASH"}],
        **({"GlobalSecondaryIndexes": list(indexes)} if indexes else {}),
        **properties,
    }


class Resources:
    """Resources of an engine, by hand."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def given(self, kind: str, properties: dict[str, Any]) -> Given:
        name = choose_name(kind, "stack", "Thing", properties)
        return Given("Thing", kind, properties, name, self.engine.account, REGION, "arn:stack")

    def made(self, kind: str, **properties: Any) -> tuple[Model, Given]:
        given = self.given(kind, properties)
        return create(given), given

    def changed(self, kind: str, before: dict[str, Any], after: dict[str, Any]) -> Model:
        model, given = self.made(kind, **before)
        return update(model, given._replace(properties=after))

    def function(self, name: str, version: str, **properties: Any) -> dict[str, Any]:
        return {
            "FunctionName": name,
            "Handler": "app.handle",
            "Runtime": "python3.13",
            "Role": f"arn:aws:iam::{self.engine.account}:role/worker",
            "Code": {"S3Bucket": "code", "S3Key": f"{version}.zip"},
            **properties,
        }

    def client(self, service: str) -> Any:
        return self.engine.client(service)

    def arn(self, service: str, resource: str) -> str:
        return f"arn:aws:{service}:{REGION}:{self.engine.account}:{resource}"


def is_refused(client: Any, operation: str, **arguments: Any) -> bool:
    try:
        getattr(client, operation)(**arguments)
    except ClientError:
        return True
    return False
