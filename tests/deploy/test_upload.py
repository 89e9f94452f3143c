"""Uploads to an artifact bucket: what is not there, once, and never over something else."""

from __future__ import annotations

import threading
from base64 import b64encode
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

import pytest

from ceap.aws import bucket as objects
from ceap.aws.session import Aws
from ceap.deploy.artifacts import Artifacts
from ceap.deploy.package import Package
from ceap.deploy.upload import upload_artifacts
from ceap.errors import SetupError

ARTIFACTS = Artifacts({"base.zip": Package(b"zip", ())}, {"heavy.py": b"job"}, "handlers/1/", "glue/2/")
KEYS = ["glue/2/heavy.py", "handlers/1/base.zip"]


def make(aws: Aws, name: str) -> str:
    aws.client("s3").create_bucket(Bucket=name)
    return name


def contents(aws: Aws, bucket: str) -> Mapping[str, bytes]:
    found = {key: objects.read(aws, bucket, key) for key in objects.keys(aws, bucket, "")}
    return {key: there.content for key, there in found.items() if there}


def test_what_is_not_there_is_uploaded_with_its_checksum(aws: Aws) -> None:
    bucket, said = make(aws, "upload-first"), list[str]()
    parameters = upload_artifacts(aws, bucket, ARTIFACTS, said.append)
    assert parameters == {"HandlersPrefix": "handlers/1/", "GluePrefix": "glue/2/"}
    assert contents(aws, bucket) == {"handlers/1/base.zip": b"zip", "glue/2/heavy.py": b"job"}
    assert said == [
        "uploading handlers/1/base.zip, 3 bytes",
        "uploading glue/2/heavy.py, 3 bytes",
        "s3://upload-first: 2 of 2 files uploaded, 0 were there",
    ]
    there = aws.client("s3").head_object(Bucket=bucket, Key=KEYS[0], ChecksumMode="ENABLED")
    assert there["ChecksumSHA256"] == b64encode(sha256(b"job").digest()).decode()


def test_what_is_there_is_not_uploaded_again_whoever_uploaded_it(aws: Aws) -> None:
    bucket, said = make(aws, "upload-again"), list[str]()
    aws.client("s3").put_object(Bucket=bucket, Key="handlers/1/base.zip", Body=b"zip")  # without SHA-256, as by hand
    upload_artifacts(aws, bucket, ARTIFACTS, lambda line: None)
    before = aws.client("s3").list_objects_v2(Bucket=bucket)["Contents"]
    upload_artifacts(aws, bucket, ARTIFACTS, said.append)
    assert said == ["s3://upload-again: 0 of 2 files uploaded, 2 were there"]
    assert aws.client("s3").list_objects_v2(Bucket=bucket)["Contents"] == before


def test_other_content_under_a_key_is_never_overwritten(aws: Aws) -> None:
    bucket = make(aws, "upload-other")
    aws.client("s3").put_object(Bucket=bucket, Key="handlers/1/base.zip", Body=b"other")
    with pytest.raises(SetupError) as caught:
        upload_artifacts(aws, bucket, ARTIFACTS, lambda line: None)
    assert str(caught.value) == (
        f"s3://upload-other/handlers/1/base.zip: its SHA-256 is {objects.sha256_of(b'other')}, not "
        f"{objects.sha256_of(b'zip')}, and ceap overwrites nothing; find out who wrote it, and delete it"
    )
    assert contents(aws, bucket) == {"handlers/1/base.zip": b"other"}


def test_two_uploads_at_once_both_succeed(aws: Aws) -> None:
    bucket, barrier, said = make(aws, "upload-both"), threading.Barrier(2), list[str]()

    def say(line: str) -> None:
        said.append(line)
        if line.startswith("uploading handlers"):
            barrier.wait(10)  # both have seen that the zip is not there

    threads = [threading.Thread(target=upload_artifacts, args=(aws, bucket, ARTIFACTS, say)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert contents(aws, bucket) == {"handlers/1/base.zip": b"zip", "glue/2/heavy.py": b"job"}
    assert len([line for line in said if "files uploaded" in line]) == 2


def test_a_missing_bucket_names_the_foundation(aws: Aws) -> None:
    with pytest.raises(SetupError, match=r"^s3://upload-nowhere: there is no such bucket; deploy the foundation of"):
        upload_artifacts(aws, "upload-nowhere", ARTIFACTS, lambda line: None)


def test_every_call_names_the_account_that_the_bucket_must_belong_to(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    bucket, owners = make(aws, "upload-owner"), list[Any]()
    events = aws.client("s3").meta.events
    events.register("provide-client-params.s3", lambda params, **_: owners.append(params.get("ExpectedBucketOwner")))
    upload_artifacts(aws, bucket, ARTIFACTS, lambda line: None)
    contents(aws, bucket)
    assert set(owners) == {aws.account}
    assert len(owners) > 5


def test_without_a_job_there_is_no_prefix_of_jobs() -> None:
    artifacts = Artifacts({"base.zip": Package(b"zip", ())}, {}, "handlers/1/", None)
    assert artifacts.parameters == {"HandlersPrefix": "handlers/1/"}
    assert artifacts.objects == {"handlers/1/base.zip": b"zip"}
