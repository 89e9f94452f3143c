"""A stack of ceap holds what ceap writes, and nothing else: what no rule speaks of would pass unjudged.

Templates of other kinds are not judged: they hold what their authors need. Source: `ceap/policy/vocabulary/`.
"""

from collections.abc import Iterator
from typing import Final

from ceap.cfn.own import without_own
from ceap.cfn.template import Template
from ceap.policy.catalogue import Entry
from ceap.policy.finding import Fault
from ceap.policy.vocabulary import KNOWN_RESOURCES
from ceap.policy.vocabulary.declared import undeclared
from ceap.policy.vocabulary.known import unknown

RULE: Final = KNOWN_RESOURCES
ENTRY: Final = Entry(
    title="A stack that ceap makes holds only the types, properties and values that ceap writes",
    why=(
        "A rule judges what it knows. A log subscription, an archive or a delay that no rule speaks of would send data "
        "elsewhere, or stop a workflow, unnoticed."
    ),
    fix="Remove it, or accept it with a waiver of CFN06_KNOWN_RESOURCES and a reason; all other rules still judge it.",
    source="https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-template-resource-type-ref.html",
)


def check(template: Template) -> Iterator[Fault]:
    yield from unknown(without_own(template))
    yield from undeclared(template)
