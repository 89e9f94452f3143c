"""A schedule in the engine: it sends its message with its role, or keeps it."""

from __future__ import annotations

import pytest

from ceap.local.cloudformation import DeployError
from ceap.local.deliveries import Delivery
from ceap.local.engine import Engine
from tests.local.support import Template, deploy_triggered, template_text, triggered_template, without
from tests.local.test_running import schedules

NAME = "schedule ceap-triggered-dev-schedule"
BODY = '{"source":{"kind":"s3","bucket":"my-exports-dev","prefix":"orders/"}}'


def properties(template: Template, resource: str) -> Template:
    found: Template = template["Resources"][resource]["Properties"]
    return found


def kept(engine: Engine) -> list[str]:
    return engine.messages(f"http://x/{engine.account}/ceap-triggered-dev-trigger-dead-letter-queue")


def test_a_schedule_sends_the_very_text_of_its_message_and_the_execution_succeeds(engine: Engine) -> None:
    deployed = deploy_triggered(engine)
    assert engine.fire_schedules() == [Delivery(NAME)]
    assert engine.messages(deployed.queue) == [BODY]
    [execution] = engine.drain()
    assert (execution.status, engine.problems(), kept(engine)) == ("SUCCEEDED", [], [])


def test_each_call_of_a_schedule_is_decided_by_its_role(engine: Engine) -> None:
    deployed = deploy_triggered(engine)
    engine.fire_schedules()
    role = deployed.role("ScheduleRole")
    decided = [(one.action, one.resource.rpartition(":")[2], one.allowed) for one in engine.trace if one.role == role]
    assert decided == [("sqs:SendMessage", "ceap-triggered-dev-queue", True)]


def test_a_role_that_may_not_send_to_the_queue_keeps_the_message_and_tells(engine: Engine) -> None:
    template = triggered_template()
    [grants, _] = properties(template, "ScheduleRole")["Policies"]
    del grants["PolicyDocument"]["Statement"][0]
    deployed = deploy_triggered(engine, template)
    [delivery] = engine.fire_schedules()
    assert "is not authorized to perform: sqs:SendMessage" in delivery.problem
    assert engine.problems() == [f"{NAME}: {delivery.problem}"]
    assert (engine.messages(deployed.queue), kept(engine)) == ([], [BODY])


def test_a_role_that_may_send_nowhere_loses_the_message_and_tells(engine: Engine) -> None:
    deploy_triggered(engine, without(triggered_template(), "ScheduleRole", "sqs:SendMessage"))
    [delivery] = engine.fire_schedules()
    assert "; its dead-letter queue: An error occurred (AccessDenied" in delivery.problem
    assert kept(engine) == []


def test_a_schedule_without_a_dead_letter_queue_loses_the_message_and_tells(engine: Engine) -> None:
    template = without(triggered_template(), "ScheduleRole", "sqs:SendMessage")
    del properties(template, "Schedule")["Target"]["DeadLetterConfig"]
    deploy_triggered(engine, template)
    [delivery] = engine.fire_schedules()
    assert delivery.problem.endswith("; it has no dead-letter queue")


def test_a_schedule_that_is_disabled_sends_nothing(engine: Engine) -> None:
    template = triggered_template()
    properties(template, "Schedule")["State"] = "DISABLED"
    deploy_triggered(engine, template)
    assert engine.fire_schedules() == []


def test_a_group_takes_its_own_schedules_with_it_and_no_others(engine: Engine) -> None:
    resources = schedules("text")
    groups = {"Group": resources.pop("Group")}
    resources["Schedule"]["Properties"]["GroupName"] = "group"
    other = {"Group": {"Type": "AWS::Scheduler::ScheduleGroup", "Properties": {"Name": "other"}}}
    for stack, each in (("group", groups), ("other", other), ("schedule", resources)):
        engine.deploy(template_text(**each), stack)
    engine.client("cloudformation").delete_stack(StackName="other")
    engine._stacks.wait()
    assert engine.fire_schedules() == [Delivery("schedule schedule")]
    engine.client("cloudformation").delete_stack(StackName="group")
    engine._stacks.wait()
    assert engine.fire_schedules() == []


def test_a_schedule_outside_of_the_group_that_its_role_trusts_is_refused(engine: Engine) -> None:
    template = triggered_template()
    properties(template, "Schedule")["GroupName"] = "default"
    with pytest.raises(DeployError, match=r"not authorized to perform: sts:AssumeRole by scheduler\.amazonaws\.com"):
        deploy_triggered(engine, template)


def test_a_role_that_trusts_another_service_is_refused(engine: Engine) -> None:
    template = triggered_template()
    [trust] = properties(template, "ScheduleRole")["AssumeRolePolicyDocument"]["Statement"]
    trust["Principal"]["Service"] = "events.amazonaws.com"
    with pytest.raises(DeployError, match=r"not authorized to perform: sts:AssumeRole by scheduler\.amazonaws\.com"):
        deploy_triggered(engine, template)


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        (("ScheduleExpression",), "every day", "every day is no time that EventBridge Scheduler knows"),
        (("Target", "Input"), '{"at": "<aws.scheduler.scheduled-time>"}', r"does not fill in <aws\.scheduler\."),
        (("Target", "Arn"), "arn:aws:lambda:us-east-1:1:function:f", "does not know the target arn:aws:lambda"),
        (("Target", "Arn"), "arn:aws:sqs:us-east-1:1:none", "The specified queue does not exist"),
        (("Target", "SqsParameters"), {"MessageGroupId": "g"}, "does not model SqsParameters of a schedule"),
    ],
)
def test_a_schedule_that_the_engine_does_not_model_is_refused(
    engine: Engine, place: tuple[str, ...], value: object, message: str
) -> None:
    template = triggered_template()
    inner = properties(template, "Schedule")
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    with pytest.raises(DeployError, match=message):
        deploy_triggered(engine, template)


def test_a_schedule_without_a_message_is_refused(engine: Engine) -> None:
    template = triggered_template()
    del properties(template, "Schedule")["Target"]["Input"]
    with pytest.raises(DeployError, match=r"Schedule \(AWS::Scheduler::Schedule\): property 'Input' is missing"):
        deploy_triggered(engine, template)
