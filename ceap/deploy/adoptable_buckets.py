"""Whether a bucket that the foundation is to adopt can serve it.

Sources: Amazon S3 User Guide, "Lifecycle configuration elements", "Security best practices for Amazon S3" and "Using
server-side encryption with AWS KMS keys"; AWS Lambda API Reference, "FunctionCode": a bucket of the same Region.
"""

import json
from collections.abc import Iterator
from typing import Any, Final

from ceap.aws.session import Aws
from ceap.cfn.adopted import TLS_ONLY
from ceap.cfn.lookup import at, items
from ceap.deploy.problem import Problem, look, unread
from ceap.deploy.resource_policies import denies_plain, other_denials, statements_of
from handlers.runtime.contract import EXECUTIONS_PREFIX
from templates import naming
from templates.budget import EXECUTIONS_DAYS
from templates.deploy_permissions import UPLOADED

_RULE: Final = (
    f'{{"ID": "delete-executions", "Status": "Enabled", "Filter": {{"Prefix": "{EXECUTIONS_PREFIX}"}}, "Expiration": '
    f'{{"Days": {EXECUTIONS_DAYS}}}, "NoncurrentVersionExpiration": {{"NoncurrentDays": {EXECUTIONS_DAYS}}}, '
    '"AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1}}'
)


def bucket_problems(aws: Aws, logical_id: str, bucket: str, key: str) -> Iterator[Problem]:
    """Yield what keeps a bucket from serving as one of the foundation's, fatal or not; `key` is the customer key."""
    s3, place = aws.client("s3"), f"bucket {bucket}"
    mine = {"Bucket": bucket, "ExpectedBucketOwner": aws.account}
    found = look(lambda: s3.head_bucket(**mine))
    if found is None:
        cure = f"correct {naming.adoption(logical_id)}, or leave it out: ceap then makes one"
        yield Problem(place=place, what="does not exist", cure=cure)
        return
    if isinstance(found, str):
        what = (
            "is of another account, or AWS refuses s3:ListBucket on it to this identity: whether it fits is not known"
        )
        cure = (
            f"correct {naming.adoption(logical_id)}, grant the action, or go on if you know that it is yours and fits"
        )
        yield Problem(place=place, what=what, cure=cure, is_fatal=False)
        return
    if (region := found.get("BucketRegion", aws.region)) != aws.region:
        yield Problem(place=place, what=f"is in {region}", cure=f"adopt one in {aws.region}")
    yield from _encryption_problems(place, key, look(lambda: s3.get_bucket_encryption(**mine)))
    yield from _access_problems(place, look(lambda: s3.get_public_access_block(**mine)))
    yield from _policy_problems(place, look(lambda: s3.get_bucket_policy(**mine)), f"arn:{aws.partition}:s3:::{bucket}")
    rules = look(lambda: s3.get_bucket_lifecycle_configuration(**mine))
    versioning = look(lambda: s3.get_bucket_versioning(**mine))
    if refused := [answer for answer in (rules, versioning) if isinstance(answer, str)]:
        yield unread(place, refused)
    elif logical_id == naming.WORKFLOW_BUCKET_ID:
        yield from _expiry_problems(place, items(at(rules, "Rules")), at(versioning, "Status") is not None)
    else:
        yield from _code_problems(place, items(at(rules, "Rules")))


def _expiry_problems(place: str, rules: list[Any], is_versioned: bool) -> Iterator[Problem]:
    """Yield a problem unless executions are deleted after their days, and no sooner."""
    wanted = f"objects below {EXECUTIONS_PREFIX} after {EXECUTIONS_DAYS} days"
    active = [rule for rule in rules if rule.get("Status") == "Enabled"]
    own = [
        rule
        for rule in active
        if _prefix(rule) == EXECUTIONS_PREFIX and at(rule, "Expiration", "Days") == EXECUTIONS_DAYS
    ]
    others = [rule for rule in active if rule not in own and _meets(rule, EXECUTIONS_PREFIX)]
    if not own:
        yield Problem(place=place, what=f"does not delete {wanted}", cure=f"add the lifecycle rule {_RULE}")
    elif is_versioned and not any(map(_ends_versions, own)):
        what = f"has versions, and does not delete those of {wanted}"
        yield Problem(place=place, what=what, cure=f"make the lifecycle rule {_RULE}")
    for rule in others:
        if _ends_within(rule, EXECUTIONS_DAYS):
            what = f"its lifecycle rule {rule.get('ID')} deletes or moves {EXECUTIONS_PREFIX} sooner"
            yield Problem(place=place, what=what, cure="narrow that rule to other prefixes")


def _code_problems(place: str, rules: list[Any]) -> Iterator[Problem]:
    for rule in rules:
        met = [folder for folder in UPLOADED if rule.get("Status") == "Enabled" and _meets(rule, f"{folder}/")]
        if met and _ends_within(rule, None):
            what = f"its lifecycle rule {rule.get('ID')} deletes or moves what functions run: {', '.join(met)}"
            yield Problem(place=place, what=what, cure="narrow that rule to other prefixes")


def _ends_within(rule: Any, days: int | None) -> bool:
    """Tell whether a rule deletes an object, or moves it to another storage class, within so many days; None: ever."""
    ends = [end for end in (at(rule, "Expiration"), *items(rule.get("Transitions"))) if end]
    return any("Date" in end or ("Days" in end and (days is None or end["Days"] < days)) for end in ends)


def _ends_versions(rule: Any) -> bool:
    """Tell whether a rule deletes all older versions within the days of executions, and keeps none for their number."""
    older = at(rule, "NoncurrentVersionExpiration")
    days = at(older, "NoncurrentDays")
    return days is not None and days <= EXECUTIONS_DAYS and not at(older, "NewerNoncurrentVersions")


def _prefix(rule: Any) -> str | None:
    """Return the prefix of a rule that has no other filter; None of one that has."""
    conditions = at(rule, "Filter") or {"Prefix": rule.get("Prefix", "")}
    return str(conditions["Prefix"]) if list(conditions) == ["Prefix"] else "" if not conditions else None


def _meets(rule: Any, folder: str) -> bool:
    """Tell whether a rule may be about objects below a folder."""
    prefix = _prefix(rule)
    if prefix is None:
        prefix = str(at(rule, "Filter", "And", "Prefix") or "")
    return prefix.startswith(folder) or folder.startswith(prefix)


def _encryption_problems(place: str, key: str, found: Any) -> Iterator[Problem]:
    if isinstance(found, str):
        yield unread(place, [found])
        return
    for rule in items(at(found, "ServerSideEncryptionConfiguration", "Rules")):
        used = at(rule, "ApplyServerSideEncryptionByDefault", "KMSMasterKeyID")
        if not used or used == key or key.endswith(f":key/{used}"):
            continue
        cure = f"set {naming.KMS_KEY_PARAMETER} to the ARN of that key"
        if key and ":alias/" in f":{used}":
            what = f"is encrypted under {used}, and whether that is {key} is not known"
            yield Problem(place=place, what=what, cure=f"{cure}, or go on if you know it", is_fatal=False)
        else:
            what = f"is encrypted under {used}, which the roles of ceap may not use"
            yield Problem(place=place, what=what, cure=cure)


def _access_problems(place: str, found: Any) -> Iterator[Problem]:
    if isinstance(found, str):
        yield unread(place, [found])
    elif not all((at(found, "PublicAccessBlockConfiguration") or {"BlockPublicAcls": False}).values()):
        yield Problem(
            place=place,
            what="does not block public access",
            cure="let its owner block it, unless the account does",
            is_fatal=False,
        )


def _policy_problems(place: str, found: Any, arn: str) -> Iterator[Problem]:
    """Yield that requests without TLS are allowed; `arn` is the bucket's."""
    if isinstance(found, str):
        yield unread(place, [found])
        return
    statements = statements_of(at(found, "Policy"))
    if not denies_plain(statements, "s3", arn, f"{arn}/*"):
        denial = {
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:*",
            "Resource": [arn, f"{arn}/*"],
            "Condition": TLS_ONLY,
        }
        cure = f"add the statement {json.dumps(denial)}"
        yield Problem(place=place, what="its policy allows requests without TLS", cure=cure)
    cure = "see that it does not match the roles of functions and jobs"
    yield from other_denials(place, statements, "the workflows", cure)
