"""Whether what the foundation is to adopt can serve it: no template says so, and no stack of ceap changes it.

Sources: Amazon SNS Developer Guide, "Example cases for Amazon SNS access control" and "Encrypting an Amazon SNS topic";
EventBridge User Guide, "Using resource-based policies".
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from ceap.aws.session import Aws
from ceap.ceap_toml import NAME
from ceap.cfn.lookup import at, items
from ceap.deploy.adoptable_buckets import bucket_problems
from ceap.deploy.diff.evaluation import Side
from ceap.deploy.problem import Planned, Problem, look, unread
from ceap.deploy.resource_policies import other_denials, statements_of
from ceap.iam.matching import includes, matches
from handlers.runtime.needs import Table
from templates import discovery, naming
from templates.placeholders import fill

_SERVICES_KEY: Final = "alias/aws/sns"
_PUBLISHERS: Final = {"cloudwatch": "alarm:{}", "events": "rule/{}"}
"""The services that publish alerts, each with what it publishes for: alarms and rules of any workflow."""


def find_unfit(aws: Aws, planned: Planned) -> Iterator[Problem]:
    """Yield what keeps a foundation from adopting what its parameters name, fatal or not."""
    values = Side(planned.template, planned.parameters).values()
    key = values.get(naming.KMS_KEY_PARAMETER, "")

    def adopted(logical_id: str) -> str:
        """Return what is adopted; nothing for a value of another form, which is a problem of the parameter."""
        parameter = naming.adoption(logical_id)
        value = values.get(parameter, "")
        pattern = at(planned.template.data, "Parameters", parameter, "AllowedPattern")
        return value if re.fullmatch(str(pattern), value) else ""

    if topic := adopted(naming.ALERT_TOPIC_ID):
        yield from _topic_problems(aws, f"topic {topic}", topic, values)
    for logical_id in (naming.WORKFLOW_BUCKET_ID, naming.ARTIFACT_BUCKET_ID):
        if bucket := adopted(logical_id):
            yield from bucket_problems(aws, logical_id, bucket, key)
    for table in discovery.tables().values():
        if name := adopted(naming.table_id(table.name)):
            yield from _table_problems(aws, table, name, key)


def _topic_problems(aws: Aws, place: str, topic: str, values: Mapping[str, str]) -> Iterator[Problem]:
    if address := values.get(naming.ALERT_EMAIL_PARAMETER):
        yield Problem(
            place=place,
            what=f"is adopted, so the foundation does not subscribe {address} to it",
            cure=f"leave {naming.ALERT_EMAIL_PARAMETER} out of {NAME}, and call `aws sns subscribe --protocol email "
            f"--topic-arn {topic} --notification-endpoint {address}`",
        )
    _, _, _, region, account, _ = topic.split(":")
    if (region, account) != (aws.region, aws.account):
        what = f"is of {region} and account {account}, but alarms of {aws.region} and {aws.account} publish to it"
        yield Problem(place=place, what=what, cure="adopt one of the same account and region")
        return
    attributes = look(lambda: aws.client("sns").get_topic_attributes(TopicArn=topic)["Attributes"])
    if isinstance(attributes, str):
        yield unread(place, [attributes])
    elif attributes is None:
        yield Problem(place=place, what="does not exist", cure="correct the ARN, or leave it out: ceap then makes one")
    else:
        yield from _publishing_problems(aws, place, topic, attributes, values["Environment"])


def _publishing_problems(
    aws: Aws, place: str, topic: str, attributes: Mapping[str, str], environment: str
) -> Iterator[Problem]:
    key = attributes.get("KmsMasterKeyId", "")
    if key.endswith(_SERVICES_KEY):
        what = f"is encrypted under {_SERVICES_KEY}, with which neither alarms nor rules can publish"
        yield Problem(place=place, what=what, cure="encrypt it under a key of yours, or not at all")
    elif key:
        what = f"is encrypted under {key}, and whether alarms and rules may use that is not known"
        cure = (
            "see that the key's policy allows kms:Decrypt and kms:GenerateDataKey* to cloudwatch.amazonaws.com and "
            "events.amazonaws.com"
        )
        yield Problem(place=place, what=what, cure=cure, is_fatal=False)
    given = aws.pseudo_parameters | {"Environment": environment}
    statements = statements_of(attributes.get("Policy"))
    for service, resource in _PUBLISHERS.items():
        source = fill(naming.arn(service, resource.format(naming.resource("*", "*"))), given)
        if not any(_allows(statement, service, topic, source, aws.account) for statement in statements):
            yield Problem(
                place=place,
                what=f"its policy does not let every {resource.partition(':')[0].partition('/')[0]} of this account "
                "publish to it",
                cure=f"add the statement {json.dumps(_statement(service, topic, aws.account))}",
            )
    cure = "see that it does not match alarms and rules"
    yield from other_denials(place, statements, "alerts", cure)


def _allows(statement: Any, service: str, topic: str, source: str, account: str) -> bool:
    """Tell whether a statement surely allows a service to publish for each source that a pattern matches."""
    principal = at(statement, "Principal")
    named = items(at(principal, "Service")) + items(at(principal, "AWS"))
    return bool(
        at(statement, "Effect") == "Allow"
        and (principal == "*" or "*" in named or f"{service}.amazonaws.com" in named)
        and any(matches(str(action).lower(), "sns:publish") for action in items(at(statement, "Action")))
        and any(matches(str(arn), topic) for arn in items(at(statement, "Resource")))
        and all(
            _holds(operator, key.lower(), items(values), source, account)
            for operator, tests in (at(statement, "Condition") or {}).items()
            for key, values in tests.items()
        )
    )


def _holds(operator: str, key: str, values: Sequence[Any], source: str, account: str) -> bool:
    """Tell whether a condition surely holds for a service that publishes for a source of this account."""
    expected = {"aws:sourceaccount": account, "aws:sourcearn": source}.get(key)
    if operator == "StringEquals":  # by the letter: it holds for no pattern, and so not for each source
        return expected == account and account in map(str, values)
    is_positive = operator in ("StringLike", "ArnEquals", "ArnLike")
    return expected is not None and is_positive and any(includes(str(value), expected) for value in values)


def _statement(service: str, topic: str, account: str) -> dict[str, Any]:
    return {
        "Effect": "Allow",
        "Principal": {"Service": f"{service}.amazonaws.com"},
        "Action": "sns:Publish",
        "Resource": topic,
        "Condition": {"StringEquals": {"aws:SourceAccount": account}},
    }


def _table_problems(aws: Aws, table: Table, name: str, key: str) -> Iterator[Problem]:
    """Yield in what an existing table differs from what handlers declare of it; not its expiry and billing.

    `key` is the customer key: of another key AWS does not say whether it is its own, which all may use.
    """
    place = f"table {name}"
    found = look(lambda: aws.client("dynamodb").describe_table(TableName=name)["Table"])
    if isinstance(found, str):
        yield unread(place, [found])
        return
    parameter = naming.adoption(naming.table_id(table.name))
    if found is None:
        cure = f"correct {parameter}, or leave it out: ceap then makes one"
        yield Problem(place=place, what="does not exist", cure=cure)
        return
    types = {each["AttributeName"]: each["AttributeType"] for each in found["AttributeDefinitions"]}
    keys, wanted = _keys(found, types), _wanted(table.partition_key, table.sort_key)
    if keys != wanted:
        cure = f"adopt a table of these keys, or leave {parameter} out: ceap then makes one"
        yield Problem(place=place, what=f"its keys are {keys}, but handlers use {wanted}", cure=cure)
    used = at(found, "SSEDescription", "KMSMasterKeyArn")
    if used and used != key:
        what = f"is encrypted under {used}, and whether the roles of ceap may use that is not known"
        cure = f"set {naming.KMS_KEY_PARAMETER} to that ARN, unless it is the key of alias/aws/dynamodb"
        yield Problem(place=place, what=what, cure=cure, is_fatal=False)
    indexes = {each["IndexName"]: each for each in found.get("GlobalSecondaryIndexes", ())}
    for index in table.indexes:
        there, wanted = indexes.get(index.name), _wanted(index.partition_key, index.sort_key)
        is_whole = at(there, "Projection", "ProjectionType") == "ALL"
        if there is None or not is_whole or _keys(there, types) != wanted:
            what = f"has no index {index.name} of {wanted} with all attributes, which handlers query"
            yield Problem(place=place, what=what, cure="let its owner add the index")


def _keys(described: Any, types: Mapping[str, str]) -> str:
    return " and ".join(f"{key['AttributeName']} ({types[key['AttributeName']]})" for key in described["KeySchema"])


def _wanted(partition_key: str, sort_key: str | None) -> str:
    return " and ".join(f"{name} (S)" for name in (partition_key, sort_key) if name)
