"""The workflow bucket and the artifact bucket."""

from typing import Any

from troposphere import GetAtt, If, Join, Ref, Sub, Template, s3

from handlers.runtime.contract import EXECUTIONS_PREFIX
from templates import naming, permissions
from templates.budget import EXECUTIONS_DAYS
from templates.resources.adoption import add_adoption, made_or_adopted
from templates.resources.encryption import if_key, key_if_any
from templates.resources.retention import KEEP


def add_workflow_bucket(template: Template) -> If:
    """Add the bucket that stages pass their data through; return its name.

    Source: requirements 2.5 to 2.7, property 7; Amazon S3 User Guide, "Lifecycle configuration elements".
    """
    return _add_bucket(
        template,
        naming.WORKFLOW_BUCKET_ID,
        naming.WORKFLOW_BUCKET,
        "Name of an existing bucket to adopt for the data of executions, which deletes executions/ after "
        f"{EXECUTIONS_DAYS} days; empty makes a new one",
        "delete-executions",
        Prefix=EXECUTIONS_PREFIX,
        ExpirationInDays=EXECUTIONS_DAYS,
    )


def add_artifact_bucket(template: Template) -> If:
    """Add the bucket that holds the zips of the functions; return its name."""
    description = "Name of an existing bucket to adopt for code and records of deployments; empty makes a new one"
    return _add_bucket(template, naming.ARTIFACT_BUCKET_ID, naming.ARTIFACT_BUCKET, description, "abort-uploads")


def _add_bucket(template: Template, logical_id: str, name: str, description: str, rule_id: str, **expiry: Any) -> If:
    condition = add_adoption(template, logical_id, description)
    abort = s3.AbortIncompleteMultipartUpload(DaysAfterInitiation=1)
    rule = s3.LifecycleRule(Id=rule_id, Status="Enabled", **expiry, AbortIncompleteMultipartUpload=abort)
    template.add_resource(
        s3.Bucket(
            logical_id,
            Condition=condition,
            BucketName=Sub(name),
            BucketEncryption=s3.BucketEncryption(
                ServerSideEncryptionConfiguration=[
                    s3.ServerSideEncryptionRule(
                        ServerSideEncryptionByDefault=s3.ServerSideEncryptionByDefault(
                            SSEAlgorithm=if_key("aws:kms", "AES256"), KMSMasterKeyID=key_if_any()
                        ),
                        BucketKeyEnabled=if_key(True),
                    )
                ]
            ),
            PublicAccessBlockConfiguration=s3.PublicAccessBlockConfiguration(
                BlockPublicAcls=True, BlockPublicPolicy=True, IgnorePublicAcls=True, RestrictPublicBuckets=True
            ),
            OwnershipControls=s3.OwnershipControls(
                Rules=[s3.OwnershipControlsRule(ObjectOwnership="BucketOwnerEnforced")]
            ),
            LifecycleConfiguration=s3.LifecycleConfiguration(Rules=[rule]),
            **KEEP,
        )
    )
    arn = GetAtt(logical_id, "Arn")
    template.add_resource(
        s3.BucketPolicy(
            f"{logical_id}Policy",
            Condition=condition,
            Bucket=Ref(logical_id),
            # Join, not Sub: AWS Control Tower's own rule reads only this form.
            PolicyDocument=permissions.tls_only("s3", arn, Join("", [arn, "/*"])),
            **KEEP,
        )
    )
    return made_or_adopted(logical_id)
