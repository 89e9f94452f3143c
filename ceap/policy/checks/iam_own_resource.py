"""The policy of a bucket, queue or topic names that bucket, queue or topic: AWS refuses or ignores any other.

Source: Amazon S3, SQS and SNS Developer Guides on their policies.
"""

from collections.abc import Iterator
from typing import Final

from ceap.cfn.lookup import BUCKET, QUEUE, TOPIC, items, pointed_at
from ceap.cfn.template import Template
from ceap.iam.arn import resolve, split_arn
from ceap.iam.documents import PolicyDocument, documents
from ceap.iam.matching import matches
from ceap.policy.catalogue import Entry
from ceap.policy.finding import Fault

RULE: Final = "IAM05_POLICY_OF_ITS_RESOURCE"
ENTRY: Final = Entry(
    title="The policy of a bucket, queue or topic names that bucket, queue or topic",
    why="AWS refuses or ignores a statement on another resource, so the one that the policy is attached to stays open.",
    fix="In Resource, name what the policy is attached to, e.g. `Resource: [!GetAtt Queue.Arn]`.",
    requirement=("11.9",),
    source="https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html",
)

_ATTACHED: Final = {
    "AWS::S3::BucketPolicy": ("Bucket", BUCKET),
    "AWS::SQS::QueuePolicy": ("Queues", QUEUE),
    "AWS::SNS::TopicPolicy": ("Topics", TOPIC),
}


def check(template: Template) -> Iterator[Fault]:
    for document in documents(template):
        names = _names(template, document)
        for statement in document.statements if names else ():
            for entry in statement.entries("Resource"):
                parts = split_arn(resolve(template, entry.value))
                if parts and not any(matches(parts[5].partition("/")[0], name) for name in names):
                    what = f"the policy of {' and '.join(names)} names {parts[5]}"
                    yield Fault(entry.path, what, "name the resource itself")


def _names(template: Template, document: PolicyDocument) -> list[str]:
    """Return the names of what the policy is attached to; none where one of them is another stack's."""
    key, kind = _ATTACHED.get(document.resource.type, ("", ""))
    names = []
    for value in items(document.resource.properties.get(key)):
        found = pointed_at(template, value)
        if not (found and found.type == kind):
            return []
        arn = split_arn(resolve(template, {"Fn::GetAtt": [found.logical_id, "Arn"]}))
        names.append(arn[5] if arn else "")
    return names
