"""What CloudFormation does to each type of resource: read back as the APIs of the engine answer."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError  # type: ignore[import-untyped]  # botocore ships no types

from ceap.archive import build_zip
from ceap.local.engine import Engine
from ceap.local.sessions import REGION
from ceap.local.stack_models import ResourceError
from ceap.local.stacks.resources import Given, Model, choose_name, create, delete, find, update

TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
GLUE_TRUST = json.loads(json.dumps(TRUST).replace("lambda", "glue"))
LONG = "x" * 60


def policy(action: str, **statement: Any) -> dict[str, Any]:
    body = {"Effect": "Allow", "Action": action, "Resource": "*", **statement}
    return {"Version": "2012-10-17", "Statement": [body]}


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with Engine.start(warm=False) as engine:
        s3 = engine.client("s3")
        s3.create_bucket(Bucket="code")
        engine.client("iam").create_role(RoleName="worker", AssumeRolePolicyDocument=json.dumps(TRUST))
        for version in ("1", "2"):
            body = build_zip({"app.py": f"def handle(event, context): return {version}".encode()})
            s3.put_object(Bucket="code", Key=f"{version}.zip", Body=body)
        yield engine


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


@pytest.fixture
def resources(engine: Engine) -> Resources:
    return Resources(engine)


def is_refused(client: Any, operation: str, **arguments: Any) -> bool:
    try:
        getattr(client, operation)(**arguments)
    except ClientError:
        return True
    return False


# Queues, topics, rules, alarms


def test_a_queue_has_what_its_properties_now_say_and_the_default_of_what_they_no_longer_say(
    resources: Resources,
) -> None:
    dead, _ = resources.made("AWS::SQS::Queue", QueueName="dead")
    redrive = {"deadLetterTargetArn": dead.get_cfn_attribute("Arn"), "maxReceiveCount": 3}
    before = {"QueueName": "changed", "VisibilityTimeout": 60, "RedrivePolicy": redrive, "DelaySeconds": 5}
    allowed = {"redrivePermission": "denyAll"}
    after = {"QueueName": "changed", "MessageRetentionPeriod": 60, "RedriveAllowPolicy": allowed}
    queue = resources.changed("AWS::SQS::Queue", before, after)
    sqs = resources.client("sqs")
    url = sqs.get_queue_url(QueueName="changed")["QueueUrl"]
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    expected = {"DelaySeconds": "0", "MessageRetentionPeriod": "60", "VisibilityTimeout": "30"}
    assert expected == {key: attributes[key] for key in expected}
    assert "RedrivePolicy" not in attributes
    assert json.loads(attributes["RedriveAllowPolicy"]) == allowed
    assert str(queue.physical_resource_id).endswith("/changed")


def test_a_queue_keeps_its_messages_and_its_policy_when_it_changes(resources: Resources) -> None:
    queue, given = resources.made("AWS::SQS::Queue", QueueName="kept")
    sqs = resources.client("sqs")
    url = sqs.get_queue_url(QueueName="kept")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="m")
    resources.made("AWS::SQS::QueuePolicy", Queues=[url], PolicyDocument=policy("sqs:SendMessage", Principal="*"))
    update(queue, given._replace(properties={"QueueName": "kept", "VisibilityTimeout": 1}))
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert attributes["ApproximateNumberOfMessages"] == "1"
    assert json.loads(attributes["Policy"]) == policy("sqs:SendMessage", Principal="*")


def test_a_queue_policy_moves_with_its_queues_and_goes_with_itself(resources: Resources) -> None:
    sqs = resources.client("sqs")
    urls = [str(resources.made("AWS::SQS::Queue", QueueName=name)[0].physical_resource_id) for name in ("a", "b")]
    document = policy("sqs:SendMessage", Principal="*")
    model, given = resources.made("AWS::SQS::QueuePolicy", Queues=urls[:1], PolicyDocument=document)

    def having() -> list[str]:
        names = ["a", "b"]
        found = [sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"]) for url in urls]
        return [name for name, each in zip(names, found, strict=True) if "Policy" in each.get("Attributes", {})]

    assert having() == ["a"]
    model = update(model, given := given._replace(properties={"Queues": urls[1:], "PolicyDocument": document}))
    assert having() == ["b"]
    delete(model, given)
    assert having() == []


def test_a_deleted_queue_is_gone_with_what_it_held(resources: Resources) -> None:
    model, given = resources.made("AWS::SQS::Queue", QueueName="gone")
    sqs = resources.client("sqs")
    sqs.send_message(QueueUrl=sqs.get_queue_url(QueueName="gone")["QueueUrl"], MessageBody="m")
    delete(model, given)
    assert is_refused(sqs, "get_queue_url", QueueName="gone")
    delete(model, given)
    create(given)
    assert resources.engine.messages("http://x/gone") == []


def test_a_topic_has_what_its_properties_now_say(resources: Resources) -> None:
    before = {"TopicName": "topic", "DisplayName": "old", "KmsMasterKeyId": "alias/k"}
    topic = resources.changed("AWS::SNS::Topic", before, {"TopicName": "topic", "DisplayName": "new"})
    sns, arn = resources.client("sns"), str(topic.physical_resource_id)
    attributes = sns.get_topic_attributes(TopicArn=arn)["Attributes"]
    assert attributes["DisplayName"] == "new"
    assert not attributes.get("KmsMasterKeyId")


def test_a_topic_policy_and_a_subscription_are_those_of_their_topic(resources: Resources) -> None:
    topic, topic_given = resources.made("AWS::SNS::Topic", TopicName="told")
    sns, arn = resources.client("sns"), str(topic.physical_resource_id)
    default = sns.get_topic_attributes(TopicArn=arn)["Attributes"]["Policy"]
    document = policy("sns:Publish", Principal={"Service": "cloudwatch.amazonaws.com"})
    model, given = resources.made("AWS::SNS::TopicPolicy", Topics=[arn], PolicyDocument=document)
    assert json.loads(sns.get_topic_attributes(TopicArn=arn)["Attributes"]["Policy"]) == document
    delete(model, given)
    assert sns.get_topic_attributes(TopicArn=arn)["Attributes"]["Policy"] == default
    subscription = {"TopicArn": arn, "Protocol": "email", "Endpoint": "a@example.com"}
    subscribed, subscribed_given = resources.made("AWS::SNS::Subscription", **subscription)
    [listed] = sns.list_subscriptions_by_topic(TopicArn=arn)["Subscriptions"]
    assert listed["SubscriptionArn"] == subscribed.physical_resource_id
    found = find(subscribed_given, {"Arn": str(subscribed.physical_resource_id)})
    assert found.physical_resource_id == subscribed.physical_resource_id
    delete(subscribed, subscribed_given)
    assert sns.list_subscriptions_by_topic(TopicArn=arn)["Subscriptions"] == []
    delete(topic, topic_given)
    assert is_refused(sns, "get_topic_attributes", TopicArn=arn)


def test_the_subscriptions_that_a_topic_itself_names_come_and_go_with_its_properties(resources: Resources) -> None:
    ends = [{"Protocol": "email", "Endpoint": f"{name}@example.com"} for name in "abc"]
    before, after = {"TopicName": "own", "Subscription": ends[:2]}, {"TopicName": "own", "Subscription": ends[1:]}
    topic = resources.changed("AWS::SNS::Topic", before, after)
    listed = resources.client("sns").list_subscriptions_by_topic(TopicArn=topic.physical_resource_id)["Subscriptions"]
    assert sorted(each["Endpoint"] for each in listed) == ["b@example.com", "c@example.com"]


def test_a_rule_has_the_pattern_state_and_targets_that_its_properties_now_say(resources: Resources) -> None:
    def properties(source: str, target: str, state: str) -> dict[str, Any]:
        arn = resources.arn("sqs", target)
        return {
            "Name": "rule",
            "State": state,
            "EventPattern": {"source": [source]},
            "Targets": [{"Id": target, "Arn": arn}],
        }

    model, given = resources.made("AWS::Events::Rule", **properties("one", "a", "ENABLED"))
    model = update(model, given := given._replace(properties=properties("two", "b", "DISABLED")))
    events = resources.client("events")
    described = events.describe_rule(Name="rule")
    assert (json.loads(described["EventPattern"]), described["State"]) == ({"source": ["two"]}, "DISABLED")
    assert events.list_targets_by_rule(Rule="rule")["Targets"] == [{"Id": "b", "Arn": resources.arn("sqs", "b")}]
    assert find(given, {"Arn": described["Arn"]}) is model
    delete(model, given)
    assert is_refused(events, "describe_rule", Name="rule")


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


def test_an_alarm_has_what_its_properties_now_say_and_keeps_its_state(resources: Resources) -> None:
    cloudwatch = resources.client("cloudwatch")
    model, given = resources.made("AWS::CloudWatch::Alarm", **ALARM)
    [alarm] = cloudwatch.describe_alarms(AlarmNames=["alarm"])["MetricAlarms"]
    assert (alarm["StateValue"], alarm["Threshold"]) == ("INSUFFICIENT_DATA", 5.0)
    cloudwatch.set_alarm_state(AlarmName="alarm", StateValue="ALARM", StateReason="test")
    update(model, given._replace(properties={**ALARM, "Threshold": 9, "TreatMissingData": "notBreaching"}))
    [alarm] = cloudwatch.describe_alarms(AlarmNames=["alarm"])["MetricAlarms"]
    assert (alarm["StateValue"], alarm["Threshold"], alarm["TreatMissingData"]) == ("ALARM", 9.0, "notBreaching")
    assert find(given, {"AlarmName": "alarm"}).get_cfn_attribute("Arn") == alarm["AlarmArn"]
    delete(model, given)
    assert cloudwatch.describe_alarms(AlarmNames=["alarm"])["MetricAlarms"] == []


# Buckets, tables, log groups, keys


def test_a_bucket_has_what_its_properties_now_say(resources: Resources) -> None:
    def properties(days: int, *, blocked: bool) -> dict[str, Any]:
        blocks = ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")
        algorithm = {"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
        return {
            "BucketName": "changing",
            "BucketEncryption": {"ServerSideEncryptionConfiguration": [algorithm]},
            "PublicAccessBlockConfiguration": dict.fromkeys(blocks, blocked),
            "OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]},
            "LifecycleConfiguration": {"Rules": [{"Id": "r", "Status": "Enabled", "ExpirationInDays": days}]},
        }

    resources.changed("AWS::S3::Bucket", properties(7, blocked=False), properties(9, blocked=True))
    s3 = resources.client("s3")
    assert s3.get_bucket_lifecycle_configuration(Bucket="changing")["Rules"][0]["Expiration"] == {"Days": 9}
    blocked = s3.get_public_access_block(Bucket="changing")["PublicAccessBlockConfiguration"]
    assert set(blocked.values()) == {True}
    owned = s3.get_bucket_ownership_controls(Bucket="changing")["OwnershipControls"]["Rules"]
    assert owned == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    [encryption] = s3.get_bucket_encryption(Bucket="changing")["ServerSideEncryptionConfiguration"]["Rules"]
    assert encryption["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}


def test_a_bucket_loses_what_its_properties_no_longer_say(resources: Resources) -> None:
    rules = {"Rules": [{"Id": "r", "Status": "Enabled", "ExpirationInDays": 1}]}
    before = {"BucketName": "bare", "LifecycleConfiguration": rules, "VersioningConfiguration": {"Status": "Enabled"}}
    resources.changed("AWS::S3::Bucket", before, {"BucketName": "bare"})
    s3 = resources.client("s3")
    assert is_refused(s3, "get_bucket_lifecycle_configuration", Bucket="bare")
    assert s3.get_bucket_versioning(Bucket="bare")["Status"] == "Suspended"


def test_a_bucket_with_objects_is_not_deleted(resources: Resources) -> None:
    model, given = resources.made("AWS::S3::Bucket", BucketName="full")
    s3 = resources.client("s3")
    s3.put_object(Bucket="full", Key="k", Body=b"kept")
    with pytest.raises(ResourceError, match=r"^The bucket you tried to delete is not empty$"):
        delete(model, given)
    assert s3.get_object(Bucket="full", Key="k")["Body"].read() == b"kept"
    s3.delete_object(Bucket="full", Key="k")
    delete(model, given)
    assert is_refused(s3, "head_bucket", Bucket="full")


def test_a_bucket_policy_is_stored_changed_found_and_deleted(resources: Resources) -> None:
    resources.made("AWS::S3::Bucket", BucketName="ruled")
    s3 = resources.client("s3")
    deny = policy("s3:*", Effect="Deny", Principal="*", Condition={"Bool": {"aws:SecureTransport": "false"}})
    model, given = resources.made("AWS::S3::BucketPolicy", Bucket="ruled", PolicyDocument=deny)
    s3.put_object(Bucket="ruled", Key="k", Body=b"")
    with pytest.raises(ResourceError, match="'AWS::S3::BucketPolicy' with identifier 'ruled' already exists"):
        create(given)
    other = policy("s3:GetObject", Principal="*")
    update(model, given._replace(properties={"Bucket": "ruled", "PolicyDocument": other}))
    assert json.loads(s3.get_bucket_policy(Bucket="ruled")["Policy"]) == other
    delete(find(given, {"Bucket": "ruled"}), given)
    assert is_refused(s3, "get_bucket_policy", Bucket="ruled")


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


def test_a_table_has_what_its_properties_now_say_and_keeps_its_items(resources: Resources) -> None:
    model, given = resources.made("AWS::DynamoDB::Table", **table("table"))
    dynamodb = resources.client("dynamodb")
    dynamodb.put_item(TableName="table", Item={"PK": {"S": "1"}, "A": {"S": "a"}})
    expiry = {"AttributeName": "ttl", "Enabled": True}
    recovery = {"PointInTimeRecoveryEnabled": True}
    after = table(
        "table",
        index("ByA", "A"),
        TimeToLiveSpecification=expiry,
        PointInTimeRecoverySpecification=recovery,
        DeletionProtectionEnabled=True,
    )
    model = update(model, given._replace(properties=after))

    def recovers() -> str:
        backups = dynamodb.describe_continuous_backups(TableName="table")["ContinuousBackupsDescription"]
        status: str = backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"]
        return status

    expires = dynamodb.describe_time_to_live(TableName="table")["TimeToLiveDescription"]
    assert expires == {"TimeToLiveStatus": "ENABLED", "AttributeName": "ttl"}
    assert recovers() == "ENABLED"
    found = dynamodb.query(
        TableName="table",
        IndexName="ByA",
        KeyConditionExpression="A = :a",
        ExpressionAttributeValues={":a": {"S": "a"}},
    )
    assert [item["PK"]["S"] for item in found["Items"]] == ["1"]
    with pytest.raises(
        ResourceError, match=r"^Resource cannot be deleted as it is currently protected against deletion\. Disable"
    ):
        delete(model, given)
    model = update(model, given)
    described = dynamodb.describe_table(TableName="table")["Table"]
    assert "GlobalSecondaryIndexes" not in described or described["GlobalSecondaryIndexes"] == []
    assert dynamodb.describe_time_to_live(TableName="table")["TimeToLiveDescription"]["TimeToLiveStatus"] == "DISABLED"
    assert recovers() == "DISABLED"
    assert find(given, {"TableName": "table"}) is model
    delete(model, given)
    assert is_refused(dynamodb, "describe_table", TableName="table")
    create(given)
    assert dynamodb.scan(TableName="table")["Items"] == []


def test_a_table_gains_or_loses_one_index_at_a_time(resources: Resources) -> None:
    model, given = resources.made("AWS::DynamoDB::Table", **table("indexed"))
    with pytest.raises(ResourceError, match=r"^Cannot perform more than one GSI creation or deletion in a single"):
        update(model, given._replace(properties=table("indexed", index("ByA", "A"), index("ByB", "B"))))
    described = resources.client("dynamodb").describe_table(TableName="indexed")["Table"]
    assert described.get("GlobalSecondaryIndexes", []) == []
    update(model, given._replace(properties=table("indexed", index("ByA", "A"))))
    with pytest.raises(ResourceError, match=r"^Cannot update GSI's properties other than Provisioned Throughput"):
        update(model, given._replace(properties=table("indexed", index("ByA", "B"))))


def test_a_log_group_has_the_retention_that_its_properties_now_say_and_keeps_its_lines(resources: Resources) -> None:
    name = "/aws/lambda/changed"
    model, given = resources.made("AWS::Logs::LogGroup", LogGroupName=name, RetentionInDays=7)
    logs = resources.client("logs")
    logs.create_log_stream(logGroupName=name, logStreamName="s")
    key = resources.arn("kms", "key/k")
    after = {"LogGroupName": name, "RetentionInDays": 30, "KmsKeyId": key}
    model = update(model, given._replace(properties=after))
    [group] = logs.describe_log_groups(logGroupNamePrefix=name)["logGroups"]
    assert (group["retentionInDays"], group["kmsKeyId"]) == (30, key)
    update(model, given._replace(properties={"LogGroupName": name}))
    [group] = logs.describe_log_groups(logGroupNamePrefix=name)["logGroups"]
    assert "retentionInDays" not in group
    assert [stream["logStreamName"] for stream in logs.describe_log_streams(logGroupName=name)["logStreams"]] == ["s"]
    assert find(given, {"LogGroupName": name}) is model
    delete(model, given)
    assert logs.describe_log_groups(logGroupNamePrefix=name)["logGroups"] == []


def test_a_key_is_changed_in_place_and_deleted_after_a_while(resources: Resources) -> None:
    owner = policy("kms:*", Principal={"AWS": "*"})
    model, given = resources.made("AWS::KMS::Key", KeyPolicy=owner)
    kms, key = resources.client("kms"), str(model.physical_resource_id)
    update(model, given._replace(properties={"KeyPolicy": owner, "Description": "new", "EnableKeyRotation": True}))
    assert kms.describe_key(KeyId=key)["KeyMetadata"]["Description"] == "new"
    assert kms.get_key_rotation_status(KeyId=key)["KeyRotationEnabled"] is True
    delete(find(given, {"KeyId": key}), given)
    assert kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "PendingDeletion"


# Roles, policies, functions, jobs


def test_a_role_has_the_policies_and_the_trust_that_its_properties_now_say(resources: Resources) -> None:
    boundary, _ = resources.made("AWS::IAM::ManagedPolicy", PolicyDocument=policy("s3:*"))
    arn = str(boundary.physical_resource_id)
    before = {
        "RoleName": "role",
        "AssumeRolePolicyDocument": TRUST,
        "Policies": [
            {"PolicyName": "kept", "PolicyDocument": policy("s3:GetObject")},
            {"PolicyName": "gone", "PolicyDocument": policy("s3:PutObject")},
        ],
        "ManagedPolicyArns": [arn],
    }
    after = {
        "RoleName": "role",
        "Description": "new",
        "AssumeRolePolicyDocument": GLUE_TRUST,
        "Policies": [{"PolicyName": "kept", "PolicyDocument": policy("sqs:SendMessage")}],
        "PermissionsBoundary": arn,
    }
    model, given = resources.made("AWS::IAM::Role", **before)
    iam = resources.client("iam")
    assert [each["PolicyArn"] for each in iam.list_attached_role_policies(RoleName="role")["AttachedPolicies"]] == [arn]
    update(model, given._replace(properties=after))
    role = iam.get_role(RoleName="role")["Role"]
    assert role["AssumeRolePolicyDocument"] == GLUE_TRUST
    assert (role["Description"], role["PermissionsBoundary"]["PermissionsBoundaryArn"]) == ("new", arn)
    assert iam.list_role_policies(RoleName="role")["PolicyNames"] == ["kept"]
    kept = iam.get_role_policy(RoleName="role", PolicyName="kept")["PolicyDocument"]
    assert kept == policy("sqs:SendMessage")
    assert iam.list_attached_role_policies(RoleName="role")["AttachedPolicies"] == []
    assert find(given, {"RoleName": "role"}) is model
    delete(model, given)
    assert is_refused(iam, "get_role", RoleName="role")


def test_a_role_that_cannot_be_judged_is_left_as_it_was(resources: Resources) -> None:
    model, given = resources.made("AWS::IAM::Role", RoleName="judged", AssumeRolePolicyDocument=TRUST)
    odd = {"AssumeRolePolicyDocument": {"Statement": []}, "RoleName": "judged", "Description": "new"}
    with pytest.raises(ResourceError, match="Thing, AssumeRolePolicyDocument: Statement: must be a statement"):
        update(model, given._replace(properties=odd))
    role = resources.client("iam").get_role(RoleName="judged")["Role"]
    assert (role["AssumeRolePolicyDocument"], role.get("Description", "")) == (TRUST, "")


def test_a_role_that_is_refused_leaves_nothing_behind(resources: Resources) -> None:
    odd = {"AssumeRolePolicyDocument": {"Statement": []}, "RoleName": "refused"}
    with pytest.raises(ResourceError):
        resources.made("AWS::IAM::Role", **odd)
    assert is_refused(resources.client("iam"), "get_role", RoleName="refused")


def test_a_managed_policy_gets_a_new_version_and_moves_with_its_roles(resources: Resources) -> None:
    for name in ("r1", "r2"):
        resources.made("AWS::IAM::Role", RoleName=name, AssumeRolePolicyDocument=TRUST)
    first = {"ManagedPolicyName": "shared", "PolicyDocument": policy("s3:GetObject"), "Roles": ["r1"]}
    model, given = resources.made("AWS::IAM::ManagedPolicy", **first)
    iam, arn = resources.client("iam"), str(model.physical_resource_id)
    assert arn == f"arn:aws:iam::{resources.engine.account}:policy/shared"
    for number in range(6):
        changed = {**first, "PolicyDocument": policy(f"s3:Get{number}"), "Roles": ["r2"]}
        model = update(model, given := given._replace(properties=changed))
    version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
    document = iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]
    assert document == policy("s3:Get5")
    attached = {name: iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"] for name in ("r1", "r2")}
    assert {name: len(listed) for name, listed in attached.items()} == {"r1": 0, "r2": 1}
    delete(find(given, {"PolicyArn": arn}), given)
    assert is_refused(iam, "get_policy", PolicyArn=arn)


def test_a_provider_of_identities_is_changed_found_and_deleted(resources: Resources) -> None:
    url = "https://token.actions.githubusercontent.com"
    model, given = resources.made("AWS::IAM::OIDCProvider", Url=url, ClientIdList=["old"])
    iam, arn = resources.client("iam"), str(model.physical_resource_id)
    assert arn.endswith(":oidc-provider/token.actions.githubusercontent.com")
    update(model, given._replace(properties={"Url": url, "ClientIdList": ["sts.amazonaws.com"]}))
    found = iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    assert found["ClientIDList"] == ["sts.amazonaws.com"]
    delete(find(given, {"Arn": arn}), given)
    assert is_refused(iam, "get_open_id_connect_provider", OpenIDConnectProviderArn=arn)


def test_a_function_has_the_code_and_settings_that_its_properties_now_say(resources: Resources) -> None:
    variables = {"Environment": {"Variables": {"A": "1"}}}
    before = resources.function("function", "1", MemorySize=256, Timeout=9, ReservedConcurrentExecutions=2, **variables)
    model, given = resources.made("AWS::Lambda::Function", **before)
    client = resources.client("lambda")
    old = client.get_function(FunctionName="function")["Configuration"]["CodeSha256"]
    after = resources.function("function", "2", MemorySize=512, TracingConfig={"Mode": "Active"})
    model = update(model, given._replace(properties=after))
    found = client.get_function(FunctionName="function")
    configuration = found["Configuration"]
    assert (configuration["MemorySize"], configuration["Timeout"]) == (512, 3)
    assert configuration["TracingConfig"] == {"Mode": "Active"}
    assert "Environment" not in configuration
    assert "Concurrency" not in found
    assert configuration["CodeSha256"] != old
    assert find(given, {"FunctionName": "function"}) is model
    with pytest.raises(ResourceError, match="'AWS::Lambda::Function' with identifier 'function' already exists"):
        create(given)
    delete(model, given)
    assert is_refused(client, "get_function", FunctionName="function")


def test_other_bytes_under_the_same_key_are_not_taken_as_new_code(resources: Resources) -> None:
    client, s3 = resources.client("lambda"), resources.client("s3")
    s3.put_object(Bucket="code", Key="same.zip", Body=build_zip({"app.py": b"1"}))
    model, given = resources.made("AWS::Lambda::Function", **resources.function("same", "same"))
    old = client.get_function(FunctionName="same")["Configuration"]["CodeSha256"]
    s3.put_object(Bucket="code", Key="same.zip", Body=build_zip({"app.py": b"2"}))
    update(model, given._replace(properties=resources.function("same", "same", Timeout=5)))
    assert client.get_function(FunctionName="same")["Configuration"]["CodeSha256"] == old


def test_a_function_whose_new_code_is_not_there_is_left_as_it_was(resources: Resources) -> None:
    model, given = resources.made("AWS::Lambda::Function", **resources.function("left", "1", Timeout=5))
    with pytest.raises(ResourceError, match=r"^Error occurred while GetObject\. S3 Error Code: NoSuchKey\."):
        update(model, given._replace(properties=resources.function("left", "none", Timeout=6)))
    assert resources.client("lambda").get_function(FunctionName="left")["Configuration"]["Timeout"] == 5


# What exists, and what does not


@pytest.mark.parametrize(
    ("kind", "properties"),
    [
        ("AWS::SQS::Queue", {"QueueName": "twice"}),
        ("AWS::SNS::Topic", {"TopicName": "twice"}),
        ("AWS::S3::Bucket", {"BucketName": "twice"}),
        ("AWS::DynamoDB::Table", table("twice")),
        ("AWS::Logs::LogGroup", {"LogGroupName": "twice"}),
        ("AWS::IAM::Role", {"RoleName": "twice", "AssumeRolePolicyDocument": TRUST}),
        ("AWS::CloudWatch::Alarm", {**ALARM, "AlarmName": "twice"}),
        ("AWS::Scheduler::ScheduleGroup", {"Name": "twice"}),
    ],
)
def test_what_exists_already_is_not_created_again(resources: Resources, kind: str, properties: dict[str, Any]) -> None:
    _, given = resources.made(kind, **properties)
    with pytest.raises(
        ResourceError, match=f"^Resource of type '{kind}' with identifier 'twice' already exists.$"
    ) as error:
        create(given)
    assert error.value.code == "AlreadyExists"


def test_a_queue_of_another_owner_is_found_by_its_url(resources: Resources) -> None:
    url = resources.client("sqs").create_queue(QueueName="theirs", Attributes={"VisibilityTimeout": "77"})["QueueUrl"]
    given = resources.given("AWS::SQS::Queue", {"QueueName": "theirs"})
    queue = find(given, {"QueueUrl": url})
    assert queue.get_cfn_attribute("Arn") == resources.arn("sqs", "theirs")
    attributes = resources.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["VisibilityTimeout"])
    assert attributes["Attributes"] == {"VisibilityTimeout": "77"}


def test_buckets_tables_topics_and_log_groups_of_other_owners_are_found(resources: Resources) -> None:
    resources.client("s3").create_bucket(Bucket="their-bucket")
    resources.client("dynamodb").create_table(**table("their-table"))
    arn = resources.client("sns").create_topic(Name="their-topic")["TopicArn"]
    resources.client("logs").create_log_group(logGroupName="their-group")
    wanted = [
        ("AWS::S3::Bucket", "BucketName", "their-bucket"),
        ("AWS::DynamoDB::Table", "TableName", "their-table"),
        ("AWS::SNS::Topic", "TopicArn", arn),
        ("AWS::Logs::LogGroup", "LogGroupName", "their-group"),
    ]
    for kind, key, value in wanted:
        assert find(resources.given(kind, {}), {key: value}).physical_resource_id == value


def test_what_does_not_exist_is_not_found(resources: Resources) -> None:
    with pytest.raises(
        ResourceError, match=r"^Resource of type 'AWS::SQS::Queue' with identifier 'http://x/1/none' was"
    ):
        find(resources.given("AWS::SQS::Queue", {}), {"QueueUrl": "http://x/1/none"})


def test_a_queue_policy_cannot_be_imported(resources: Resources) -> None:
    with pytest.raises(ResourceError, match=r"^ResourceTypes \[AWS::SQS::QueuePolicy\] are not supported for Import$"):
        find(resources.given("AWS::SQS::QueuePolicy", {}), {"Id": "x"})


@pytest.mark.parametrize(
    ("kind", "longest"), [("AWS::IAM::Role", 64), ("AWS::S3::Bucket", 63), ("AWS::SQS::Queue", 80)]
)
def test_a_name_that_is_made_begins_with_the_stack_and_is_not_too_long(kind: str, longest: int) -> None:
    names = {choose_name(kind, "ceap-realtime-dev", LONG, {}) for _ in range(2)}
    assert len(names) == 2
    assert all(name.startswith("ceap-realtime-dev-") and len(name) <= longest for name in names)
