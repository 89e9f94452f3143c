"""Changed templates, and what the vocabulary says of them."""

import copy
import json

from ceap.cfn.template import Template, parse_template
from ceap.policy.vocabulary.known import unknown
from tests.policy.broken import base
from tests.policy.changes import Change
from tests.policy.samples import Json


def changed(kind: str, change: Change) -> Template:
    data: Json = copy.deepcopy(base(kind).data)
    change(data)
    return parse_template(json.dumps(data), "changed.json")


def whats(template: Template) -> list[str]:
    return [found.what for found in unknown(template)]
