"""Buckets, tables, log groups and keys: what the APIs of the engine answer after CloudFormation changed them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ceap.local.stack_models import ResourceError
from ceap.local.stacks.resources import create, delete, find, update
from tests.local.stacks.by_hand import Resources, index, is_refused, policy, table


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
