"""What a role's policies grant, and what of it a run used."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from ceap.iam.matching import matches
from ceap.local.page.amounts import count
from ceap.local.page.markup import Markup, element, join, note, within
from ceap.local.sessions import Decision

SHOWN_MAX: Final = 60
BYTES_MAX: Final = 250_000
# The engine produces no traces, keeps no keys, and writes the logs of a state machine without their delivery.
_NEVER_CALLED: Final = re.compile("xray:.*|kms:.*|logs:(Describe.*|.*LogDeliver(y|ies)|.*ResourcePolic(y|ies))")


class Call(NamedTuple):
    """An action on a resource, or on a pattern of a grant, and how often it was called."""

    action: str
    resource: str
    calls: int


class RoleUse(NamedTuple):
    """A role: who has it, its ARN, its grants with their calls, and the calls that were denied, each in order."""

    owner: str
    role: str
    grants: Sequence[Call]
    denied: Sequence[Call]


def read_use(owner: str, role: str, grants: Iterable[tuple[str, str]], decisions: Mapping[Decision, int]) -> RoleUse:
    """Return the use of a role; `decisions` are those of all roles, with their number.

    A call counts for each grant that allows it.
    """
    own = {decision: number for decision, number in decisions.items() if decision.role == role}
    used = [
        Call(action, resource, sum(number for decision, number in own.items() if _allows(action, resource, decision)))
        for action, resource in sorted(grants)
    ]
    denied = [Call(one.action, one.resource, number) for one, number in own.items() if not one.allowed]
    return RoleUse(owner, role, used, sorted(denied))


def describe_roles(roles: Sequence[RoleUse]) -> Markup:
    """Return a table for each role: denied calls, used grants, unused ones."""
    shown, left_out = within(map(_role, roles), BYTES_MAX, "role")
    return join([shown, note(left_out)])


def _role(use: RoleUse) -> Markup:
    expected = [grant for grant in use.grants if grant.calls or not _NEVER_CALLED.fullmatch(grant.action)]
    used = [grant for grant in expected if grant.calls]
    said = f"{len(used)} of {count(len(expected), 'grant')} used"
    said += f", {count(sum(call.calls for call in use.denied), 'call')} denied" if use.denied else ""
    groups = [
        _group("Denied", use.denied, "denied"),
        _group("Granted and used", used, "used"),
        _group("Granted, not used in this run", [grant for grant in expected if not grant.calls], "unused"),
    ]
    head = [element("th", name, scope="col") for name in ("action", "resource")]
    head.append(element("th", "calls", scope="col", class_="number"))
    name = element("code", use.role.rpartition("/")[2])
    parts = [
        element("h3", use.owner, " ", element("small", said)),
        element("table", element("caption", "role ", name), element("thead", element("tr", *head)), *groups),
    ]
    if never := sorted({grant.action for grant in use.grants} - {grant.action for grant in expected}):
        parts.append(element("p", f"Granted for calls that are made only on AWS: {', '.join(never)}", class_="quiet"))
    return element("section", *parts, class_="role")


def _group(title: str, calls: Sequence[Call], class_: str) -> Markup:
    """Return some rows of a role's table under their title; nothing if there are none."""
    if not calls:
        return Markup()
    more = len(calls) - SHOWN_MAX
    full = f"{title}, {more:,} more left out" if more > 0 else title
    rows = [
        element(
            "tr",
            element("th", element("code", call.action), scope="row"),
            element("td", element("code", _short(call.resource))),
            element("td", f"{call.calls:,}", class_="number"),
        )
        for call in calls[:SHOWN_MAX]
    ]
    return element("tbody", element("tr", element("th", full, scope="rowgroup", colspan=3)), *rows, class_=class_)


def _allows(action: str, resource: str, decision: Decision) -> bool:
    return (
        decision.allowed and matches(action.lower(), decision.action.lower()) and matches(resource, decision.resource)
    )


def _short(arn: str) -> str:
    """Return an ARN without partition, region and account: the same in all ARNs of a run."""
    return re.sub(r"^arn:aws:([a-z0-9-]+):[a-z0-9-]*:(\d{12})?:", r"\1:", arn)
