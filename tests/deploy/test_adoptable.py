"""What a foundation is to adopt is looked at before: here on AWS as the local engine serves it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError  # type: ignore[import-untyped]  # botocore ships no types

from ceap.aws.session import Aws
from ceap.cfn.template import parse_template
from ceap.deploy.adoptable import find_unfit
from ceap.deploy.problem import Planned
from templates import discovery
from templates.render import render
from templates.stacks import foundation_stack

EXPIRY = {
    "ID": "expire",
    "Status": "Enabled",
    "Filter": {"Prefix": "executions/"},
    "Expiration": {"Days": 7},
    "NoncurrentVersionExpiration": {"NoncurrentDays": 7},
}


TLS_ONLY = {
    "Effect": "Deny",
    "Principal": "*",
    "Action": "s3:*",
    "Resource": ["arn:aws:s3:::acme-data", "arn:aws:s3:::acme-data/*"],
    "Condition": {"Bool": {"aws:SecureTransport": "false"}},
}


def policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def unfit(aws: Aws, **parameters: str) -> list[str]:
    template = parse_template(render(foundation_stack()), "foundation.template.yaml")
    planned = Planned(stack="ceap-foundation-dev", template=template, parameters={"Environment": "dev", **parameters})
    return [f"{'' if problem.is_fatal else 'said: '}{problem}" for problem in find_unfit(aws, planned)]


@pytest.fixture
def topic(aws: Aws) -> Iterator[str]:
    arn: str = aws.client("sns").create_topic(Name="acme-alerts")["TopicArn"]
    yield arn
    aws.client("sns").delete_topic(TopicArn=arn)


@pytest.fixture
def bucket(aws: Aws) -> Iterator[str]:
    s3 = aws.client("s3")
    s3.create_bucket(Bucket="acme-data")
    block = dict.fromkeys(("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True)
    s3.put_public_access_block(Bucket="acme-data", PublicAccessBlockConfiguration=block)
    keep(aws, EXPIRY)
    s3.put_bucket_policy(Bucket="acme-data", Policy=policy(TLS_ONLY))
    yield "acme-data"
    s3.delete_bucket(Bucket="acme-data")


def keep(aws: Aws, *rules: dict[str, Any]) -> None:
    aws.client("s3").put_bucket_lifecycle_configuration(
        Bucket="acme-data", LifecycleConfiguration={"Rules": list(rules)}
    )


def allow(aws: Aws, topic: str, *statements: dict[str, Any]) -> None:
    aws.client("sns").set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=policy(*statements))


def publishes(service: str, topic: str, **condition: Any) -> dict[str, Any]:
    principal = {"Service": f"{service}.amazonaws.com"}
    return {"Effect": "Allow", "Principal": principal, "Action": "SNS:Publish", "Resource": topic, **condition}


def test_a_foundation_that_adopts_nothing_asks_nothing(aws: Aws) -> None:
    assert unfit(aws) == []


def test_a_topic_to_which_alarms_and_rules_may_publish_can_be_adopted(aws: Aws, topic: str) -> None:
    source = f"arn:aws:cloudwatch:us-east-1:{aws.account}:alarm:*"
    conditions = {"StringEquals": {"AWS:SourceAccount": aws.account}, "ArnLike": {"aws:SourceArn": source}}
    allow(aws, topic, publishes("cloudwatch", topic, Condition=conditions), publishes("events", topic))
    assert unfit(aws, AlertTopicArn=topic) == []


@pytest.mark.parametrize(
    "condition",
    [
        {"StringEquals": {"aws:SourceAccount": "210987654321"}},
        {"ArnLike": {"aws:SourceArn": "arn:aws:events:us-east-1:123456789012:rule/orders-*"}},
        {"StringEquals": {"AWS:SourceOwner": "123456789012"}},
        {"StringNotEquals": {"aws:SourceAccount": "123456789012"}},
        {"StringEquals": {"aws:SourceArn": "arn:aws:events:us-east-1:123456789012:rule/*"}},
    ],
)
def test_a_policy_that_may_not_let_every_rule_publish_is_refused_with_the_statement(
    aws: Aws, topic: str, condition: dict[str, Any]
) -> None:
    allow(aws, topic, publishes("cloudwatch", topic), publishes("events", topic, Condition=condition))
    statement = (
        '{"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sns:Publish", '
        f'"Resource": "{topic}", "Condition": {{"StringEquals": {{"aws:SourceAccount": "{aws.account}"}}}}}}'
    )
    assert unfit(aws, AlertTopicArn=topic) == [
        f"topic {topic}: its policy does not let every rule of this account publish to it; add the statement "
        f"{statement}"
    ]
    allow(aws, topic, publishes("cloudwatch", topic), json.loads(statement))
    assert unfit(aws, AlertTopicArn=topic) == []


def test_a_denial_is_said(aws: Aws, topic: str) -> None:
    denial = {"Effect": "Deny", "Principal": "*", "Action": "SNS:Publish", "Resource": topic}
    tls = {**denial, "Condition": {"Bool": {"aws:SecureTransport": "false"}}}
    allow(aws, topic, publishes("cloudwatch", topic), publishes("events", topic), tls)
    assert unfit(aws, AlertTopicArn=topic) == []
    other = {**denial, "Condition": {"StringNotEquals": {"aws:PrincipalOrgID": "o-1"}}}
    allow(aws, topic, publishes("cloudwatch", topic), publishes("events", topic), other)
    assert unfit(aws, AlertTopicArn=topic) == [
        f"said: topic {topic}: a Deny of its policy may keep alerts from it; see that it does not match alarms and "
        "rules"
    ]


def test_a_topic_that_is_not_there_or_cannot_serve_is_refused(aws: Aws, topic: str) -> None:
    gone = f"{topic}-gone"
    assert unfit(aws, AlertTopicArn=gone) == [
        f"topic {gone}: does not exist; correct the ARN, or leave it out: ceap then makes one"
    ]
    [far] = unfit(aws, AlertTopicArn=topic.replace("us-east-1", "eu-west-1"))
    assert "is of eu-west-1 and account " in far
    allow(aws, topic, publishes("cloudwatch", topic), publishes("events", topic))
    sns = aws.client("sns")
    sns.set_topic_attributes(TopicArn=topic, AttributeName="KmsMasterKeyId", AttributeValue="alias/aws/sns")
    [key] = unfit(aws, AlertTopicArn=topic)
    assert "is encrypted under alias/aws/sns, with which neither alarms nor rules can publish" in key


def test_that_a_topics_own_key_may_keep_alerts_from_it_is_said(aws: Aws, topic: str) -> None:
    allow(aws, topic, publishes("cloudwatch", topic), publishes("events", topic))
    aws.client("sns").set_topic_attributes(TopicArn=topic, AttributeName="KmsMasterKeyId", AttributeValue="alias/acme")
    assert unfit(aws, AlertTopicArn=topic) == [
        f"said: topic {topic}: is encrypted under alias/acme, and whether alarms and rules may use that is not known; "
        "see that the key's policy allows kms:Decrypt and kms:GenerateDataKey* to cloudwatch.amazonaws.com and "
        "events.amazonaws.com"
    ]


@pytest.mark.parametrize(
    ("parameter", "value"),
    [("AlertTopicArn", "ops"), ("WorkflowBucketName", "Not A Bucket"), ("RecordsTableName", "a table")],
)
def test_a_value_of_another_form_is_a_problem_of_the_parameter_alone(aws: Aws, parameter: str, value: str) -> None:
    assert unfit(aws, **{parameter: value}) == []


def test_an_address_is_not_dropped_in_silence(aws: Aws, topic: str) -> None:
    allow(aws, topic, publishes("cloudwatch", topic), publishes("events", topic))
    [line] = unfit(aws, AlertTopicArn=topic, AlertEmail="team@example.com")
    assert line == (
        f"topic {topic}: is adopted, so the foundation does not subscribe team@example.com to it; leave AlertEmail out "
        f"of ceap.toml, and call `aws sns subscribe --protocol email --topic-arn {topic} --notification-endpoint "
        "team@example.com`"
    )


def test_a_bucket_that_deletes_executions_can_be_adopted(aws: Aws, bucket: str) -> None:
    assert unfit(aws, WorkflowBucketName=bucket, ArtifactBucketName=bucket) == []


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"Status": "Disabled"}, "does not delete objects below executions/ after 7 days; add the lifecycle rule {"),
        (
            {"Expiration": {"Days": 8}},
            "does not delete objects below executions/ after 7 days; add the lifecycle rule {",
        ),
        (
            {"Filter": {"Tag": {"Key": "a", "Value": "b"}}},
            "does not delete objects below executions/ after 7 days; add the lifecycle rule {",
        ),
    ],
)
def test_a_bucket_that_keeps_executions_is_refused_with_the_rule(
    aws: Aws, bucket: str, change: dict[str, Any], what: str
) -> None:
    keep(aws, EXPIRY | change)
    [line] = [line for line in unfit(aws, WorkflowBucketName=bucket) if "sooner" not in line]
    assert line.startswith(f"bucket {bucket}: {what}")
    keep(aws, json.loads(line[line.index("{") :]))
    assert unfit(aws, WorkflowBucketName=bucket) == []


def test_rules_that_delete_or_move_sooner_are_refused(aws: Aws, bucket: str) -> None:
    whole = {"ID": "all", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 3}}
    later = {"ID": "old", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 30}}
    cold = {
        "ID": "cold",
        "Status": "Enabled",
        "Filter": {"Prefix": "executions/"},
        "Transitions": [{"Days": 0, "StorageClass": "GLACIER"}],
    }
    keep(aws, EXPIRY, whole, later, cold)
    sooner = "deletes or moves executions/ sooner; narrow that rule to other prefixes"
    assert unfit(aws, WorkflowBucketName=bucket) == [
        f"bucket {bucket}: its lifecycle rule {name} {sooner}" for name in ("all", "cold")
    ]
    code = "deletes or moves what functions run: handlers, glue, deployments; narrow that rule to other prefixes"
    assert unfit(aws, ArtifactBucketName=bucket) == [
        f"bucket {bucket}: its lifecycle rule {name} {code}" for name in ("all", "old")
    ]


def test_versions_must_be_deleted_too(aws: Aws, bucket: str) -> None:
    aws.client("s3").put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    assert unfit(aws, WorkflowBucketName=bucket) == []
    keep(aws, {key: value for key, value in EXPIRY.items() if key != "NoncurrentVersionExpiration"})
    [line] = unfit(aws, WorkflowBucketName=bucket)
    assert "has versions, and does not delete those of objects below executions/ after 7 days" in line


def test_versions_that_are_kept_for_their_number_are_not_deleted(
    aws: Aws, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    aws.client("s3").put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    rule = EXPIRY | {"NoncurrentVersionExpiration": {"NoncurrentDays": 7, "NewerNoncurrentVersions": 5}}
    said = {"Rules": [rule]}  # the engine drops that number
    monkeypatch.setattr(aws.client("s3"), "get_bucket_lifecycle_configuration", lambda **_: said)
    [line] = unfit(aws, WorkflowBucketName=bucket)
    assert "has versions, and does not delete those of objects below executions/ after 7 days" in line


def test_a_key_that_no_role_may_use_is_refused(aws: Aws, bucket: str) -> None:
    key = f"arn:aws:kms:us-east-1:{aws.account}:key/k"
    default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}
    rules = {"Rules": [{"ApplyServerSideEncryptionByDefault": default}]}
    aws.client("s3").put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration=rules)
    assert unfit(aws, WorkflowBucketName=bucket) == [
        f"bucket {bucket}: is encrypted under {key}, which the roles of ceap may not use; set KmsKeyArn to the ARN of "
        "that key"
    ]
    assert unfit(aws, WorkflowBucketName=bucket, KmsKeyArn=key) == []
    default["KMSMasterKeyID"] = "k"
    aws.client("s3").put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration=rules)
    assert unfit(aws, WorkflowBucketName=bucket, KmsKeyArn=key) == []
    default["KMSMasterKeyID"] = "alias/acme"
    aws.client("s3").put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration=rules)
    [line] = unfit(aws, WorkflowBucketName=bucket, KmsKeyArn=key)
    assert line.startswith(f"said: bucket {bucket}: is encrypted under alias/acme, and whether that is {key} is not")


@pytest.mark.parametrize(
    "change",
    [
        {"Effect": "Allow"},
        {"Principal": {"AWS": "arn:aws:iam::123456789012:root"}},
        {"Action": "s3:GetObject"},
        {"Resource": "arn:aws:s3:::acme-data"},
    ],
)
def test_a_bucket_that_allows_requests_without_tls_is_refused_with_the_statement(
    aws: Aws, bucket: str, change: dict[str, Any]
) -> None:
    s3 = aws.client("s3")
    s3.put_bucket_policy(Bucket=bucket, Policy=policy(TLS_ONLY | change))
    [line] = unfit(aws, WorkflowBucketName=bucket)
    assert line.startswith(f"bucket {bucket}: its policy allows requests without TLS; add the statement {{")
    s3.put_bucket_policy(Bucket=bucket, Policy=policy(json.loads(line[line.index("{") :])))
    assert unfit(aws, WorkflowBucketName=bucket) == []


def test_another_denial_of_a_bucket_is_said(aws: Aws, bucket: str) -> None:
    other = TLS_ONLY | {"Condition": {"StringNotEquals": {"aws:PrincipalOrgID": "o-1"}}, "Action": "s3:PutObject"}
    aws.client("s3").put_bucket_policy(Bucket=bucket, Policy=policy(TLS_ONLY, other))
    assert unfit(aws, WorkflowBucketName=bucket) == [
        f"said: bucket {bucket}: a Deny of its policy may keep the workflows from it; see that it does not match the "
        "roles of functions and jobs"
    ]


def test_a_bucket_that_may_be_public_is_said(aws: Aws, bucket: str) -> None:
    aws.client("s3").delete_public_access_block(Bucket=bucket)
    assert unfit(aws, ArtifactBucketName=bucket) == [
        f"said: bucket {bucket}: does not block public access; let its owner block it, unless the account does"
    ]


def test_a_bucket_that_is_not_there_is_refused(aws: Aws) -> None:
    assert unfit(aws, ArtifactBucketName="acme-gone") == [
        "bucket acme-gone: does not exist; correct ArtifactBucketName, or leave it out: ceap then makes one"
    ]


def test_a_bucket_that_may_be_of_another_account_is_said(
    aws: Aws, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(**_: Any) -> None:
        raise ClientError({"Error": {"Code": "403"}}, "HeadBucket")

    monkeypatch.setattr(aws.client("s3"), "head_bucket", refuse)
    [line] = unfit(aws, WorkflowBucketName=bucket)
    assert line.startswith(f"said: bucket {bucket}: is of another account, or AWS refuses s3:ListBucket on it to this")


def test_what_may_not_be_read_is_said_and_does_not_refuse(
    aws: Aws, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(**_: Any) -> None:
        raise ClientError({"Error": {"Code": "AccessDenied"}}, "GetBucketLifecycleConfiguration")

    monkeypatch.setattr(aws.client("s3"), "get_bucket_lifecycle_configuration", refuse)
    assert unfit(aws, WorkflowBucketName=bucket) == [
        f"said: bucket {bucket}: whether it can be adopted is not known: AWS refused GetBucketLifecycleConfiguration; "
        "grant it to this identity, or go on if you know it"
    ]


def test_a_table_with_the_keys_and_indexes_of_its_needs_can_be_adopted(aws: Aws) -> None:
    assert make_table(aws, "acme-records", *RECORDS) == []
    line, *_ = make_table(aws, "acme-numbers", (("id", "N"),), ())
    assert line.startswith("table acme-numbers: its keys are id (N), but handlers use ")
    assert line.endswith("; adopt a table of these keys, or leave RecordsTableName out: ceap then makes one")


def test_an_index_that_handlers_query_must_be_there_with_all_attributes(aws: Aws) -> None:
    keys, (index, *others) = RECORDS
    name, index_keys, _ = index
    lines = make_table(aws, "acme-narrow", keys, ((name, index_keys, "KEYS_ONLY"), *others))
    assert lines == [
        f"table acme-narrow: has no index {name} of {' and '.join(f'{key} (S)' for key, _ in index_keys)} with all "
        "attributes, which handlers query; let its owner add the index"
    ]
    assert len(make_table(aws, "acme-bare", keys, ())) == len(others) + 1


def test_that_no_role_may_use_the_key_of_a_table_is_said(aws: Aws) -> None:
    key = f"arn:aws:kms:us-east-1:{aws.account}:key/k"
    [line] = make_table(aws, "acme-secret", *RECORDS, key=key)
    assert line == (
        f"said: table acme-secret: is encrypted under {key}, and whether the roles of ceap may use that is not known; "
        "set KmsKeyArn to that ARN, unless it is the key of alias/aws/dynamodb"
    )
    assert unfit(aws, RecordsTableName="acme-secret", KmsKeyArn=key) == []


def test_a_table_that_is_not_there_is_refused(aws: Aws) -> None:
    assert unfit(aws, RecordsTableName="acme-gone") == [
        "table acme-gone: does not exist; correct RecordsTableName, or leave it out: ceap then makes one"
    ]


Keys = tuple[tuple[str, str], ...]
Indexes = tuple[tuple[str, Keys, str], ...]


def _strings(*names: str | None) -> Keys:
    return tuple((name, "S") for name in names if name)


TABLE = discovery.tables()["records"]
RECORDS: tuple[Keys, Indexes] = (
    _strings(TABLE.partition_key, TABLE.sort_key),
    tuple((each.name, _strings(each.partition_key, each.sort_key), "ALL") for each in TABLE.indexes),
)


def make_table(aws: Aws, name: str, keys: Keys, indexes: Indexes, key: str | None = None) -> list[str]:
    """Make a table, and return what keeps it from being adopted as that of the records."""

    def schema(keys: Keys) -> list[dict[str, str]]:
        return [
            {"AttributeName": key, "KeyType": kind} for (key, _), kind in zip(keys, ("HASH", "RANGE"), strict=False)
        ]

    types = dict(keys) | {key: kind for _, index_keys, _ in indexes for key, kind in index_keys}
    described = [
        {"IndexName": index, "KeySchema": schema(index_keys), "Projection": {"ProjectionType": projection}}
        for index, index_keys, projection in indexes
    ]
    aws.client("dynamodb").create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=schema(keys),
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": kind} for key, kind in types.items()],
        **({"GlobalSecondaryIndexes": described} if described else {}),
        **({"SSESpecification": {"Enabled": True, "SSEType": "KMS", "KMSMasterKeyId": key}} if key else {}),
    )
    return unfit(aws, RecordsTableName=name)
