"""Lifecycle rules: objects expire at the midnight after their days, in virtual time."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError  # type: ignore[import-untyped]  # botocore ships no types

from ceap.local.clock import CLOCK
from ceap.local.cloudformation import DeployError
from ceap.local.engine import Engine
from handlers.runtime.contract import PermanentStageError, output_key
from tests.local.support import Template, deploy_standard, standard_template, statuses, template_text
from tests.reference import MESSAGE

DAY_S = 86_400


@pytest.fixture
def engine() -> Iterator[Engine]:
    """An engine whose clock goes back to real time afterwards."""
    with Engine.start() as engine:
        yield engine
    assert CLOCK.rewind(10)


def bucket_with(**rule: Any) -> Template:
    properties = {"BucketName": "bucket", "LifecycleConfiguration": {"Rules": [{"Status": "Enabled", **rule}]}}
    return {"Type": "AWS::S3::Bucket", "Properties": properties}


def put(engine: Engine, *keys: str) -> float:
    """Put objects and return the midnight before, in seconds since the epoch."""
    s3 = engine.client("s3")
    for key in keys:
        s3.put_object(Bucket="bucket", Key=key, Body=b"content")
    written: datetime.datetime = s3.head_object(Bucket="bucket", Key=keys[0])["LastModified"]
    return written.timestamp() // DAY_S * DAY_S


def go_to(moment: float) -> None:
    """Move the clock on, as a wait until that moment would."""
    assert CLOCK.jump(lambda: moment, CLOCK.ended)


def keys(engine: Engine) -> list[str]:
    return [key for key, _ in engine.objects("bucket")]


@pytest.mark.property(6, "E")
@pytest.mark.property(7, "E")
def test_outputs_remain_after_success_and_failure_until_the_midnight_after_seven_days(engine: Engine) -> None:
    deployed = deploy_standard(engine, standard_template("TakeStage", "SiftStage"))
    for times in (0, None):
        engine.functions.inject("ceap-standard-dev-Sift", PermanentStageError.__name__, times)
        engine.send(deployed.queue, MESSAGE)
        engine.drain()
    succeeded, failed = engine.executions
    assert (succeeded.status, failed.status) == ("SUCCEEDED", "FAILED")
    s3, bucket = engine.client("s3"), deployed.bucket
    s3.put_object(Bucket=bucket, Key="other/executions/1", Body=b"content")
    outputs = deployed.objects()
    stages = ((succeeded, "TakeStage"), (succeeded, "SiftStage"), (failed, "TakeStage"))
    written = {output_key(execution.name, stage) for execution, stage in stages}
    assert {key for key in outputs if key.endswith("/output.json")} == written
    midnight = s3.head_object(Bucket=bucket, Key="other/executions/1")["LastModified"].timestamp() // DAY_S * DAY_S
    go_to(midnight + 8 * DAY_S - 60)
    assert {key: s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in outputs} == outputs
    go_to(midnight + 8 * DAY_S)
    assert [entry["Key"] for entry in s3.list_objects_v2(Bucket=bucket)["Contents"]] == ["other/executions/1"]
    with pytest.raises(ClientError, match="NoSuchKey"):
        s3.get_object(Bucket=bucket, Key=next(iter(written)))


def test_objects_are_written_at_the_virtual_time(engine: Engine) -> None:
    engine.deploy(template_text(Bucket=bucket_with(ExpirationInDays=1)), "stack")
    first = put(engine, "first")
    go_to(first + 9 * DAY_S + 60)
    assert put(engine, "second") == first + 9 * DAY_S
    assert keys(engine) == ["second"]


def test_a_rule_that_is_disabled_deletes_nothing(engine: Engine) -> None:
    engine.deploy(template_text(Bucket=bucket_with(ExpirationInDays=1, Status="Disabled")), "stack")
    go_to(put(engine, "key") + 30 * DAY_S)
    assert keys(engine) == ["key"]


def test_an_upload_that_is_never_completed_is_aborted(engine: Engine) -> None:
    rule = bucket_with(AbortIncompleteMultipartUpload={"DaysAfterInitiation": 1})
    engine.deploy(template_text(Bucket=rule), "stack")
    s3 = engine.client("s3")
    s3.create_multipart_upload(Bucket="bucket", Key="key")
    midnight = put(engine, "other")
    go_to(midnight + 2 * DAY_S - 60)
    assert len(s3.list_multipart_uploads(Bucket="bucket")["Uploads"]) == 1
    go_to(midnight + 2 * DAY_S)
    assert "Uploads" not in s3.list_multipart_uploads(Bucket="bucket")
    assert keys(engine) == ["other"]


def test_a_version_expires_after_its_successor_was_written(engine: Engine) -> None:
    rule = bucket_with(ExpirationInDays=9, NoncurrentVersionExpirationInDays=2)
    engine.deploy(template_text(Bucket=rule), "stack")
    s3 = engine.client("s3")
    s3.put_bucket_versioning(Bucket="bucket", VersioningConfiguration={"Status": "Enabled"})
    go_to(put(engine, "key") + DAY_S + 60)
    second = put(engine, "key")
    go_to(second + 3 * DAY_S - 60)
    assert len(s3.list_object_versions(Bucket="bucket")["Versions"]) == 2
    go_to(second + 3 * DAY_S)
    assert len(s3.list_object_versions(Bucket="bucket")["Versions"]) == 1
    go_to(second + 10 * DAY_S)
    listed = s3.list_object_versions(Bucket="bucket")
    assert (len(listed["Versions"]), len(listed["DeleteMarkers"])) == (1, 1)


def test_an_object_tells_when_it_expires_and_by_which_rule(engine: Engine) -> None:
    engine.deploy(template_text(Bucket=bucket_with(ExpirationInDays=7, Prefix="executions/", Id="a rule")), "stack")
    midnight = put(engine, "executions/1", "other")
    s3 = engine.client("s3")
    day = datetime.datetime.fromtimestamp(midnight, datetime.UTC) + datetime.timedelta(days=8)
    expected = f'expiry-date="{day:%a, %d %b %Y} 00:00:00 GMT", rule-id="a%20rule"'
    assert s3.head_object(Bucket="bucket", Key="executions/1")["Expiration"] == expected
    assert "Expiration" not in s3.head_object(Bucket="bucket", Key="other")


def test_a_drain_does_not_wait_for_objects_to_expire(engine: Engine) -> None:
    engine.deploy(template_text(Bucket=bucket_with(ExpirationInDays=1)), "stack")
    put(engine, "key")
    before = CLOCK.offset_s
    engine.drain()
    assert CLOCK.offset_s == before


def test_a_rule_that_is_not_modelled_is_refused(engine: Engine) -> None:
    with pytest.raises(DeployError, match="bucket: the local engine does not model TagFilters of a lifecycle rule"):
        engine.deploy(template_text(Bucket=bucket_with(ExpirationInDays=1, TagFilters=[])), "stack")


def test_a_redrive_after_seven_days_finds_no_input(engine: Engine) -> None:
    deployed = deploy_standard(engine, standard_template("TakeStage", "SiftStage"))
    sift = "ceap-standard-dev-Sift"
    engine.functions.inject(sift, PermanentStageError.__name__, 1)
    engine.send(deployed.queue, MESSAGE)
    [execution] = engine.drain()
    assert statuses(execution, "SiftStage") == ["FAILED"]
    key = output_key(execution.name, "TakeStage")
    assert key in deployed.objects()
    go_to(CLOCK.now() + 8 * DAY_S)
    engine.client("stepfunctions").redrive_execution(executionArn=execution.arn)
    engine.drain()
    assert (execution.status, execution.redrives) == ("FAILED", 1)
    assert f"{key} found nothing (NoSuchKey); TakeStage should have written it" in str(execution.cause)
    assert statuses(execution, "SiftStage") == ["FAILED", "FAILED"]
    assert key not in deployed.objects()
