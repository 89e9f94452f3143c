"""A role allows what its owner uses: a missing grant fails at run time, an unused grant widens access.

The check judges roles whose users are all known: functions with a handler of the project, jobs and state machines that
a definition drives, pipes from a queue. Source: requirement 11.9, properties 40 and 42.
"""

import re
from collections import defaultdict
from collections.abc import Iterator
from typing import Final, NamedTuple

from ceap.cfn.lookup import FUNCTION, Resource, items, owners, pointed_at, resources
from ceap.cfn.own import is_own
from ceap.cfn.template import Template
from ceap.iam.arn import resolve
from ceap.iam.documents import PolicyDocument, documents
from ceap.iam.matching import matches
from ceap.iam.services import takes
from ceap.policy.catalogue import Entry
from ceap.policy.finding import Fault
from ceap.policy.uses import Permission, as_aws_lists, condition_text, has_key, uses
from templates.document import walk_scalars

RULE: Final = "P42_GRANTS_ARE_USES"
ENTRY: Final = Entry(
    title="A role allows what its owner uses, and nothing else",
    why="A missing grant fails at run time, perhaps only while a failure is handled; an unused grant widens access.",
    fix=(
        "Add or remove the grant that the finding names; declare what a handler needs beside its input and "
        "output in its NEEDS."
    ),
    property=42,
    requirement=("11.9",),
    source="https://docs.aws.amazon.com/IAM/latest/UserGuide/best-practices.html#grant-least-privilege",
)

# The properties by which a resource acts as a role are all called so; what a template names may be called anything.
_OWN_NAMES: Final = "/(Tags|Variables|DefinitionSubstitutions|Fn::Sub)/"
_GIVES_ROLE: Final = re.compile(rf"((?!{_OWN_NAMES}).)*/[A-Za-z]*[Rr]oles?(A[Rr][Nn]s?|Name)?/.*")


class _Granted(NamedTuple):
    """A grant of a policy, and the places of its action, of its resource and of the statement."""

    grant: Permission
    action: str
    resource: str
    statement: str


def check(template: Template) -> Iterator[Fault]:
    policies = [document for document in documents(template) if not document.is_trust]
    for role, users in _roles(template):
        expected: set[Permission] = set()
        known = [uses(template, user) for user in users]
        for used in known:
            expected |= used or set()
        if None in known:
            continue
        who = " and ".join(user.logical_id for user in users)
        granted = [each for policy in policies if _is_of(template, policy, role) for each in _granted(template, policy)]
        granted = _spelt_alike(expected, [each for each in granted if has_key(template) or not _is_on_key(each)])
        declares = any(user.type == FUNCTION for user in users)
        yield from _superfluous(who, granted, expected | as_aws_lists(expected), declares=declares)
        if not role.properties.get("ManagedPolicyArns"):  # what these grant is not in the template
            yield from _missing(who, role, granted, expected)


def _roles(template: Template) -> Iterator[tuple[Resource, list[Resource]]]:
    """Yield each role with the resources that act as it, if no other resource of the template is given it.

    A text that names it, e.g. of a tag, gives nobody what it may do. Not those of which all is a team's own: what such
    resources use, nobody declared.
    """
    acting: dict[str, dict[str, Resource]] = defaultdict(dict)
    roles = {}
    for owner, role in owners(template):
        acting[role.logical_id][owner.logical_id] = owner
        roles[role.logical_id] = role
    for other in resources(template):
        for path, value in walk_scalars(other.properties) if not other.type.startswith("AWS::IAM::") else ():
            is_given = path.endswith(("/Ref", "/Fn::GetAtt/0")) and _GIVES_ROLE.fullmatch(path) and value in roles
            if is_given and other.logical_id not in acting[value]:
                del roles[value]
    for logical_id, role in roles.items():
        users = list(acting[logical_id].values())
        if not all(is_own(template, each) for each in (role, *users)):
            yield role, users


def _is_of(template: Template, policy: PolicyDocument, role: Resource) -> bool:
    if policy.resource.type not in ("AWS::IAM::Policy", "AWS::IAM::RolePolicy", "AWS::IAM::ManagedPolicy"):
        return policy.resource.logical_id == role.logical_id
    attached = items(policy.resource.properties.get("Roles")) + items(policy.resource.properties.get("RoleName"))
    return role in [pointed_at(template, value) for value in attached]


def _granted(template: Template, policy: PolicyDocument) -> Iterator[_Granted]:
    for statement in policy.statements:
        condition = condition_text(template, statement.body.get("Condition"))
        for action in statement.texts("Action") if statement.body["Effect"] == "Allow" else ():
            for resource in statement.entries("Resource"):
                when = tuple(dict.fromkeys(action.when + resource.when))
                grant = Permission(action.value, resolve(template, resource.value), condition, when)
                yield _Granted(grant, action.path, resource.path, statement.path)


def _is_on_key(granted: _Granted) -> bool:
    return granted.grant.action.startswith("kms:")


def _spelt_alike(expected: set[Permission], granted: list[_Granted]) -> list[_Granted]:
    """Return the grants with actions spelt like the expected ones: IAM does not distinguish capitals."""
    letters = {grant.action.lower(): grant.action for grant in expected}
    return [
        each._replace(grant=each.grant._replace(action=letters.get(each.grant.action.lower(), each.grant.action)))
        for each in granted
    ]


def _superfluous(who: str, granted: list[_Granted], expected: set[Permission], *, declares: bool) -> Iterator[Fault]:
    """Yield a fault for each grant that is not used, or has no effect because no action applies to its resource.

    `declares` says that NEEDS of a handler may declare the use.
    """
    in_needs = ", or declare it in NEEDS of the handler" if declares else ""
    blamed: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    actions = {grant.action for grant in expected}
    taken = {place for (action, arn, *_), _, place, _ in granted if takes(action, arn)}
    for (action, arn, condition, when), place, resource_place, statement in granted:
        if Permission(action, arn, condition, when) in expected:
            continue
        if not takes(action, arn):
            if action in actions and resource_place not in taken:
                blamed[resource_place, f"on {arn}", "remove the resource, it grants nothing"].append(action)
        elif same := [grant for grant in expected if (grant.action, grant.resource) == (action, arn)]:
            text = f"on {arn}{_under(condition, when)}"
            blamed[
                statement, text, f"grant it{_under(same[0].condition, same[0].when) or ' without condition'}"
            ].append(action)
        elif action in actions:
            blamed[resource_place, f"on {arn}", f"grant it only on what is used{in_needs}"].append(action)
        else:
            blamed[place, "at all", f"remove the action{in_needs}"].append(action)
    for (path, text, cure), names in blamed.items():
        yield Fault(path, f"{who} does not use {', '.join(dict.fromkeys(names))} {text}", cure)


def _missing(who: str, role: Resource, granted: list[_Granted], expected: set[Permission]) -> Iterator[Fault]:
    lacking: dict[tuple[str, str, tuple[str, ...]], list[str]] = defaultdict(list)
    for use in sorted(expected):
        if not any(_covers(each.grant, use) for each in granted):
            lacking[use.resource, use.condition, use.when].append(use.action)
    for (arn, condition, when), names in lacking.items():
        near = (each.statement for each in granted if each.grant.action in names)
        what = f"{who} uses {', '.join(names)} on {arn}, which is not granted"
        yield Fault(next(near, role.path("Policies")), what, f"grant it{_under(condition, when)}")


def _covers(grant: Permission, use: Permission) -> bool:
    return (
        matches(grant.action.lower(), use.action.lower())
        and matches(grant.resource, use.resource)
        and grant.condition in ("", use.condition)
        and set(grant.when) <= set(use.when)
    )


def _under(condition: str, when: tuple[str, ...]) -> str:
    return (f" under {condition}" if condition else "") + (f" with Fn::If {' and '.join(when)}" if when else "")
