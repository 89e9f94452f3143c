"""What a request of S3 asks of IAM, read from requests as boto3 makes them."""

from __future__ import annotations

from typing import Any

import pytest

from ceap.local.calls import Question, UnknownCallError
from ceap.local.engine import Engine
from ceap.local.questions import checks
from ceap.local.s3_questions import not_found_question
from tests.local.captured import Call, request_of

BUCKET = "arn:aws:s3:::bucket"
OBJECT: dict[str, Any] = {"Bucket": "bucket", "Key": "k"}
VERSION = OBJECT | {"VersionId": "v"}
TAGS = {"TagSet": [{"Key": "a", "Value": "b"}]}


def on_object(*actions: str) -> list[Question]:
    return [Question(f"s3:{action}", f"{BUCKET}/k") for action in actions]


CASES: list[tuple[Call, list[Question]]] = [
    (lambda c: c.list_buckets(), [Question("s3:ListAllMyBuckets", "arn:aws:s3:::*")]),
    (lambda c: c.head_bucket(Bucket="bucket"), [Question("s3:ListBucket", BUCKET)]),
    (
        lambda c: c.list_objects_v2(Bucket="bucket", Prefix="executions/"),
        [Question("s3:ListBucket", BUCKET, {"s3:prefix": "executions/"})],
    ),
    (lambda c: c.list_multipart_uploads(Bucket="bucket"), [Question("s3:ListBucketMultipartUploads", BUCKET)]),
    (lambda c: c.get_object(Bucket="bucket", Key="a/b c"), [Question("s3:GetObject", f"{BUCKET}/a/b c")]),
    (lambda c: c.head_object(Bucket="bucket", Key="k"), [Question("s3:GetObject", f"{BUCKET}/k")]),
    (lambda c: c.put_object(Bucket="bucket", Key="k", Body=b"x"), [Question("s3:PutObject", f"{BUCKET}/k")]),
    (lambda c: c.create_multipart_upload(Bucket="bucket", Key="k"), [Question("s3:PutObject", f"{BUCKET}/k")]),
    (
        lambda c: c.upload_part(Bucket="bucket", Key="k", PartNumber=1, UploadId="u", Body=b"x"),
        [Question("s3:PutObject", f"{BUCKET}/k")],
    ),
    (
        lambda c: c.complete_multipart_upload(Bucket="bucket", Key="k", UploadId="u"),
        [Question("s3:PutObject", f"{BUCKET}/k")],
    ),
    (
        lambda c: c.abort_multipart_upload(Bucket="bucket", Key="k", UploadId="u"),
        [Question("s3:AbortMultipartUpload", f"{BUCKET}/k")],
    ),
    (
        lambda c: c.list_parts(Bucket="bucket", Key="k", UploadId="u"),
        [Question("s3:ListMultipartUploadParts", f"{BUCKET}/k")],
    ),
    (
        lambda c: c.copy_object(Bucket="bucket", Key="k", CopySource={"Bucket": "other", "Key": "a b"}),
        [Question("s3:PutObject", f"{BUCKET}/k"), Question("s3:GetObject", "arn:aws:s3:::other/a b")],
    ),
    (lambda c: c.delete_object(Bucket="bucket", Key="k"), [Question("s3:DeleteObject", f"{BUCKET}/k")]),
    (
        lambda c: c.delete_objects(Bucket="bucket", Delete={"Objects": [{"Key": "a"}, {"Key": "b"}]}),
        [Question("s3:DeleteObject", f"{BUCKET}/a"), Question("s3:DeleteObject", f"{BUCKET}/b")],
    ),
    (lambda c: c.list_objects_v2(Bucket="bucket"), [Question("s3:ListBucket", BUCKET)]),
    (
        lambda c: c.list_object_versions(Bucket="bucket", Prefix="a/"),
        [Question("s3:ListBucketVersions", BUCKET, {"s3:prefix": "a/"})],
    ),
    (lambda c: c.get_bucket_location(Bucket="bucket"), [Question("s3:GetBucketLocation", BUCKET)]),
    (lambda c: c.get_bucket_versioning(Bucket="bucket"), [Question("s3:GetBucketVersioning", BUCKET)]),
    (lambda c: c.get_bucket_encryption(Bucket="bucket"), [Question("s3:GetEncryptionConfiguration", BUCKET)]),
    (
        lambda c: c.get_bucket_lifecycle_configuration(Bucket="bucket"),
        [Question("s3:GetLifecycleConfiguration", BUCKET)],
    ),
    (lambda c: c.get_bucket_policy(Bucket="bucket"), [Question("s3:GetBucketPolicy", BUCKET)]),
    (lambda c: c.get_bucket_acl(Bucket="bucket"), [Question("s3:GetBucketAcl", BUCKET)]),
    (lambda c: c.get_public_access_block(Bucket="bucket"), [Question("s3:GetBucketPublicAccessBlock", BUCKET)]),
    (lambda c: c.get_object(**VERSION), on_object("GetObjectVersion")),
    (lambda c: c.head_object(**VERSION), on_object("GetObjectVersion")),
    (lambda c: c.delete_object(**VERSION), on_object("DeleteObjectVersion")),
    (lambda c: c.get_object_tagging(**OBJECT), on_object("GetObjectTagging")),
    (lambda c: c.get_object_tagging(**VERSION), on_object("GetObjectVersionTagging")),
    (lambda c: c.put_object_tagging(**OBJECT, Tagging=TAGS), on_object("PutObjectTagging")),
    (lambda c: c.put_object_tagging(**VERSION, Tagging=TAGS), on_object("PutObjectVersionTagging")),
    (lambda c: c.delete_object_tagging(**OBJECT), on_object("DeleteObjectTagging")),
    (lambda c: c.get_object_acl(**OBJECT), on_object("GetObjectAcl")),
    (lambda c: c.get_object_acl(**VERSION), on_object("GetObjectVersionAcl")),
    (lambda c: c.put_object_acl(**OBJECT, ACL="private"), on_object("PutObjectAcl")),
    (
        lambda c: c.get_object_attributes(**OBJECT, ObjectAttributes=["ETag"]),
        on_object("GetObject", "GetObjectAttributes"),
    ),
    (
        lambda c: c.get_object_attributes(**VERSION, ObjectAttributes=["ETag"]),
        on_object("GetObjectVersion", "GetObjectVersionAttributes"),
    ),
    (lambda c: c.put_object(**OBJECT, Tagging="a=b"), on_object("PutObject", "PutObjectTagging")),
    (lambda c: c.put_object(**OBJECT, ACL="public-read"), on_object("PutObject", "PutObjectAcl")),
    (lambda c: c.put_object(**OBJECT, GrantRead="id=a", GrantReadACP="id=a"), on_object("PutObject", "PutObjectAcl")),
    (lambda c: c.create_multipart_upload(**OBJECT, Tagging="a=b"), on_object("PutObject", "PutObjectTagging")),
    (
        lambda c: c.put_object(**OBJECT, Metadata={"a": "b"}, ServerSideEncryption="aws:kms", SSEKMSKeyId="k"),
        on_object("PutObject"),
    ),
    (
        lambda c: c.copy_object(**OBJECT, CopySource={"Bucket": "other", "Key": "a", "VersionId": "v"}),
        [*on_object("PutObject"), Question("s3:GetObjectVersion", "arn:aws:s3:::other/a")],
    ),
    (
        lambda c: c.upload_part_copy(**OBJECT, PartNumber=1, UploadId="u", CopySource={"Bucket": "other", "Key": "a"}),
        [*on_object("PutObject"), Question("s3:GetObject", "arn:aws:s3:::other/a")],
    ),
    (
        lambda c: c.delete_objects(Bucket="bucket", Delete={"Objects": [{"Key": "a"}, {"Key": "k", "VersionId": "v"}]}),
        [Question("s3:DeleteObject", f"{BUCKET}/a"), *on_object("DeleteObjectVersion")],
    ),
]


@pytest.mark.parametrize(("call", "expected"), CASES)
def test_a_request_asks_for_the_action_of_its_subresource(call: Call, expected: list[Question]) -> None:
    assert expected == checks(request_of("s3", call))


@pytest.mark.parametrize(
    ("call", "unknown"),
    [
        (lambda c: c.get_object_torrent(**OBJECT), "s3 GET /bucket/k: the parameter torrent of an object"),
        (
            lambda c: c.restore_object(**OBJECT, RestoreRequest={"Days": 1}),
            "s3 POST /bucket/k: the parameter restore of an object",
        ),
        (
            lambda c: c.put_bucket_versioning(Bucket="bucket", VersioningConfiguration={"Status": "Enabled"}),
            "s3 PUT /bucket: the parameter versioning of a bucket",
        ),
        (lambda c: c.delete_bucket(Bucket="bucket"), "s3 DELETE /bucket: this method of a bucket"),
        (
            lambda c: c.get_bucket_inventory_configuration(Bucket="bucket", Id="i"),
            "s3 GET /bucket: the parameters inventory, id do not go together",
        ),
        (
            lambda c: c.put_object(**OBJECT, ObjectLockLegalHoldStatus="ON"),
            "s3 PUT /bucket/k: the header x-amz-object-lock-legal-hold",
        ),
        (
            lambda c: c.delete_object(**VERSION, BypassGovernanceRetention=True),
            "s3 DELETE /bucket/k: the header x-amz-bypass-governance-retention",
        ),
        (
            lambda c: c.copy_object(**OBJECT, CopySource="arn:aws:s3:us-east-1:1:accesspoint/a/object/k"),
            "the source arn:aws:s3:us-east-1:1:accesspoint/a/object/k is not modelled; name bucket and key",
        ),
    ],
)
def test_a_request_with_an_unknown_part_is_refused(call: Call, unknown: str) -> None:
    with pytest.raises(UnknownCallError, match=f"^The local engine cannot judge the call .*{unknown}"):
        checks(request_of("s3", call))


COPY = OBJECT | {"CopySource": "bucket/tagged"}


@pytest.mark.parametrize(
    ("call", "tagging"),
    [
        (lambda c: c.copy_object(**COPY), True),
        (lambda c: c.copy_object(**COPY, TaggingDirective="COPY"), True),
        (lambda c: c.copy_object(**COPY, TaggingDirective="REPLACE"), False),
        (lambda c: c.upload_part_copy(**COPY, PartNumber=1, UploadId="u"), False),
        (lambda c: c.copy_object(**COPY | {"CopySource": "bucket/plain"}), False),
        (lambda c: c.copy_object(**COPY | {"CopySource": "bucket/missing"}), False),
    ],
)
def test_a_copy_of_a_tagged_object_asks_for_the_tags(engine: Engine, call: Call, tagging: bool) -> None:
    driver = engine.client("s3")
    driver.create_bucket(Bucket="bucket")
    driver.put_object(Bucket="bucket", Key="plain", Body=b"")
    driver.put_object(Bucket="bucket", Key="tagged", Body=b"", Tagging="a=b")
    asked = checks(request_of("s3", call)._replace(account=engine.account))
    source = asked[1].resource
    tags = [Question("s3:GetObjectTagging", source), *on_object("PutObjectTagging")]
    assert asked == [*on_object("PutObject"), Question("s3:GetObject", source), *tags * tagging]


def test_a_missing_object_is_told_of_only_to_whom_may_list_it() -> None:
    get = request_of("s3", lambda c: c.get_object(Bucket="bucket", Key="a/k"))
    put = request_of("s3", lambda c: c.put_object(Bucket="bucket", Key="a/k", Body=b""))
    assert not_found_question(get) == Question("s3:ListBucket", BUCKET, {"s3:prefix": "a/k"})
    assert not_found_question(put) is None


def test_a_path_with_two_slashes_before_the_bucket_is_refused() -> None:
    request = request_of("s3", lambda c: c.put_object(**OBJECT, Body=b"x"))._replace(path="//bucket/k")
    with pytest.raises(UnknownCallError, match="two slashes"):
        checks(request)


@pytest.mark.parametrize(
    ("source", "read"),
    [
        ("open/closed/k", "open/closed/k"),
        ("/open/k%23a%3Bb", "open/k#a;b"),
        ("//open/closed/k", "closed/k"),
        ("open/k#/output.json", "open/k"),
        ("open/k;output.json", "open/k"),
    ],
)
def test_a_copy_asks_for_the_source_that_moto_reads(engine: Engine, source: str, read: str) -> None:
    s3 = engine.client("s3")
    for name in ("bucket", "open", "closed"):
        s3.create_bucket(Bucket=name)
    for name in ("open/closed/k", "open/k", "open/k#a;b", "closed/k"):
        bucket, _, key = name.partition("/")
        s3.put_object(Bucket=bucket, Key=key, Body=name.encode())
    request = request_of("s3", lambda c: c.copy_object(**OBJECT, CopySource="x/y"))
    request = request._replace(account=engine.account, headers={"x-amz-copy-source": source})
    assert checks(request)[1].resource == f"arn:aws:s3:::{read}"
    assert engine._gateway.answer(request._replace(access_key=engine.driver.access_key)).status == 200
    assert s3.get_object(**OBJECT)["Body"].read().decode() == read
