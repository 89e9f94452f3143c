"""ignore_checks names each rule of cfn-lint by its whole id: the beginning of an id also turns off errors.

Source: cfn-lint's README, "Template metadata".
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from ceap.cfn.lookup import at, items
from ceap.cfn.template import Template
from ceap.policy.finding import Finding, finding_at
from ceap.policy.waiver import LINT

RULE: Final = "CFN05_LINT_JUDGES"

_PLACE: Final = ("Metadata", "cfn-lint", "config", "ignore_checks")


def check(template: Template) -> list[Finding]:
    return [
        finding_at(
            template,
            RULE,
            f"[CFN05] {ignored!r} turns off many rules of cfn-lint | fix: name the one, e.g. E3012",
            path,
        )
        for path, ignored in _ignored(template)
        if isinstance(ignored, str) and not LINT.fullmatch(ignored)
    ]


def _ignored(template: Template) -> Iterator[tuple[str, Any]]:
    places = [("", template.data), *((f"/Resources/{name}", each) for name, each in template.data["Resources"].items())]
    for place, value in places:
        for index, ignored in enumerate(items(at(value, *_PLACE))):
            yield f"{place}/{'/'.join(_PLACE)}/{index}", ignored
