"""What a call asks of IAM, read from requests as boto3 makes them."""

from __future__ import annotations

import json
import re

import pytest

from ceap.local.calls import FunctionName, Question, Request, UnknownCallError, read_function_name
from ceap.local.engine import Engine
from ceap.local.questions import checks
from tests.local.captured import ACCOUNT, REGION, Call, arn, request_of

QUEUE_URL = f"http://127.0.0.1/{ACCOUNT}/q"
TABLE = {"TableName": "t", "Key": {"pk": {"S": "1"}}}
GROUP = {"logGroupName": "/g"}
STREAM = {**GROUP, "logStreamName": "s"}

CASES: list[tuple[str, Call, list[Question]]] = [
    (
        "sqs",
        lambda c: c.send_message_batch(QueueUrl=QUEUE_URL, Entries=[{"Id": "1", "MessageBody": "b"}]),
        [Question("sqs:SendMessage", arn("sqs", "q"))],
    ),
    (
        "sqs",
        lambda c: c.receive_message(QueueUrl=QUEUE_URL),
        [Question("sqs:ReceiveMessage", arn("sqs", "q"))],
    ),
    ("dynamodb", lambda c: c.get_item(**TABLE), [Question("dynamodb:GetItem", arn("dynamodb", "table/t"))]),
    (
        "dynamodb",
        lambda c: c.query(TableName="t", IndexName="index", KeyConditionExpression="pk = :p"),
        [Question("dynamodb:Query", arn("dynamodb", "table/t/index/index"))],
    ),
    (
        "dynamodb",
        lambda c: c.batch_get_item(RequestItems={"t": {"Keys": [TABLE["Key"]]}, "u": {"Keys": [TABLE["Key"]]}}),
        [Question("dynamodb:BatchGetItem", arn("dynamodb", f"table/{name}")) for name in ("t", "u")],
    ),
    (
        "dynamodb",
        lambda c: c.transact_write_items(TransactItems=[{"Put": {"TableName": "t", "Item": TABLE["Key"]}}]),
        [Question("dynamodb:PutItem", arn("dynamodb", "table/t"))],
    ),
    (
        "events",
        lambda c: c.put_events(
            Entries=[
                {"Source": "a", "DetailType": "A", "Detail": "{}"},
                {"Source": "b", "DetailType": "B", "Detail": "{}", "EventBusName": "bus"},
            ]
        ),
        [
            Question(
                "events:PutEvents", arn("events", f"event-bus/{bus}"), {"events:source": s, "events:detail-type": t}
            )
            for bus, s, t in (("default", "a", "A"), ("bus", "b", "B"))
        ],
    ),
    (
        "sns",
        lambda c: c.publish(TopicArn=arn("sns", "topic"), Message="m"),
        [Question("sns:Publish", arn("sns", "topic"))],
    ),
    (
        "stepfunctions",
        lambda c: c.start_sync_execution(stateMachineArn=arn("states", "stateMachine:m")),
        [Question("states:StartSyncExecution", arn("states", "stateMachine:m"))],
    ),
    (
        "lambda",
        lambda c: c.invoke(FunctionName=arn("lambda", "function:f")),
        [Question("lambda:InvokeFunction", arn("lambda", "function:f"))],
    ),
    ("lambda", lambda c: c.invoke(FunctionName="f"), [Question("lambda:InvokeFunction", arn("lambda", "function:f"))]),
    (
        "lambda",
        lambda c: c.get_function_configuration(FunctionName="f"),
        [Question("lambda:GetFunctionConfiguration", arn("lambda", "function:f"))],
    ),
    (
        "lambda",
        lambda c: c.get_function_configuration(FunctionName=arn("lambda", "function:f:live")),
        [Question("lambda:GetFunctionConfiguration", arn("lambda", "function:f:live"))],
    ),
    ("events", lambda c: c.describe_rule(Name="r"), [Question("events:DescribeRule", arn("events", "rule/r"))]),
    (
        "logs",
        lambda c: c.describe_log_groups(),
        [Question("logs:DescribeLogGroups", arn("logs", "log-group::log-stream:"))],
    ),
    ("logs", lambda c: c.describe_resource_policies(), [Question("logs:DescribeResourcePolicies", "*")]),
    (
        "cloudwatch",
        lambda c: c.describe_alarms(AlarmNames=["a"]),
        [Question("cloudwatch:DescribeAlarms", arn("cloudwatch", "alarm:*"))],
    ),
    ("sts", lambda c: c.get_caller_identity(), []),
    (
        "sts",
        lambda c: c.assume_role(RoleArn=arn("iam", "role/r"), RoleSessionName="session"),
        [Question("sts:AssumeRole", arn("iam", "role/r"))],
    ),
    (
        "iam",
        lambda c: c.simulate_principal_policy(PolicySourceArn=f"arn:aws:iam::{ACCOUNT}:role/r", ActionNames=["s3:a"]),
        [Question("iam:SimulatePrincipalPolicy", f"arn:aws:iam::{ACCOUNT}:role/r")],
    ),
    ("iam", lambda c: c.get_role(RoleName="r"), [Question("iam:GetRole", f"arn:aws:iam::{ACCOUNT}:role/r")]),
    (
        "cloudformation",
        lambda c: c.create_change_set(
            StackName="s",
            ChangeSetName="c",
            RoleARN=f"arn:aws:iam::{ACCOUNT}:role/r",
            TemplateURL="https://b.s3.us-east-1.amazonaws.com/k/t",
        ),
        [
            Question("cloudformation:CreateChangeSet", arn("cloudformation", "stack/s/*")),
            Question(
                "iam:PassRole",
                f"arn:aws:iam::{ACCOUNT}:role/r",
                {"iam:passedtoservice": "cloudformation.amazonaws.com"},
            ),
            Question("s3:GetObject", "arn:aws:s3:::b/k/t"),
        ],
    ),
    (
        "cloudformation",
        lambda c: c.describe_stacks(StackName=arn("cloudformation", "stack/s/1")),
        [Question("cloudformation:DescribeStacks", arn("cloudformation", "stack/s/1"))],
    ),
    ("cloudformation", lambda c: c.list_exports(), [Question("cloudformation:ListExports", "*")]),
    ("sqs", lambda c: c.list_queues(), [Question("sqs:ListQueues", "*")]),
    ("sqs", lambda c: c.get_queue_url(QueueName="q"), [Question("sqs:GetQueueUrl", arn("sqs", "q"))]),
    (
        "dynamodb",
        lambda c: c.get_item(**TABLE | {"TableName": arn("dynamodb", "table/t")}),
        [Question("dynamodb:GetItem", arn("dynamodb", "table/t"))],
    ),
    (
        "dynamodb",
        lambda c: c.transact_get_items(TransactItems=[{"Get": TABLE}]),
        [Question("dynamodb:GetItem", arn("dynamodb", "table/t"))],
    ),
    (
        "lambda",
        lambda c: c.invoke(FunctionName="f", Qualifier="PROD"),
        [Question("lambda:InvokeFunction", arn("lambda", "function:f:PROD"))],
    ),
    (
        "lambda",
        lambda c: c.invoke(FunctionName=arn("lambda", "function:f:1")),
        [Question("lambda:InvokeFunction", arn("lambda", "function:f:1"))],
    ),
    (
        "lambda",
        lambda c: c.invoke(FunctionName=f"{ACCOUNT}:function:f"),
        [Question("lambda:InvokeFunction", arn("lambda", "function:f"))],
    ),
    (
        "cloudwatch",
        lambda c: c.put_metric_data(Namespace="n", MetricData=[{"MetricName": "m"}]),
        [Question("cloudwatch:PutMetricData", "*")],
    ),
    (
        "logs",
        lambda c: c.put_log_events(**STREAM, logEvents=[{"timestamp": 1, "message": "m"}]),
        [Question("logs:PutLogEvents", arn("logs", "log-group:/g:log-stream:s"))],
    ),
    (
        "logs",
        lambda c: c.create_log_stream(**STREAM),
        [Question("logs:CreateLogStream", arn("logs", "log-group:/g:log-stream:s"))],
    ),
    (
        "logs",
        lambda c: c.filter_log_events(**GROUP),
        [Question("logs:FilterLogEvents", arn("logs", "log-group:/g:log-stream:"))],
    ),
    ("ssm", lambda c: c.get_parameter(Name="/a/b"), [Question("ssm:GetParameter", arn("ssm", "parameter/a/b"))]),
    (
        "ssm",
        lambda c: c.get_parameters(Names=["a", "/b"]),
        [Question("ssm:GetParameters", arn("ssm", f"parameter/{name}")) for name in ("a", "b")],
    ),
    (
        "ssm",
        lambda c: c.get_parameters_by_path(Path="/a/"),
        [Question("ssm:GetParametersByPath", arn("ssm", "parameter/a/"))],
    ),
    (
        "kms",
        lambda c: c.decrypt(CiphertextBlob=b"x", KeyId="1234"),
        [Question("kms:Decrypt", arn("kms", "key/1234"))],
    ),
    (
        "kms",
        lambda c: c.generate_data_key(KeyId=arn("kms", "key/1234")),
        [Question("kms:GenerateDataKey", arn("kms", "key/1234"))],
    ),
    (
        "firehose",
        lambda c: c.put_record_batch(DeliveryStreamName="d", Records=[{"Data": b"x"}]),
        [Question("firehose:PutRecordBatch", arn("firehose", "deliverystream/d"))],
    ),
    ("sns", lambda c: c.publish(TopicArn="arn:t", Message="m"), [Question("sns:Publish", "arn:t")]),
    ("glue", lambda c: c.start_job_run(JobName="j"), [Question("glue:StartJobRun", arn("glue", "job/j"))]),
    ("glue", lambda c: c.get_job(JobName="j"), [Question("glue:GetJob", arn("glue", "job/j"))]),
    ("pipes", lambda c: c.describe_pipe(Name="p"), [Question("pipes:DescribePipe", arn("pipes", "pipe/p"))]),
    ("pipes", lambda c: c.stop_pipe(Name="p"), [Question("pipes:StopPipe", arn("pipes", "pipe/p"))]),
    ("pipes", lambda c: c.start_pipe(Name="p"), [Question("pipes:StartPipe", arn("pipes", "pipe/p"))]),
    (
        "scheduler",
        lambda c: c.get_schedule(Name="s", GroupName="g"),
        [Question("scheduler:GetSchedule", arn("scheduler", "schedule/g/s"))],
    ),
    (
        "scheduler",
        lambda c: c.get_schedule_group(Name="g"),
        [Question("scheduler:GetScheduleGroup", arn("scheduler", "schedule-group/g"))],
    ),
    (
        "secretsmanager",
        lambda c: c.get_secret_value(SecretId="missing"),
        [Question("secretsmanager:GetSecretValue", "missing")],
    ),
]


@pytest.mark.parametrize(("service", "call", "expected"), CASES)
def test_a_call_asks_for_its_action_on_its_resource(service: str, call: Call, expected: list[Question]) -> None:
    assert expected == checks(request_of(service, call))


def test_a_secret_is_asked_for_by_the_whole_arn_that_aws_gave_it(engine: Engine) -> None:
    whole = engine.client("secretsmanager").create_secret(Name="token", SecretString="x")["ARN"]
    request = request_of("secretsmanager", lambda c: c.get_secret_value(SecretId="token"))
    asked = checks(request._replace(account=engine.account))
    assert asked == [Question("secretsmanager:GetSecretValue", whole)]
    assert re.fullmatch(f"arn:aws:secretsmanager:{REGION}:{engine.account}:secret:token-\\w{{6}}", whole)


def test_a_secret_of_another_account_is_not_taken_for_one_of_the_same_name_here(engine: Engine) -> None:
    engine.client("secretsmanager").create_secret(Name="token", SecretString="x")
    theirs = f"arn:aws:secretsmanager:{REGION}:999999999999:secret:token"
    request = request_of("secretsmanager", lambda c: c.get_secret_value(SecretId=theirs))
    with pytest.raises(UnknownCallError, match=f"{theirs} belongs to another account or Region"):
        checks(request._replace(account=engine.account))


@pytest.mark.parametrize(
    ("service", "call", "unknown"),
    [
        ("lambda", lambda c: c.list_functions(), "lambda GET /2015-03-31/functions: the call is not modelled"),
        (
            "lambda",
            lambda c: c.invoke(FunctionName="f:1", Qualifier="2"),
            "the qualifier in the name differs from the parameter Qualifier",
        ),
        ("kms", lambda c: c.decrypt(CiphertextBlob=b"x"), "kms Decrypt: .* does not name its resource"),
        ("kms", lambda c: c.describe_key(KeyId="alias/a"), "which key alias/a stands for is not modelled"),
        ("ssm", lambda c: c.get_parameter(Name="/a:1"), "the version or label of a:1 is not modelled"),
        ("ssm", lambda c: c.send_command(DocumentName="d"), "ssm SendCommand: the call is not modelled"),
        ("sns", lambda c: c.publish(PhoneNumber="1", Message="m"), "sns Publish: .* does not name its resource"),
        (
            "dynamodb",
            lambda c: c.execute_statement(Statement="SELECT * FROM t"),
            "dynamodb ExecuteStatement: the call is not modelled",
        ),
        (
            "dynamodb",
            lambda c: c.get_item(**TABLE | {"TableName": f"arn:aws:dynamodb:{REGION}:999999999999:table/t"}),
            f"arn:aws:dynamodb:{REGION}:999999999999:table/t belongs to another account or Region",
        ),
        (
            "sqs",
            lambda c: c.receive_message(QueueUrl="http://127.0.0.1/999999999999/q"),
            f"arn:aws:sqs:{REGION}:999999999999:q belongs to another account or Region",
        ),
        (
            "lambda",
            lambda c: c.invoke(FunctionName=f"arn:aws:lambda:eu-west-1:{ACCOUNT}:function:f"),
            f"arn:aws:lambda:eu-west-1:{ACCOUNT}:function:f belongs to another account or Region",
        ),
        ("events", lambda c: c.put_rule(Name="r"), "events PutRule: the call is not modelled"),
        (
            "secretsmanager",
            lambda c: c.batch_get_secret_value(SecretIdList=["a"]),
            "secretsmanager BatchGetSecretValue: the call is not modelled",
        ),
        (
            "sts",
            lambda c: c.get_session_token(),
            "sts GetSessionToken: the call is not modelled",
        ),
        ("athena", lambda c: c.list_work_groups(), "athena ListWorkGroups: the call is not modelled"),
    ],
)
def test_a_call_whose_action_or_resource_is_unknown_is_refused(service: str, call: Call, unknown: str) -> None:
    with pytest.raises(UnknownCallError, match=f"^The local engine cannot judge the call .*{unknown}"):
        checks(request_of(service, call))


def test_a_parameter_of_a_function_call_that_is_not_known_is_refused() -> None:
    request = request_of("lambda", lambda c: c.get_function_configuration(FunctionName="f"))
    with pytest.raises(UnknownCallError, match="the call is not modelled"):
        checks(request._replace(query={"FunctionVersion": "ALL"}))


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("f", FunctionName("", "", "f", "")),
        ("f%3A%24LATEST", FunctionName("", "", "f", "$LATEST")),
        (arn("lambda", "function:f"), FunctionName(REGION, ACCOUNT, "f", "")),
        (arn("lambda", "function:f:1"), FunctionName(REGION, ACCOUNT, "f", "1")),
        ("f:PROD", FunctionName("", "", "f", "PROD")),
    ],
)
def test_a_function_keeps_its_version_or_alias(given: str, name: FunctionName) -> None:
    assert read_function_name(given) == name


@pytest.mark.parametrize(
    ("service", "target", "given"),
    [
        ("sqs", "AmazonSQS.SendMessage", {"QueueName": "open", "MessageBody": "m"}),
        ("sqs", "AmazonSQS.GetQueueUrl", {"QueueUrl": "http://h/1/open"}),
        (
            "sns",
            "AmazonSimpleNotificationService.Publish",
            {"TopicArn": "arn:aws:sns:us-east-1:1:open", "TargetArn": "t"},
        ),
        (
            "sns",
            "AmazonSimpleNotificationService.Publish",
            {"TopicArn": "arn:aws:sns:us-east-1:1:open", "PhoneNumber": "1"},
        ),
    ],
)
def test_a_resource_that_moto_would_not_take_is_not_asked_for(service: str, target: str, given: dict[str, str]) -> None:
    headers = {"x-amz-target": target, "content-type": "application/x-amz-json-1.0"}
    request = Request(service, "us-east-1", "1", "POST", "/1/closed", {}, headers, json.dumps(given).encode())
    with pytest.raises(UnknownCallError, match="does not name its resource"):
        checks(request)
