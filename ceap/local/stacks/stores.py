"""Buckets, tables, log groups and keys, as CloudFormation makes, changes and deletes them in moto's backends."""

import json
from collections.abc import Mapping
from typing import Any, Final

from moto.dynamodb.models import dynamodb_backends
from moto.kms.models import kms_backends
from moto.logs.models import logs_backends
from moto.s3.cloud_formation import cfn_to_api_encryption
from moto.s3.models import PublicAccessBlock, s3_backends

from ceap.local import lifecycle
from ceap.local.stack_models import ResourceError, is_true
from ceap.local.stacks.handler import Given, Handler, tags_of

_BLOCKS: Final = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
_PENDING_DAYS: Final = 30
_PROTECTED: Final = (
    "Resource cannot be deleted as it is currently protected against deletion. Disable deletion protection first."
)
_TTL_OFF: Final = {"TimeToLiveStatus": "DISABLED"}


def _find_bucket(given: Given, name: str) -> Any:
    return s3_backends[given.account]["aws"].buckets.get(name)


def _apply_bucket(bucket: Any, given: Given) -> Any:
    properties, backend = given.properties, s3_backends[given.account]["aws"]
    rules = list(lifecycle.translate(bucket.name, properties.get("LifecycleConfiguration", {}).get("Rules", [])))
    encryption = properties.get("BucketEncryption")
    blocks = properties.get("PublicAccessBlockConfiguration")
    ownership = properties.get("OwnershipControls")
    bucket.set_lifecycle(rules)
    bucket.encryption = cfn_to_api_encryption(dict(encryption)) if encryption else None
    bucket.public_access_block = (
        PublicAccessBlock(*(is_true(blocks.get(key, False)) for key in _BLOCKS)) if blocks else None
    )
    bucket.ownership_rule = ownership["Rules"][0]["ObjectOwnership"] if ownership else None
    bucket.versioning_status = properties.get("VersioningConfiguration", {}).get("Status") or (
        "Suspended" if bucket.versioning_status else None
    )
    backend.put_bucket_tagging(bucket.name, tags_of(given))
    return bucket


def _delete_bucket(bucket: Any, given: Given) -> None:
    if bucket.keys:
        raise ResourceError("The bucket you tried to delete is not empty", "GeneralServiceException")
    if _find_bucket(given, bucket.name) is bucket:
        s3_backends[given.account]["aws"].delete_bucket(bucket.name)


def _find_table(given: Given, name: str) -> Any:
    return dynamodb_backends[given.account][given.region].tables.get(name)


def _apply_table(table: Any, given: Given) -> Any:
    properties, backend = given.properties, dynamodb_backends[given.account][given.region]
    indexes = _index_changes(table, properties.get("GlobalSecondaryIndexes", []))
    table.attr = properties.get("AttributeDefinitions", table.attr)
    backend.update_table_global_indexes(table, indexes)
    table.billing_mode = properties.get("BillingMode", "PROVISIONED")
    table.throughput = {
        "ReadCapacityUnits": 0,
        "WriteCapacityUnits": 0,
        **properties.get("ProvisionedThroughput", {}),
        "NumberOfDecreasesToday": 0,
    }
    table.deletion_protection_enabled = is_true(properties.get("DeletionProtectionEnabled", False))
    table.sse_specification = _encryption(table, properties.get("SSESpecification"))
    if (streams := properties.get("StreamSpecification", {}).get("StreamViewType")) != _stream_view(table):
        table.set_stream_specification({"StreamViewType": streams} if streams else None)
    expiry = properties.get("TimeToLiveSpecification")
    table.ttl = dict(_TTL_OFF)
    if expiry:
        backend.update_time_to_live(table.name, {**expiry, "Enabled": is_true(expiry["Enabled"])})
    recovery = properties.get("PointInTimeRecoverySpecification", {})
    is_kept = is_true(recovery.get("PointInTimeRecoveryEnabled", False))
    backend.update_continuous_backups(table.name, {**recovery, "PointInTimeRecoveryEnabled": is_kept})
    table.tags = [{"Key": key, "Value": value} for key, value in tags_of(given).items()]
    return table


def _stream_view(table: Any) -> str | None:
    view: str | None = (table.stream_specification or {}).get("StreamViewType")
    return view


def _encryption(table: Any, wanted: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return the encryption of a table as moto has it, which needs a key."""
    if not wanted or not is_true(wanted.get("SSEEnabled", False)):
        return None
    key = wanted.get("KMSMasterKeyId") or table._get_default_encryption_key(table.account_id, table.region_name)
    return {**wanted, "SSEEnabled": True, "KMSMasterKeyId": key}


def _index_changes(table: Any, wanted: list[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return what makes the global indexes of a table the wanted ones; ResourceError for what AWS refuses.

    Source: what CloudFormation was seen to answer, aws/aws-cdk#14920 and aws-amplify/amplify-cli#11384.
    """
    old, new = {index.name: index for index in table.global_indexes}, {index["IndexName"]: index for index in wanted}
    for name in old.keys() & new.keys():
        if old[name].schema != new[name]["KeySchema"] or old[name].projection != new[name]["Projection"]:
            raise ResourceError(
                "Cannot update GSI's properties other than Provisioned Throughput and Contributor Insights "
                "Specification. You can create a new GSI with a different name."
            )
    made = [{"Create": dict(new[name])} for name in new if name not in old]
    gone = [{"Delete": {"IndexName": name}} for name in old if name not in new]
    if len(made) + len(gone) > 1:
        raise ResourceError("Cannot perform more than one GSI creation or deletion in a single update")
    return made + gone


def _delete_table(table: Any, given: Given) -> None:
    if table.deletion_protection_enabled:
        raise ResourceError(_PROTECTED)
    if _find_table(given, table.name) is table:
        dynamodb_backends[given.account][given.region].delete_table(table.name)


def _find_group(given: Given, name: str) -> Any:
    return logs_backends[given.account][given.region].groups.get(name)


def _apply_group(group: Any, given: Given) -> Any:
    backend = logs_backends[given.account][given.region]
    group.retention_in_days = given.properties.get("RetentionInDays")
    group.kms_key_id = given.properties.get("KmsKeyId")
    backend.tagger.delete_all_tags_for_resource(group.arn)
    backend.tag_resource(group.arn, tags_of(given))
    return group


def _delete_group(group: Any, given: Given) -> None:
    logs_backends[given.account][given.region].groups.pop(group.name, None)


def _find_key(given: Given, name: str) -> Any:
    return kms_backends[given.account][given.region].keys.get(name.rpartition("/")[2])


def _apply_key(key: Any, given: Given) -> Any:
    properties = given.properties
    key.policy = json.dumps(properties["KeyPolicy"])
    key.description = properties.get("Description", "")
    key.enabled = is_true(properties.get("Enabled", True))
    key.key_state = "Enabled" if key.enabled else "Disabled"
    key.key_rotation_status = is_true(properties.get("EnableKeyRotation", False))
    return key


def _delete_key(key: Any, given: Given) -> None:
    days = int(given.properties.get("PendingWindowInDays", _PENDING_DAYS))
    kms_backends[given.account][given.region].schedule_key_deletion(key.id, days)


HANDLERS: Final = {
    "AWS::DynamoDB::Table": Handler(_find_table, _apply_table, _delete_table),
    "AWS::KMS::Key": Handler(_find_key, _apply_key, _delete_key),
    "AWS::Logs::LogGroup": Handler(_find_group, _apply_group, _delete_group),
    "AWS::S3::Bucket": Handler(_find_bucket, _apply_bucket, _delete_bucket),
}
