"""Adopted queues and event buses are asked for before a workflow is deployed: here by the local engine as AWS."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import pytest

from ceap import project
from ceap.aws.session import Aws, open_session
from ceap.ceap_toml import Environment
from ceap.cfn.adopted import TLS_ONLY, dead_letter_attributes, queue_attributes, tls_statement
from ceap.cfn.template import parse_template
from ceap.deploy.existing_queues import find_unfit
from ceap.deploy.preflight import check
from ceap.deploy.problem import Planned
from ceap.local.engine import Engine
from templates.render import render
from templates.stacks import workflow_stack
from tests import reference
from tests.local.support import role

DEV = Environment(name="dev")
VISIBILITY_S = 1080
"""Six times the timeouts of three functions."""


class Pair(NamedTuple):
    """A queue and its dead-letter queue, made outside of every stack."""

    aws: Aws
    name: str
    url: str
    arn: str
    dead_url: str
    dead_arn: str

    def set(self, **attributes: Any) -> None:
        self._set(self.url, attributes)

    def set_dead(self, **attributes: Any) -> None:
        self._set(self.dead_url, attributes)

    def _set(self, url: str, attributes: dict[str, Any]) -> None:
        texts = {key: json.dumps(value) if isinstance(value, dict) else value for key, value in attributes.items()}
        self.aws.client("sqs").set_queue_attributes(QueueUrl=url, Attributes=texts)

    def said(self, **parameters: str) -> list[str]:
        """Return what is said of the workflow that adopts them, and the bus `orders-bus`."""
        return said(self.aws, OrdersQueueName=self.name, OrdersDeadLetterQueueName=f"{self.name}-failed", **parameters)


def planned(**parameters: str) -> Planned:
    [workflow] = project.load_workflows([reference.ADOPTING])
    template = parse_template(render(workflow_stack(workflow)), "generated/adopting.template.yaml")
    given = {"Environment": "dev", "HandlersPrefix": "handlers/", "OrdersEventBusName": "orders-bus", **parameters}
    return Planned(stack="ceap-adopting-dev", template=template, parameters=given)


def said(aws: Aws, **parameters: str) -> list[str]:
    return [
        f"{'' if problem.is_fatal else 'not known: '}{problem}" for problem in find_unfit(aws, planned(**parameters))
    ]


def policy(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": [*statements]}


@pytest.fixture(scope="module", autouse=True)
def bus(aws: Aws) -> None:
    aws.client("events").create_event_bus(Name="orders-bus")


@pytest.fixture
def pair(aws: Aws, request: pytest.FixtureRequest) -> Pair:
    """Queues that can be adopted, with a name of the test's own."""
    sqs, name = aws.client("sqs"), f"orders-{abs(hash(request.node.name)) % 10**8}"
    urls = [sqs.create_queue(QueueName=each)["QueueUrl"] for each in (name, f"{name}-failed")]
    arn, dead_arn = (
        sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"] for url in urls
    )
    pair = Pair(aws, name, urls[0], arn, urls[1], dead_arn)
    pair.set(**queue_attributes(dead_arn, VISIBILITY_S), Policy=policy(tls_statement(arn)))
    pair.set_dead(**dead_letter_attributes(arn), Policy=policy(tls_statement(dead_arn)))
    return pair


def test_queues_that_are_as_those_of_ceap_are_no_problem(pair: Pair) -> None:
    assert pair.said() == []


def test_attributes_that_do_not_fit_are_refused_with_one_call_that_mends_them(pair: Pair) -> None:
    pair.set(VisibilityTimeout="30", MessageRetentionPeriod="345600", MaximumMessageSize="262144")
    wanted = {"MessageRetentionPeriod": "1209600", "VisibilityTimeout": "1080", "MaximumMessageSize": "122880"}
    assert pair.said() == [
        f"queue {pair.name}: MessageRetentionPeriod must be 1209600, and is 345600; VisibilityTimeout must be 1080 or "
        "more, and is 30; MaximumMessageSize must be 122880 or less, and is 262144; call `aws sqs set-queue-attributes "
        f"--queue-url {pair.url} --attributes '{json.dumps(wanted)}'`"
    ]
    pair.set(**wanted)
    assert pair.said() == []


def test_longer_times_and_smaller_messages_than_needed_are_no_problem(pair: Pair) -> None:
    pair.set(VisibilityTimeout="43200", MaximumMessageSize="1024")
    assert pair.said() == []


@pytest.mark.parametrize("redrive", [{"maxReceiveCount": 5}, {"deadLetterTargetArn": "other"}])
def test_dead_letters_that_go_elsewhere_or_at_another_count_are_refused(pair: Pair, redrive: dict[str, Any]) -> None:
    other = pair.aws.client("sqs").create_queue(QueueName=f"{pair.name}-other")["QueueUrl"]
    given = {"deadLetterTargetArn": pair.dead_arn, "maxReceiveCount": 3} | redrive
    if given["deadLetterTargetArn"] == "other":
        given["deadLetterTargetArn"] = pair.aws.client("sqs").get_queue_attributes(
            QueueUrl=other, AttributeNames=["QueueArn"]
        )["Attributes"]["QueueArn"]
    pair.set(RedrivePolicy=given)
    right = json.dumps({"deadLetterTargetArn": pair.dead_arn, "maxReceiveCount": 3})
    [line] = pair.said()
    assert line.startswith(f"queue {pair.name}: RedrivePolicy must be {right}, and is {{")


def test_a_dead_letter_queue_that_others_may_fill_is_refused(pair: Pair) -> None:
    pair.set_dead(RedriveAllowPolicy={"redrivePermission": "allowAll"})
    right = json.dumps({"redrivePermission": "byQueue", "sourceQueueArns": [pair.arn]})
    [line] = pair.said()
    assert line.startswith(f"queue {pair.name}-failed: RedriveAllowPolicy must be {right}, and is ")


def test_dead_letters_that_go_on_to_another_queue_are_refused(pair: Pair) -> None:
    pair.set_dead(RedrivePolicy={"deadLetterTargetArn": pair.arn, "maxReceiveCount": 1})
    [line] = pair.said()
    assert line.startswith(f"queue {pair.name}-failed: RedrivePolicy must be empty, and is {{")
    assert line.endswith("""--attributes '{"RedrivePolicy": ""}'`""")


def test_a_queue_that_is_not_encrypted_is_refused(pair: Pair) -> None:
    pair.set(SqsManagedSseEnabled="false")
    [line] = pair.said()
    assert line.startswith(f"queue {pair.name}: SqsManagedSseEnabled must be true, and is false; call `aws sqs ")


KEY = "arn:aws:kms:us-east-1:123456789012:key/1a2b"
OTHER_KEY = "arn:aws:kms:us-east-1:123456789012:key/3c4d"
CURE = "set KmsKeyArn in ceap.toml to the ARN of this key, or encrypt the queue under SQS's own"


@pytest.mark.parametrize(
    ("key", "ours", "what"),
    [
        (KEY, KEY, None),
        ("1a2b", KEY, None),
        ("alias/aws/sqs", "", None),
        (OTHER_KEY, KEY, f"is encrypted under {OTHER_KEY}, which the workflow may not use; {CURE}"),
        (KEY, "", f"is encrypted under {KEY}, which the workflow may not use; {CURE}"),
        ("alias/shop", "", f"is encrypted under alias/shop, which the workflow may not use; {CURE}"),
        (
            "alias/shop",
            KEY,
            f"is encrypted under alias/shop, and whether that is {KEY} is not known; {CURE}, or go on if you know it",
        ),
    ],
)
def test_the_key_of_a_queue_must_be_one_that_the_workflow_may_use(
    pair: Pair, key: str, ours: str, what: str | None
) -> None:
    pair.set(KmsMasterKeyId=key)
    unsure = "not known: " if what and "not known" in what else ""
    assert pair.said(KmsKeyArn=ours) == ([f"{unsure}queue {pair.name}: {what}"] if what else [])


def test_a_policy_that_allows_requests_without_tls_is_refused_with_the_statement(pair: Pair) -> None:
    allow = tls_statement(pair.arn) | {"Effect": "Allow", "Principal": {"AWS": pair.aws.account}, "Condition": {}}
    pair.set(Policy=policy(allow))
    assert pair.said() == [
        f"queue {pair.name}: its policy allows requests without TLS; add the statement "
        f"{json.dumps(tls_statement(pair.arn))}"
    ]


def test_another_deny_is_said_since_it_may_keep_the_pipe_from_the_queue(pair: Pair) -> None:
    other = tls_statement(pair.arn) | {"Sid": "Other", "Condition": {"Bool": {"aws:ViaAWSService": "false"}}}
    pair.set(Policy=policy(tls_statement(pair.arn), other))
    assert pair.said() == [
        f"not known: queue {pair.name}: a Deny of its policy may keep the workflow from it; see that it does not match "
        "the role of the pipe"
    ]


@pytest.mark.parametrize(
    "change",
    [
        {"Effect": "Allow"},
        {"Principal": {"Service": "events.amazonaws.com"}},
        {"Action": "sqs:SendMessage"},
        {"Resource": "arn:aws:sqs:us-east-1:123456789012:other"},
        {"Condition": TLS_ONLY | {"StringEquals": {"aws:PrincipalAccount": "123456789012"}}},
    ],
)
def test_a_deny_that_covers_less_is_not_enough(pair: Pair, change: dict[str, Any]) -> None:
    pair.set(Policy=policy(tls_statement(pair.arn) | change))
    assert any("allows requests without TLS" in line for line in pair.said())


def deploy_old(engine: Engine, pair: Pair, **more: str) -> None:
    """Deploy the old workflow of the queue: a pipe that starts a state machine which does nothing."""
    machine = {"StartAt": "Done", "States": {"Done": {"Type": "Succeed"}}}
    resources = {
        "PipeRole": role("pipes", ("sqs:*", pair.arn), ("states:StartExecution", "*")),
        "MachineRole": role("states"),
        "Machine": {
            "Type": "AWS::StepFunctions::StateMachine",
            "Properties": {
                "StateMachineName": pair.name,
                "DefinitionString": json.dumps(machine),
                "RoleArn": {"Fn::GetAtt": ["MachineRole", "Arn"]},
            },
        },
        "Pipe": {
            "Type": "AWS::Pipes::Pipe",
            "Properties": {
                "Name": f"old-{pair.name}",
                "RoleArn": {"Fn::GetAtt": ["PipeRole", "Arn"]},
                "Source": pair.arn,
                "SourceParameters": {"SqsQueueParameters": {"BatchSize": 1}},
                "Target": {"Ref": "Machine"},
                "TargetParameters": {"StepFunctionStateMachineParameters": {"InvocationType": "FIRE_AND_FORGET"}},
                **more,
            },
        },
    }
    engine.deploy(json.dumps({"Resources": resources}), f"old-{pair.name}")


def test_another_pipe_that_runs_on_the_queue_is_told_until_it_is_stopped(engine: Engine, pair: Pair) -> None:
    deploy_old(engine, pair)
    assert pair.said() == [
        f"not known: queue {pair.name}: the pipe old-{pair.name} takes messages from it, too, so that each pipe gets "
        f"some; stop it first: `aws pipes stop-pipe --name old-{pair.name}`"
    ]
    pair.aws.client("pipes").stop_pipe(Name=f"old-{pair.name}")
    assert pair.said() == []


def test_a_queue_that_does_not_exist_is_refused(aws: Aws, pair: Pair) -> None:
    assert said(aws, OrdersQueueName=pair.name, OrdersDeadLetterQueueName="gone") == [
        f"queue gone: does not exist in {aws.region}, and the workflow adopts it; create it, or correct its name in "
        "ceap.toml"
    ]


def test_an_event_bus_that_does_not_exist_is_refused(pair: Pair) -> None:
    assert pair.said(OrdersEventBusName="gone") == [
        f"event bus gone: does not exist in {pair.aws.region}, and the workflow publishes to it; call `aws events "
        "create-event-bus --name gone`, or correct its name in ceap.toml"
    ]


def test_what_the_caller_may_not_ask_is_said(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    aws = pair.aws
    trust = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{aws.account}:root"}, "Action": "sts:AssumeRole"}
    role = aws.client("iam").create_role(RoleName="asks-nothing", AssumeRolePolicyDocument=json.dumps(policy(trust)))
    keys = aws.client("sts").assume_role(RoleArn=role["Role"]["Arn"], RoleSessionName="ci")["Credentials"]
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", keys["AccessKeyId"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", keys["SecretAccessKey"])
    monkeypatch.setenv("AWS_SESSION_TOKEN", keys["SessionToken"])
    found = Pair(open_session(DEV), *pair[1:]).said()
    assert [line.partition(":")[0] for line in found] == ["not known"] * 3  # either queue, and the bus
    assert found[0] == (
        f"not known: queue {pair.name}: whether it can be adopted is not known: AWS refused GetQueueUrl; grant it to "
        "this identity, or go on if you know it"
    )


def test_a_value_that_is_no_name_is_a_problem_of_the_parameter_alone(aws: Aws, pair: Pair) -> None:
    given = {"OrdersQueueName": pair.url, "OrdersDeadLetterQueueName": f"{pair.name}-failed"}
    assert said(aws, **given) == []
    place = "ceap-adopting-dev: parameter OrdersQueueName"
    [line] = [str(each) for each in check(aws, DEV, [planned(**given)]) if each.place == place]
    assert "allowed: the name of a standard queue of this account and region, not its URL or ARN" in line
