from __future__ import annotations

import copy
import json
from functools import cache
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from ceap.cfn.template import Template, parse_template
from ceap.deploy.diff.compare import compare
from ceap.deploy.diff.describe import describe
from templates.document import parse_document, walk_scalars
from tests.deploy.diff.support import synthesized
from tests.policy.samples import KINDS, MORE, golden
from tests.strategies import declarations, standard_declarations, triggered_declarations

SAMPLES = (*KINDS, *MORE)


def other(value: Any) -> Any:
    """Return another value of the same type."""
    match value:
        case bool():
            return not value
        case str():
            return f"{value}x"
        case _:
            return value + 1


def changed(template: Template, path: str) -> Template:
    """Return a template with another value at a path, also inside the definition of a state machine."""
    data = copy.deepcopy(parse_document(template.text).data)
    place, _, inner = path.partition("/DefinitionString/")
    *above, last = place.split("/")[1:] + (["DefinitionString"] if inner else [])
    owner = data
    for step in above:
        owner = owner[int(step) if isinstance(owner, list) else step]
    key: Any = int(last) if isinstance(owner, list) else last
    owner[key] = changed_text(owner[key], inner) if inner else other(owner[key])
    return parse_template(json.dumps(data), template.file)


def changed_text(text: str, path: str) -> str:
    owner = whole = json.loads(text)
    *above, last = path.split("/")
    for step in above:
        owner = owner[int(step) if isinstance(owner, list) else step]
    key: Any = int(last) if isinstance(owner, list) else last
    owner[key] = other(owner[key])
    return json.dumps(whole)


@cache
def leaves(sample: str) -> list[str]:
    """Return the paths of all values of a template, and of those inside definitions, null and {} without."""
    template = golden(sample)
    found = [path for path, _ in walk_scalars(parse_document(template.text).data)]
    for path, text in template.written_definitions.items():
        found += [f"{path}{below}" for below, value in walk_scalars(json.loads(text)) if value is not None]
    return found


@settings(max_examples=15)  # an example takes a tenth of a second
@given(declarations() | standard_declarations() | triggered_declarations())
def test_a_workflow_does_not_differ_from_itself(declaration: dict[str, Any]) -> None:
    template = synthesized(declaration)
    assert compare(template, template).changes == ()


@settings(max_examples=25)
@given(st.data())
def test_every_changed_value_of_a_template_is_told(data: st.DataObject) -> None:
    sample = data.draw(st.sampled_from(SAMPLES))
    one = golden(sample)
    two = changed(one, data.draw(st.sampled_from(leaves(sample))))
    for sides in ((one, two), (two, one)):
        diff = compare(*sides)
        assert diff.changes != ()
        assert describe(diff).startswith(f"{one.file}: ")
