"""Uploads to the artifact bucket: only what is not there, verified by its SHA-256, and never over other content."""

from collections.abc import Callable, Mapping

from ceap.deploy.artifacts import Artifacts
from ceap.deploy.aws import Aws


def upload_artifacts(aws: Aws, bucket: str, artifacts: Artifacts, say: Callable[[str], None]) -> Mapping[str, str]:
    """Upload what the bucket lacks, and return the template's parameters HandlersPrefix and GluePrefix.

    Raises:
        SetupError: the bucket is missing or not ours, or has other content under a key of ours.
    """
    raise NotImplementedError
