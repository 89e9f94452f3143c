"""ignore_checks names each rule of cfn-lint by its whole id: the beginning of an id also turns off errors.

Source: cfn-lint's README, "Template metadata".
"""

from collections.abc import Iterator
from typing import Any, Final

from ceap.cfn.lookup import at, items
from ceap.cfn.template import Template
from ceap.policy.catalogue import Entry
from ceap.policy.finding import Fault
from ceap.policy.waiver import LINT

RULE: Final = "CFN05_LINT_JUDGES"
ENTRY: Final = Entry(
    title="ignore_checks names each rule of cfn-lint by its whole id",
    why=(
        "The beginning of an id, such as E, turns off every rule that starts with it, errors too, and no report "
        "shows them."
    ),
    fix="Name the one rule, e.g. `ignore_checks: [E3012]`, or waive it with a reason.",
    source="https://github.com/aws-cloudformation/cfn-lint#metadata",
)

_PLACE: Final = ("Metadata", "cfn-lint", "config", "ignore_checks")


def check(template: Template) -> Iterator[Fault]:
    for path, ignored in _ignored(template):
        if isinstance(ignored, str) and not LINT.fullmatch(ignored):
            yield Fault(path, f"{ignored!r} turns off many rules of cfn-lint", "name the one, e.g. E3012")


def _ignored(template: Template) -> Iterator[tuple[str, Any]]:
    places = [("", template.data), *((f"/Resources/{name}", each) for name, each in template.data["Resources"].items())]
    for place, value in places:
        for index, ignored in enumerate(items(at(value, *_PLACE))):
            yield f"{place}/{'/'.join(_PLACE)}/{index}", ignored
