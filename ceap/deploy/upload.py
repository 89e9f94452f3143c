"""Uploads to the artifact bucket: only what is not there, verified by its SHA-256, and never over other content."""

from collections.abc import Callable, Mapping

from ceap.aws import bucket as objects
from ceap.aws.session import Aws
from ceap.deploy.artifacts import Artifacts
from ceap.errors import SetupError


def upload_artifacts(aws: Aws, bucket: str, artifacts: Artifacts, say: Callable[[str], None]) -> Mapping[str, str]:
    """Upload what the bucket lacks, and return the values of the templates' parameters HandlersPrefix and GluePrefix.

    Raises:
        SetupError: the bucket is missing or not ours, or has other content under a key of ours.
    """
    uploaded = 0
    for key, content in artifacts.objects.items():
        if not _is_there(aws, bucket, key, content):
            say(f"uploading {key}, {len(content):,} bytes")
            if objects.put_new(aws, bucket, key, content):
                uploaded += 1
            else:  # somebody else was quicker
                _is_there(aws, bucket, key, content)
    there = len(artifacts.objects) - uploaded
    say(f"s3://{bucket}: {uploaded} of {len(artifacts.objects)} files uploaded, {there} were there")
    return artifacts.parameters


def _is_there(aws: Aws, bucket: str, key: str, content: bytes) -> bool:
    """Tell whether an object is there; SetupError if it has another content."""
    found = objects.read_sha256(aws, bucket, key)
    if found is not None and found != (due := objects.sha256_of(content)):
        raise SetupError(
            f"s3://{bucket}/{key}: its SHA-256 is {found}, not {due}, and ceap overwrites nothing; find out who wrote "
            "it, and delete it"
        )
    return found is not None
