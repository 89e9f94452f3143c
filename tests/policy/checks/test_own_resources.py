from __future__ import annotations

import pytest

from tests.policy.broken import said
from tests.policy.changes import Change, arn, imports, sub
from tests.policy.own_mutants import ADOPTED, RULE, own


def test_a_second_consumer_of_the_queue_is_found_with_what_to_do() -> None:
    change = own("AWS::Lambda::EventSourceMapping", EventSourceArn=arn("Queue"), FunctionName="theirs")
    waiver = "{ceap: {waivers: [{rule: CFN08_OWN_RESOURCES, reason: why}]}}"
    message = (
        "Added could change Queue, which is ceap's | fix: do not name Queue here, "
        f"or accept it in Metadata of Added: {waiver}"
    )
    assert said(RULE, "owned", change) == [(message, "/Resources/Added/Properties/EventSourceArn")]


@pytest.mark.parametrize("name", ["ceap-owned-${Environment}-queue", "ceap-owned-dev-queue", "${AWS::StackName}-queue"])
def test_a_name_says_whose_a_resource_is_however_the_stack_is_written(name: str) -> None:
    change = own("AWS::Pipes::Pipe", Source=sub(f"arn:aws:sqs:eu-west-1:111122223333:{name}"))
    [(message, place)] = said(RULE, "owned", change)
    assert message.startswith("Added could change Queue, which is ceap's")
    assert place == "/Resources/Added/Properties/Source"


def test_a_nested_stack_is_found_because_no_rule_reads_it() -> None:
    [(message, place)] = said(RULE, "owned", own("AWS::CloudFormation::Stack", TemplateURL="https://example.com"))
    assert message.startswith("what it deploys or runs is in no template, and unjudged | fix: declare it here, or ")
    assert place == "/Resources/Added/Type"


@pytest.mark.parametrize(
    "change",
    [
        own("AWS::CloudWatch::Alarm", Dimensions=[{"Name": "QueueName", "Value": {"Ref": "Queue"}}]),
        own("AWS::SSM::Parameter", Type="String", Value={"Ref": "Queue"}),
        own("AWS::SNS::Subscription", TopicArn=imports("AlertTopic"), Protocol="https", Endpoint="https://example.com"),
        own("AWS::Scheduler::Schedule", Target={"Arn": arn("Queue"), "RoleArn": arn("Uploader")}),
        own("AWS::Events::Rule", EventPattern={"detail": {"stateMachineArn": [{"Ref": "StateMachine"}]}}),
        own("AWS::SQS::Queue", QueueName=sub("ceap-owned-${Environment}-queue-of-ours")),
        own("AWS::SQS::QueuePolicy", Queues=[{"Ref": "Inbox"}], PolicyDocument={"Statement": []}),
    ],
)
def test_what_reads_watches_or_sends_to_ceap_s_may_name_it(change: Change) -> None:
    assert said(RULE, "owned", change) == []


def test_an_adopted_queue_may_be_watched_and_sent_to_but_has_one_consumer() -> None:
    schedule = own("AWS::Scheduler::Schedule", Target={"Arn": ADOPTED, "RoleArn": arn("ScheduleRole")})
    assert [place for _, place in said(RULE, "adopting", schedule)] == ["/Resources/Added/Properties/Target/RoleArn"]
    watched = own("AWS::CloudWatch::Alarm", Dimensions=[{"Name": "QueueName", "Value": {"Ref": "OrdersQueueName"}}])
    assert said(RULE, "adopting", watched) == []
    consumer = own("AWS::Lambda::EventSourceMapping", EventSourceArn=ADOPTED, FunctionName="theirs")
    [(message, _)] = said(RULE, "adopting", consumer)
    assert message.startswith("Added could change OrdersQueueName, which the workflow adopts | fix: do not name ")


def test_a_resource_without_the_mark_is_left_to_the_vocabulary() -> None:
    def change(data: dict[str, object]) -> None:
        own("AWS::Lambda::Url", TargetFunctionArn=arn("TakeFunction"))(data)
        del data["Resources"]["Added"]["Metadata"]  # type: ignore[index]  # as templates are

    assert said(RULE, "owned", change) == []
    [(message, _)] = said("CFN06_KNOWN_RESOURCES", "owned", change)
    assert message.startswith("AWS::Lambda::Url is not among the resources of a ceap EXPRESS workflow stack")
