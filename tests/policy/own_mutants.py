"""Resources of a team's own that could change what is ceap's: changes that CFN08_OWN_RESOURCES must notice."""

from __future__ import annotations

from typing import Any

from tests.policy.changes import Change, Mutant, arn, imports, put, sub

RULE = "CFN08_OWN_RESOURCES"
OPEN = {"Statement": [{"Effect": "Allow", "Principal": "*", "Action": ["sqs:*"], "Resource": ["*"]}]}
SEND = {"Statement": [{"Effect": "Allow", "Action": ["sqs:SendMessage"], "Resource": [arn("Queue")]}]}
QUEUE_ARN = "arn:${AWS::Partition}:sqs:${AWS::Region}:${AWS::AccountId}:"
ADOPTED, ADOPTED_DEAD = (sub(f"{QUEUE_ARN}${{Orders{kind}QueueName}}") for kind in ("", "DeadLetter"))
QUEUE_URL = "https://sqs.${AWS::Region}.${AWS::URLSuffix}/${AWS::AccountId}/"
MARK = {"ceap": {"own": True}}


def own(kind: str, **properties: Any) -> Change:
    """Return the change that adds a resource of a team's own, marked as the generator marks it."""
    return put("Resources", "Added", {"Type": kind, "Metadata": MARK, "Properties": properties})


OWN_MUTANTS = [
    Mutant(RULE, "owned", name, change)
    for name, change in (
        ("a policy on the queue", own("AWS::SQS::QueuePolicy", Queues=[{"Ref": "Queue"}], PolicyDocument=OPEN)),
        ("a policy by URL", own("AWS::SQS::QueueInlinePolicy", Queue={"Fn::GetAtt": ["Queue", "QueueUrl"]})),
        ("a consumer", own("AWS::Lambda::EventSourceMapping", EventSourceArn=arn("Queue"), FunctionName="theirs")),
        ("by name", own("AWS::Pipes::Pipe", Source=sub(f"{QUEUE_ARN}ceap-owned-${{Environment}}-queue"))),
        ("by its name in dev", own("AWS::Pipes::Pipe", Source=sub(f"{QUEUE_ARN}ceap-owned-dev-queue"))),
        ("by the stack's name", own("AWS::Pipes::Pipe", Source=sub(f"{QUEUE_ARN}${{AWS::StackName}}-queue"))),
        ("joined", own("AWS::Pipes::Pipe", Source={"Fn::Join": ["", ["arn:aws:sqs:x:1:", sub("${Queue.QueueName}")]]})),
        ("under a condition", own("AWS::Pipes::Pipe", Source={"Fn::If": ["HasPager", arn("Queue"), "x"]})),
        ("a target", own("AWS::Pipes::Pipe", Target={"Ref": "StateMachine"})),
        ("a policy of a role", own("AWS::IAM::Policy", Roles=[{"Ref": "TakeFunctionRole"}], PolicyDocument=SEND)),
        ("a role", own("AWS::Lambda::Function", Role=arn("TakeFunctionRole"))),
        ("a URL", own("AWS::Lambda::Url", AuthType="AWS_IAM", TargetFunctionArn=arn("TakeFunction"))),
        ("a permission", own("AWS::Lambda::Permission", FunctionName={"Ref": "KeepFunction"}, Principal="*")),
        ("logs elsewhere", own("AWS::Logs::SubscriptionFilter", LogGroupName={"Ref": "TakeFunctionLogGroup"})),
        ("the bucket", own("AWS::S3::BucketPolicy", Bucket=imports("WorkflowBucket"), PolicyDocument=OPEN)),
        ("the bucket by name", own("AWS::S3::BucketPolicy", Bucket=sub("ceap-workflow-dev-${AWS::AccountId}"))),
        ("the topic", own("AWS::SNS::TopicPolicy", Topics=[imports("AlertTopic")], PolicyDocument=OPEN)),
        ("a nested stack", own("AWS::CloudFormation::Stack", TemplateURL="https://example.com/a.yaml")),
        ("a custom resource", own("Custom::Anything", ServiceToken="arn:aws:lambda:us-east-1:1:function:a")),
        ("all log groups", own("AWS::Logs::AccountPolicy", PolicyName="a", PolicyType="SUBSCRIPTION_FILTER_POLICY")),
        ("past the queue", own("AWS::Scheduler::Schedule", Target={"Arn": {"Ref": "StateMachine"}})),
    )
]
OWN_MUTANTS += [
    Mutant(RULE, "adopting", name, change)
    for name, change in (
        ("a consumer", own("AWS::Lambda::EventSourceMapping", EventSourceArn=ADOPTED, FunctionName="theirs")),
        ("of dead letters", own("AWS::Lambda::EventSourceMapping", EventSourceArn=ADOPTED_DEAD, FunctionName="theirs")),
        ("a policy by URL", own("AWS::SQS::QueueInlinePolicy", Queue=sub(f"{QUEUE_URL}${{OrdersQueueName}}"))),
        (
            "joined",
            own("AWS::SQS::QueueInlinePolicy", Queue={"Fn::Join": ["", ["x/", {"Ref": "OrdersQueueName"}]]}),
        ),
    )
]
