"""Whether what the foundation is to adopt can serve it: no template says so, and no stack of ceap changes it.

Sources: Amazon SNS Developer Guide, "Example cases for Amazon SNS access control" and "Encrypting an Amazon SNS topic";
EventBridge User Guide, "Using resource-based policies".
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from botocore.exceptions import ClientError  # type: ignore[import-untyped]  # botocore ships no types

from ceap.aws.errors import DENIED, code_of, is_absent
from ceap.aws.session import Aws
from ceap.ceap_toml import NAME
from ceap.cfn.lookup import at, items
from ceap.deploy.diff.evaluation import Side
from ceap.deploy.problem import Planned, Problem
from ceap.iam.matching import includes, matches
from templates import naming
from templates.placeholders import fill

_SERVICES_KEY: Final = "alias/aws/sns"
_PUBLISHERS: Final = {"cloudwatch": "alarm:{}", "events": "rule/{}"}
"""The services that publish alerts, each with what it publishes for: alarms and rules of any workflow."""


def find_unfit(aws: Aws, planned: Planned) -> Iterator[Problem]:
    """Yield what keeps a foundation from adopting what its parameters name, fatal or not."""
    values = Side(planned.template, planned.parameters).values()
    if topic := values.get(naming.adoption(naming.ALERT_TOPIC_ID)):
        yield from _topic_problems(aws, f"topic {topic}", topic, values)


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
    if attributes.get("KmsMasterKeyId", "").endswith(_SERVICES_KEY):
        what = f"is encrypted under {_SERVICES_KEY}, with which neither alarms nor rules can publish"
        yield Problem(place=place, what=what, cure="encrypt it under a key of yours, or not at all")
    given = aws.pseudo_parameters | {"Environment": environment}
    statements = items(at(json.loads(attributes.get("Policy", "{}")), "Statement"))
    for service, resource in _PUBLISHERS.items():
        source = fill(naming.arn(service, resource.format(naming.resource("*", "*"))), given)
        if not any(_allows(statement, service, topic, source, aws.account) for statement in statements):
            yield Problem(
                place=place,
                what=f"its policy does not let every {resource.partition(':')[0].partition('/')[0]} of this account "
                "publish to it",
                cure=f"add the statement {json.dumps(_statement(service, topic, aws.account))}",
            )
    if any(_denies(statement) for statement in statements):
        what = "a Deny of its policy may keep alerts from it"
        yield Problem(place=place, what=what, cure="see that it does not match alarms and rules", is_fatal=False)


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
    is_positive = operator in ("StringEquals", "StringLike", "ArnEquals", "ArnLike")
    return expected is not None and is_positive and any(includes(str(value), expected) for value in values)


def _denies(statement: Any) -> bool:
    """Tell whether a statement denies anything but requests without TLS."""
    tls = {"Bool": {"aws:SecureTransport": "false"}}
    return bool(at(statement, "Effect") == "Deny" and at(statement, "Condition") != tls)


def _statement(service: str, topic: str, account: str) -> dict[str, Any]:
    return {
        "Effect": "Allow",
        "Principal": {"Service": f"{service}.amazonaws.com"},
        "Action": "sns:Publish",
        "Resource": topic,
        "Condition": {"StringEquals": {"aws:SourceAccount": account}},
    }


def look(ask: Callable[[], Any]) -> Any:
    """Return AWS's answer; None for what does not exist, and the action as a text where AWS refuses to say."""
    try:
        return ask()
    except ClientError as error:
        if code_of(error) in (*DENIED, "403"):
            return str(error.operation_name)
        if is_absent(error):
            return None
        raise


def unread(place: str, actions: Sequence[str]) -> Problem:
    """Return that nobody knows whether something fits, since AWS refused the actions."""
    what = f"whether it can be adopted is not known: AWS refused {', '.join(actions)}"
    return Problem(place=place, what=what, cure="grant it to this identity, or go on if you know it", is_fatal=False)
