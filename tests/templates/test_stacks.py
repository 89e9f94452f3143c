from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from msgspec import Struct
from troposphere import encode_to_dict

from handlers.runtime.needs import Index, Needs, Table
from templates import budget, permissions
from templates.model import Workflow
from templates.stacks import foundation_stack, workflow_stack
from tests.strategies import all_workflows, workflow_of, workflows
from tests.templates.support import of_type, one, statements, values


@pytest.mark.property(12, "H")
@given(workflow=workflows())
def test_the_state_machine_is_express_logged_in_full_and_traced(workflow: Workflow) -> None:
    template = workflow_stack(workflow)
    machine = one(template, "AWS::StepFunctions::StateMachine")
    assert machine["StateMachineType"] == "EXPRESS"
    assert machine["TracingConfiguration"] == {"Enabled": True}
    assert (machine["LoggingConfiguration"]["Level"], machine["LoggingConfiguration"]["IncludeExecutionData"]) == (
        "ALL",
        True,
    )
    assert json.loads(machine["DefinitionString"])["TimeoutSeconds"] == 300
    assert {14} == {group["RetentionInDays"] for group in of_type(template, "AWS::Logs::LogGroup").values()}
    assert {"Active"} == {
        function["TracingConfig"]["Mode"] for function in of_type(template, "AWS::Lambda::Function").values()
    }


@pytest.mark.property(13, "H")
@given(workflow=workflows())
def test_the_pipe_joins_queue_and_state_machine_one_message_at_a_time_and_waits(workflow: Workflow) -> None:
    pipe = one(workflow_stack(workflow), "AWS::Pipes::Pipe")
    assert pipe["Source"] == {"Fn::GetAtt": ["Queue", "Arn"]}
    assert pipe["Target"] == {"Ref": "StateMachine"}
    assert pipe["SourceParameters"] == {"SqsQueueParameters": {"BatchSize": 1}}
    assert pipe["TargetParameters"] == {"StepFunctionStateMachineParameters": {"InvocationType": "REQUEST_RESPONSE"}}


@given(workflow=workflows())
def test_the_queue_outlasts_its_executions_and_has_a_dead_letter_queue(workflow: Workflow) -> None:
    queues = of_type(workflow_stack(workflow), "AWS::SQS::Queue")
    queue, dead_letters = queues["Queue"], queues["DeadLetterQueue"]
    assert queue["RedrivePolicy"] == {
        "deadLetterTargetArn": {"Fn::GetAtt": ["DeadLetterQueue", "Arn"]},
        "maxReceiveCount": 3,
    }
    assert queue["VisibilityTimeout"] == budget.visibility_timeout_s(workflow)
    assert dead_letters["MessageRetentionPeriod"] == 14 * 24 * 3600
    [source] = dead_letters["RedriveAllowPolicy"]["sourceQueueArns"]
    assert source["Fn::Sub"].endswith(f":{queue['QueueName']['Fn::Sub']}")


@given(workflow=all_workflows())
def test_a_star_stands_only_where_aws_takes_no_resource(workflow: Workflow) -> None:
    roles = of_type(workflow_stack(workflow), "AWS::IAM::Role")
    stars = {
        (sid, name == "StateMachineRole")  # a stage may be called StateMachine, too
        for name, role in roles.items()
        for sid, statement in statements(role).items()
        if "*" in statement["Resource"]
    }
    network = {("FindNetwork", False), ("NoNetworkFromCode", False)} if workflow.vpc else set()
    needed = {("DeliverLogs", True)} | network
    assert needed < stars <= {("Trace", True), ("Trace", False)} | needed
    actions = [action for role in roles.values() for s in statements(role).values() for action in s["Action"]]
    assert [action for action in actions if "*" in action] == []


@given(workflow=workflows())
def test_the_state_machine_may_invoke_the_functions_that_it_calls_and_no_other(workflow: Workflow) -> None:
    template = workflow_stack(workflow)
    machine = one(template, "AWS::StepFunctions::StateMachine")
    definition = json.loads(machine["DefinitionString"])
    tokens = [
        re.sub(r"\W", "", state["Parameters"]["FunctionName"])
        for state in definition["States"].values()
        if state["Type"] == "Task"
    ]
    called = [machine["DefinitionSubstitutions"][token] for token in tokens]
    role = of_type(template, "AWS::IAM::Role")["StateMachineRole"]
    assert called == statements(role)["InvokeFunctions"]["Resource"]


@given(workflow=all_workflows())
def test_no_null_stands_in_a_template(workflow: Workflow) -> None:
    assert None not in values(workflow_stack(workflow))
    assert None not in values(foundation_stack())


@given(workflow=all_workflows())
def test_every_reference_of_a_workflow_stack_leads_somewhere(workflow: Workflow) -> None:
    template = workflow_stack(workflow)
    known = set(template["Resources"]) | set(template["Parameters"]) | {"AWS::AccountId", "AWS::NoValue"}
    nodes = [node for node in values(template) if isinstance(node, dict)]
    assert {node["Ref"] for node in nodes if "Ref" in node} <= known
    assert {node["Fn::GetAtt"][0] for node in nodes if "Fn::GetAtt" in node} <= known
    exported = {output["Export"]["Name"]["Fn::Sub"] for output in foundation_stack()["Outputs"].values()}
    assert {node["Fn::ImportValue"]["Fn::Sub"] for node in nodes if "Fn::ImportValue" in node} <= exported


@given(workflow=all_workflows())
def test_a_key_encrypts_everything_that_can_be_and_every_role_may_use_it(workflow: Workflow) -> None:
    key = {"Ref": "KmsKeyArn"}
    properties = {
        "AWS::S3::Bucket": "BucketEncryption",
        "AWS::DynamoDB::Table": "SSESpecification",
        "AWS::SNS::Topic": "KmsMasterKeyId",
        "AWS::SQS::Queue": "KmsMasterKeyId",
        "AWS::Logs::LogGroup": "KmsKeyId",
        "AWS::Lambda::Function": "KmsKeyArn",
        "AWS::StepFunctions::StateMachine": "EncryptionConfiguration",
        "AWS::Pipes::Pipe": "KmsKeyIdentifier",
        "AWS::IAM::Role": "Policies",
    }
    resources = workflow_stack(workflow)["Resources"] | foundation_stack()["Resources"]
    encrypted = [r for r in resources.values() if r["Type"] in properties]
    assert [r for r in encrypted if key not in values(r["Properties"][properties[r["Type"]]])] == []
    assert {r["Type"] for r in encrypted} >= set(properties) - {"AWS::Lambda::Function"}


@given(workflow=workflows())
def test_an_express_workflow_has_no_failure_rule_for_it_emits_no_such_events(workflow: Workflow) -> None:
    assert of_type(workflow_stack(workflow), "AWS::Events::Rule") == {}


def test_executions_are_deleted_after_seven_days() -> None:
    bucket = of_type(foundation_stack(), "AWS::S3::Bucket")["WorkflowBucket"]
    [rule] = bucket["LifecycleConfiguration"]["Rules"]
    assert (rule["Status"], rule["Prefix"], rule["ExpirationInDays"]) == ("Enabled", "executions/", 7)


def test_every_bucket_is_private_encrypted_and_open_to_tls_only() -> None:
    template = foundation_stack()
    buckets = of_type(template, "AWS::S3::Bucket")
    assert set(buckets) == {"WorkflowBucket", "ArtifactBucket"}
    for name, bucket in buckets.items():
        assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
        assert "AES256" in values(bucket["BucketEncryption"])
        [statement] = of_type(template, "AWS::S3::BucketPolicy")[f"{name}Policy"]["PolicyDocument"]["Statement"]
        assert (statement["Effect"], statement["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})


@given(workflow=all_workflows())
def test_data_outlives_its_stack_and_logs_make_room_for_a_stage_that_comes_again(workflow: Workflow) -> None:
    stateful = {"AWS::S3::Bucket", "AWS::DynamoDB::Table", "AWS::SQS::Queue"}
    resources = workflow_stack(workflow)["Resources"] | foundation_stack()["Resources"]
    kept = {r["Type"] for r in resources.values() if r.get("DeletionPolicy") == "RetainExceptOnCreate"}
    assert kept == stateful | {"AWS::S3::BucketPolicy", "AWS::SQS::QueuePolicy"}
    groups = [r for r in resources.values() if r["Type"] == "AWS::Logs::LogGroup"]
    assert {(g["DeletionPolicy"], g["UpdateReplacePolicy"]) for g in groups} == {("Delete", "Delete")}


def test_the_foundation_has_the_tables_that_the_handlers_declare() -> None:
    tables = of_type(foundation_stack(), "AWS::DynamoDB::Table")
    assert {table["TableName"]["Fn::Sub"] for table in tables.values()} >= {
        "ceap-config-${Environment}",
        "ceap-ratings-${Environment}",
        "ceap-records-${Environment}",
        "ceap-told-${Environment}",
    }


def test_a_table_is_adopted_when_its_name_is_given() -> None:
    template = foundation_stack()
    assert template["Parameters"]["RecordsTableName"]["Default"] == ""
    assert template["Resources"]["RecordsTable"]["Condition"] == "CreateRecordsTable"
    assert template["Conditions"]["CreateRecordsTable"] == {"Fn::Equals": [{"Ref": "RecordsTableName"}, ""]}
    assert template["Outputs"]["RecordsTableName"]["Value"] == {
        "Fn::If": ["CreateRecordsTable", {"Ref": "RecordsTable"}, {"Ref": "RecordsTableName"}]
    }


STEPS = [{"stage": "TakeStage", "handler": "take", "reserved_concurrency": 3}]


def test_overrides_are_laid_over_the_properties_of_a_resource() -> None:
    plain = {"name": "orders", "type": "EXPRESS", "steps": STEPS}
    before = workflow_stack(workflow_of(plain))["Resources"]
    environment = {"Variables": {"LEVEL": "DEBUG"}}
    overrides = {"TakeFunction": {"MemorySize": 512, "Environment": environment}}
    after = workflow_stack(workflow_of(plain | {"overrides": overrides}))["Resources"]
    assert after["TakeFunction"]["Properties"]["MemorySize"] == 512
    variables = before["TakeFunction"]["Properties"]["Environment"]["Variables"]
    assert after["TakeFunction"]["Properties"]["Environment"]["Variables"] == variables | {"LEVEL": "DEBUG"}
    assert {name for name in before if before[name] != after[name]} == {"TakeFunction"}


def test_an_override_replaces_an_intrinsic_function_as_a_whole() -> None:
    overrides = {"TakeFunction": {"FunctionName": {"Ref": "HandlersPrefix"}, "Role": {"Fn::GetAtt": "PipeRole.Arn"}}}
    workflow = workflow_of({"name": "orders", "type": "EXPRESS", "steps": STEPS, "overrides": overrides})
    function = one(workflow_stack(workflow), "AWS::Lambda::Function")
    assert (function["FunctionName"], function["Role"]) == ({"Ref": "HandlersPrefix"}, {"Fn::GetAtt": "PipeRole.Arn"})


def test_a_query_may_read_the_indexes_of_its_table() -> None:
    table = Table("orders", "PK", indexes=(Index("ByDate", "date", "PK"),))
    needs = Needs(settings=Struct, tables={table: ("Query",)})
    policy = encode_to_dict(permissions.function_policy("A", None, needs, None, "Group"))
    [statement] = [statement for statement in policy["Statement"] if statement["Sid"] == "UseOrdersTable"]
    resources = [resource["Fn::Sub"][0].rpartition(":")[2] for resource in statement["Resource"]]
    assert resources == ["table/${OrdersTableName}", "table/${OrdersTableName}/index/*"]


def test_reserved_concurrency_is_set_where_it_is_declared() -> None:
    workflow = workflow_of({"name": "orders", "type": "EXPRESS", "steps": STEPS})
    assert one(workflow_stack(workflow), "AWS::Lambda::Function")["ReservedConcurrentExecutions"] == 3


@given(workflow=workflows())
def test_alarms_watch_dead_letters_failures_and_age_and_alert_the_topic(workflow: Workflow) -> None:
    alarms = of_type(workflow_stack(workflow), "AWS::CloudWatch::Alarm")
    on_metrics = [alarm for alarm in alarms.values() if "Metrics" not in alarm]
    assert {(alarm["Namespace"], alarm["MetricName"]) for alarm in on_metrics} == {
        ("AWS/SQS", "ApproximateNumberOfMessagesVisible"),
        ("AWS/SQS", "ApproximateAgeOfOldestMessage"),
        ("AWS/States", "ExecutionsFailed"),
        ("AWS/States", "ExecutionsTimedOut"),
        ("AWS/EventBridge/Pipes", "ExecutionFailed"),
    } | {("CeapPlatform/Workflow", "StaleCount") for step in workflow.lambda_steps if step.handler == "keep"}
    topic = {"Fn::ImportValue": {"Fn::Sub": "ceap-foundation-${Environment}-AlertTopic"}}
    assert [alarm["AlarmActions"] for alarm in alarms.values()] == [[topic]] * len(alarms)


def test_an_alarm_watches_the_stale_records_of_each_function_that_keeps_the_newest() -> None:
    steps = [
        {"stage": "TakeStage", "handler": "take"},
        {"stage": "KeepHereStage", "handler": "keep"},
        {"stage": "KeepThere", "handler": "keep"},
    ]
    template = workflow_stack(workflow_of({"name": "orders", "type": "EXPRESS", "steps": steps}))
    alarms = {
        name: alarm
        for name, alarm in of_type(template, "AWS::CloudWatch::Alarm").items()
        if alarm.get("MetricName") == "StaleCount"
    }
    assert list(alarms) == ["KeepHereStaleAlarm", "KeepThereStaleAlarm"]
    assert alarms["KeepHereStaleAlarm"] == {
        "AlarmName": {"Fn::Sub": "ceap-orders-${Environment}-KeepHere-stale"},
        "AlarmDescription": "In 3 of the last 72 hours KeepHereStage got records older than the stored items, and did "
        "not store them. Look for items with a wrong version, e.g. in the future: delete them, and send their records "
        "again. Runbook: docs/runbook/alarms.md#stale",
        "Namespace": "CeapPlatform/Workflow",
        "MetricName": "StaleCount",
        "Dimensions": [{"Name": "FunctionName", "Value": {"Ref": "KeepHereFunction"}}],
        "Statistic": "Sum",
        "Period": 3600,
        "EvaluationPeriods": 72,
        "DatapointsToAlarm": 3,
        "ComparisonOperator": "GreaterThanThreshold",
        "Threshold": 0,
        "TreatMissingData": "notBreaching",
        "AlarmActions": [{"Fn::ImportValue": {"Fn::Sub": "ceap-foundation-${Environment}-AlertTopic"}}],
    }
    function = template["Resources"]["KeepHereFunction"]["Properties"]
    assert function["FunctionName"] == {"Fn::Sub": "ceap-orders-${Environment}-KeepHere"}


def test_an_alarm_watches_the_share_of_records_that_each_function_rejects_in_an_hour() -> None:
    steps = [{"stage": "TakeStage", "handler": "take"}, {"stage": "Sift", "handler": "sift", "rejected_percent": 95}]
    template = workflow_stack(workflow_of({"name": "orders", "type": "EXPRESS", "steps": steps}))
    alarms = {key: each for key, each in of_type(template, "AWS::CloudWatch::Alarm").items() if "Metrics" in each}
    assert {key: each["Threshold"] for key, each in alarms.items()} == {
        "TakeRejectedAlarm": 50,
        "SiftRejectedAlarm": 95,
    }

    def counted(query: str, metric: str) -> dict[str, Any]:
        named = {"Name": "FunctionName", "Value": {"Ref": "SiftFunction"}}
        of = {"Namespace": "CeapPlatform/Workflow", "MetricName": metric, "Dimensions": [named]}
        return {"Id": query, "MetricStat": {"Metric": of, "Period": 3600, "Stat": "Sum"}, "ReturnData": False}

    assert alarms["SiftRejectedAlarm"] == {
        "AlarmName": {"Fn::Sub": "ceap-orders-${Environment}-Sift-rejected"},
        "AlarmDescription": "Sift rejected more than 95 % of the records that it took within an hour. "
        "Runbook: docs/runbook/alarms.md#rejected",
        "Metrics": [
            {
                "Id": "rate",
                "Expression": "100 * rejected / input",
                "Label": "rejected records, percent",
                "ReturnData": True,
            },
            counted("rejected", "RejectedCount"),
            counted("input", "InputCount"),
        ],
        "EvaluationPeriods": 1,
        "ComparisonOperator": "GreaterThanThreshold",
        "Threshold": 95,
        "TreatMissingData": "notBreaching",
        "AlarmActions": [{"Fn::ImportValue": {"Fn::Sub": "ceap-foundation-${Environment}-AlertTopic"}}],
    }
