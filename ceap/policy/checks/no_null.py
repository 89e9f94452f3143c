"""A template contains no null: CloudFormation refuses it, and cfn-lint does not report it.

Source: aws/serverless-application-model#1618, "null values are not allowed in templates".
"""

from collections.abc import Iterator
from typing import Final

from ceap.cfn.template import Template
from ceap.policy.catalogue import Entry
from ceap.policy.finding import Fault
from templates.document import walk_scalars

RULE: Final = "CFN01_NO_NULL"
ENTRY: Final = Entry(
    title="A template contains no null",
    why="CloudFormation refuses null when the template is deployed, and cfn-lint does not report it.",
    fix="Give the key a value, or remove it.",
    source="https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/template-formats.html",
)


def check(template: Template) -> Iterator[Fault]:
    what = "the value is null, which CloudFormation refuses"
    for path, value in walk_scalars(template.data):
        if value is None:
            yield Fault(path, what, "give it a value or remove the key")
