"""The delivery of events by rules in the engine: who lets it, and what is kept of what does not arrive."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ceap.local.cloudformation import DeployError
from ceap.local.engine import Engine
from tests.local.support import Template, deploy_triggered, triggered_template
from tests.local.test_object_events import NAME, announce
from tests.local.test_schedules import kept, properties


def policy(template: Template, queue: str) -> list[dict[str, Any]]:
    statements: list[dict[str, Any]] = properties(template, f"{queue}Policy")["PolicyDocument"]["Statement"]
    return statements


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("Effect",), "Deny"),
        (("Principal", "Service"), "sns.amazonaws.com"),
        (("Action",), ["sqs:ReceiveMessage"]),
        (("Condition", "ArnEquals", "aws:SourceArn"), "arn:aws:events:us-east-1:1:rule/ceap-triggered-dev-objects"),
        (("Condition", "StringEquals", "aws:SourceAccount"), "210987654321"),
        (("Resource",), [{"Fn::GetAtt": ["DeadLetterQueue", "Arn"]}]),
    ],
)
def test_a_queue_whose_policy_does_not_allow_the_rule_gets_nothing_and_the_event_is_kept(
    engine: Engine, place: tuple[str, ...], value: object
) -> None:
    template = triggered_template()
    inner: Any = policy(template, "Queue")[0]
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    deployed = deploy_triggered(engine, template)
    [delivery] = announce(engine, "orders/1.csv")
    rule = f"arn:aws:events:us-east-1:{engine.account}:rule/ceap-triggered-dev-objects"
    assert delivery.problem == f"the policy of ceap-triggered-dev-queue does not allow {rule} sqs:SendMessage"
    assert engine.problems() == [f"{NAME}: {delivery.problem}"]
    [event] = map(json.loads, kept(engine))
    assert (engine.messages(deployed.queue), event["detail"]["object"]) == ([], {"key": "orders/1.csv", "size": 6})


def test_a_queue_without_a_policy_lets_no_rule_send(engine: Engine) -> None:
    template = triggered_template()
    for queue in ("Queue", "TriggerDeadLetterQueue"):
        del template["Resources"][f"{queue}Policy"]
    template["Resources"]["ObjectRule"].pop("DependsOn")
    deploy_triggered(engine, template)
    [delivery] = announce(engine, "orders/1.csv")
    assert (
        "; its dead-letter queue: the policy of ceap-triggered-dev-trigger-dead-letter-queue does" in delivery.problem
    )
    assert kept(engine) == []


def test_a_rule_that_is_disabled_sends_nothing(engine: Engine) -> None:
    template = triggered_template()
    properties(template, "ObjectRule")["State"] = "DISABLED"
    deploy_triggered(engine, template)
    assert announce(engine, "orders/1.csv") == []


def test_a_policy_of_the_queue_that_the_engine_does_not_model_is_refused(engine: Engine) -> None:
    template = triggered_template()
    policy(template, "Queue")[0]["Condition"] = {"StringEquals": {"aws:PrincipalOrgID": "o-1"}}
    with pytest.raises(DeployError, match="does not model the condition key aws:PrincipalOrgID"):
        deploy_triggered(engine, template)
