"""What the policy documents of a template allow and deny, one action on one resource at a time.

Two documents that grant the same, in other words or another order, give the same grants.
Source: IAM User Guide, "Policy evaluation logic" and "IAM JSON policy elements".
"""

import math
import re
from collections.abc import Iterable, Iterator
from itertools import product
from typing import Any, Final, NamedTuple

from ceap.cfn.lookup import ROLE, items, pointed_at, reference
from ceap.cfn.template import Template
from ceap.iam.arn import resolve
from ceap.iam.documents import PolicyDocument, Statement, documents
from ceap.iam.matching import has_wildcard, includes
from ceap.iam.services import known_actions, spelt

_ATTACHABLE: Final = frozenset(("AWS::IAM::Policy", "AWS::IAM::RolePolicy", "AWS::IAM::ManagedPolicy"))
_WILDCARD: Final = re.compile(r"[*?]")
_ALTERNATIVES_MAX: Final = 256
"""With more values in its conditions than these, a statement is compared as it is written."""


class Set(NamedTuple):
    """A set of actions, resources or principals: what a pattern matches, or all that none of the patterns does."""

    patterns: frozenset[str]
    is_negated: bool = False

    def includes(self, other: "Set") -> bool:
        """Tell whether all of another set is in this one; in doubt it is not."""
        if self.is_negated and other.is_negated:
            return all(any(includes(theirs, ours) for theirs in other.patterns) for ours in self.patterns)
        if self.is_negated:
            return not any(_overlap(ours, theirs) for ours in self.patterns for theirs in other.patterns)
        if other.is_negated:
            return "*" in self.patterns
        return all(any(includes(ours, theirs) for ours in self.patterns) for theirs in other.patterns)

    def in_lower_case(self) -> "Set":
        """Return the set as IAM reads the names of actions."""
        return Set(frozenset(map(str.lower, self.patterns)), self.is_negated)

    def __str__(self) -> str:
        listed = ", ".join(sorted(self.patterns))
        return f"everything but {listed}" if self.is_negated else listed


class Test(NamedTuple):
    """One test of a condition."""

    operator: str
    key: str
    values: frozenset[str]

    def split(self) -> "Iterator[Test]":
        """Yield a test for each value, if one of them suffices; else the test itself."""
        if "Not" in self.operator or self.operator.startswith("ForAllValues"):
            yield self
        else:
            yield from (self._replace(values=frozenset((value,))) for value in sorted(self.values))

    def includes(self, other: "Test") -> bool:
        """Tell whether whatever passes another test passes this one; in doubt it does not."""
        if (self.operator, self.key.lower()) != (other.operator, other.key.lower()):
            return False
        if "Not" in self.operator:
            return self.values <= other.values
        if "Like" in self.operator or self.operator.startswith("Arn"):
            return all(any(includes(ours, theirs) for ours in self.values) for theirs in other.values)
        return self.values >= other.values

    def __str__(self) -> str:
        return f"{self.operator} {self.key} {' or '.join(sorted(self.values))}"


class Grant(NamedTuple):
    """One thing that is allowed or denied; `principals` is None where the role that holds the policy is meant.

    `when` are the conditions of the template under which it is there, `!` before one that must not hold.
    """

    effect: str
    principals: Set | None
    actions: Set
    resources: Set
    tests: frozenset[Test]
    when: frozenset[str]

    def includes(self, other: "Grant") -> bool:
        """Tell whether this grant makes another one superfluous."""
        ours, theirs = self.principals, other.principals
        return (
            self.effect == other.effect
            and self.actions.in_lower_case().includes(other.actions.in_lower_case())
            and self.resources.includes(other.resources)
            and (ours.includes(theirs) if ours and theirs else ours == theirs)
            and all(any(ours.includes(theirs) for theirs in other.tests) for ours in self.tests)
            and self.when <= other.when
        )

    def without_actions(self) -> "Grant":
        """Return what grants of several actions have in common."""
        return self._replace(actions=Set(frozenset()))


def grants(template: Template) -> dict[tuple[str, bool], list[Grant]]:
    """Return the grants of each role or policy, by its logical id and whether they say who may assume the role."""
    found: dict[tuple[str, bool], list[Grant]] = {}
    for document in documents(template):
        listed = [grant for statement in document.statements for grant in _grants(template, statement)]
        for holder in _holders(template, document):
            found.setdefault((holder, document.is_trust), []).extend(listed)
    return found


def not_included(some: Iterable[Grant], others: Iterable[Grant]) -> Iterator[Grant]:
    """Yield the grants of `some`, or of the actions that they stand for, that `others` do not have.

    What an unconditional Deny among `some` takes away is no grant.
    """
    wanted, listed = list(dict.fromkeys(some)), list(others)
    denials = [each._replace(effect="Allow") for each in wanted if each.effect == "Deny"]
    for grant in wanted:
        if any(one.includes(grant) for one in (*listed, *denials)):
            continue
        parts = list(_expanded(grant))
        missing = [part for part in parts if not any(one.includes(part) for one in listed)]
        yield from missing if len(missing) < len(parts) else [grant]


def _holders(template: Template, document: PolicyDocument) -> list[str]:
    """Return the roles of the template that have a policy, or the policy itself where it is on something else."""
    properties = document.resource.properties
    attached = items(properties.get("Roles")) + items(properties.get("RoleName"))
    found = [pointed_at(template, value) for value in attached if document.resource.type in _ATTACHABLE]
    return [role.logical_id for role in found if role and role.type == ROLE] or [document.resource.logical_id]


def _grants(template: Template, statement: Statement) -> Iterator[Grant]:
    tests = list(_alternatives(template, statement.body.get("Condition")))
    effect = str(statement.body["Effect"])
    actions, resources = (list(_sets(template, statement, key)) for key in ("Action", "Resource"))
    for principals in _principals(template, statement):
        for (action, of_action), (resource, of_resource) in product(actions, resources):
            when = frozenset((*of_action, *of_resource))
            yield from (Grant(effect, principals, action, resource, each, when) for each in tests)


def _sets(template: Template, statement: Statement, key: str) -> Iterator[tuple[Set, tuple[str, ...]]]:
    """Yield each action or resource of a statement, with the conditions of the template; all where it names none."""
    named, excluded = statement.entries(key), statement.entries(f"Not{key}")
    yield from ((Set(frozenset((resolve(template, entry.value),))), entry.when) for entry in named)
    if excluded:
        yield Set(frozenset(resolve(template, entry.value) for entry in excluded), is_negated=True), statement.when
    elif not named:
        yield Set(frozenset("*")), statement.when


def _principals(template: Template, statement: Statement) -> Iterator[Set | None]:
    for key in ("Principal", "NotPrincipal"):
        match statement.body.get(key):
            case None:
                continue
            case dict() as kinds if not reference(kinds):
                pairs = ((kind, value) for kind, values in kinds.items() for value in items(values))
                texts = [f"{kind} {resolve(template, value)}" for kind, value in pairs]
            case value:
                texts = [resolve(template, value)]
        if key == "NotPrincipal":
            yield Set(frozenset(texts), is_negated=True)
        else:
            yield from (Set(frozenset((text,))) for text in texts)
        return
    yield None


def _alternatives(template: Template, condition: Any) -> Iterator[frozenset[Test]]:
    """Yield the tests of a condition, for each combination of the values of which one suffices."""
    tests = [
        Test(operator, key, frozenset(resolve(template, value) for value in items(values)))
        for operator, keys in (condition if isinstance(condition, dict) else {}).items()
        for key, values in (keys if isinstance(keys, dict) else {"": keys}).items()
    ]
    choices = [list(test.split()) for test in tests]
    if math.prod(map(len, choices)) > _ALTERNATIVES_MAX:
        yield frozenset(tests)
    else:
        yield from map(frozenset, product(*choices))


def _expanded(grant: Grant) -> Iterator[Grant]:
    """Yield a grant for each action of AWS that its pattern matches."""
    for pattern in () if grant.actions.is_negated else grant.actions.patterns:
        prefix = pattern.partition(":")[0]
        for name in known_actions(pattern) if has_wildcard(pattern) else ():
            yield grant._replace(actions=Set(frozenset((f"{prefix}:{spelt(prefix, name)}",))))


def _overlap(one: str, other: str) -> bool:
    """Tell whether two patterns may match the same text: whether they begin alike up to their first wildcards."""
    heads = [_WILDCARD.split(text)[0] for text in (one, other)]
    if not has_wildcard(one) and not has_wildcard(other):
        return one == other
    return heads[0].startswith(heads[1]) or heads[1].startswith(heads[0])
