"""Log groups: created by the template, which sets their retention, so that no role needs to create one."""

from troposphere import Sub, Template, logs

from templates.model import LOG_RETENTION_DAYS
from templates.resources.encryption import key_if_any
from templates.resources.retention import DROP


def add_log_group(template: Template, logical_id: str, name: str) -> str:
    """Add a log group of 14 days (requirement 9.3); return its logical id."""
    template.add_resource(
        logs.LogGroup(
            logical_id, LogGroupName=Sub(name), RetentionInDays=LOG_RETENTION_DAYS, KmsKeyId=key_if_any(), **DROP
        )
    )
    return logical_id
