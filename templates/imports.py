"""What workflow stacks import from the foundation of their environment."""

from typing import Final

from troposphere import ImportValue, Sub

from templates import naming
from templates.objects import shared

_WORKFLOW_BUCKET: Final = f"${{{naming.WORKFLOW_BUCKET_ID}}}"
_ARTIFACT_BUCKET: Final = f"${{{naming.ARTIFACT_BUCKET_ID}}}"


@shared
def imported(name: str) -> ImportValue:
    """Return the value that the foundation exports under a name, e.g. `WorkflowBucket`."""
    return ImportValue(Sub(naming.export(name)))


def workflow_bucket_arn(objects: str = "") -> Sub:
    """Return the ARN of the workflow bucket or, with a key or a pattern of keys, of objects in it."""
    arn = naming.bucket_arn(_WORKFLOW_BUCKET)
    return _with_bucket(naming.WORKFLOW_BUCKET_ID, f"{arn}/{objects}" if objects else arn)


def artifact_arn(key: str) -> Sub:
    """Return the ARN of an object in the artifact bucket."""
    return _with_bucket(naming.ARTIFACT_BUCKET_ID, naming.bucket_arn(f"{_ARTIFACT_BUCKET}/{key}"))


def artifact_url(key: str) -> Sub:
    """Return the URL of an object in the artifact bucket, as Glue takes it."""
    return _with_bucket(naming.ARTIFACT_BUCKET_ID, f"s3://{_ARTIFACT_BUCKET}/{key}")


@shared
def _with_bucket(bucket: str, text: str) -> Sub:
    return Sub(text, **{bucket: imported(bucket)})
