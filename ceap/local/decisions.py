"""IAM decisions: pure functions over the statements that `policies` reads.

Where AWS's documentation leaves a case open, an Allow does not match and a Deny does.
Source: IAM User Guide, "Policy evaluation logic".
"""

import re
from collections.abc import Collection, Iterable
from typing import Final, Literal, TypeAlias

import msgspec

from ceap.local.conditions import Condition
from ceap.local.patterns import Context, Pattern, any_of, arn_like, like

ASSUME_ROLE: Final = "sts:AssumeRole"

Verdict: TypeAlias = Literal["allowed", "implicitDeny", "explicitDeny"]


class Statement(msgspec.Struct, frozen=True):
    """One statement; that of a role has no `principals`, as services, ARNs or `*`; that of a trust no `resources`."""

    denies: bool
    actions: tuple[str, ...]
    action_expression: re.Pattern[str]
    excludes_actions: bool = False
    resources: tuple[Pattern, ...] = ()
    excludes_resources: bool = False
    conditions: tuple[Condition, ...] = ()
    principals: frozenset[str] = frozenset()


def is_allowed(statements: Iterable[Statement], action: str, resource: str, context: Context) -> bool:
    """Return whether the statements allow the action: at least one Allow matches and no Deny.

    `action` is `service:Action`, `resource` an ARN or `*`; `context` holds the condition keys in lower case.
    """
    return decide(statements, action, resource, context) == "allowed"


def decide(statements: Iterable[Statement], action: str, resource: str, context: Context) -> Verdict:
    """Return what the statements say of an action, as the policy simulator of IAM calls it."""
    lowered, allowed = action.lower(), False
    for statement in statements:
        if (
            _names_action(statement, lowered)
            and _names_resource(statement, resource, context)
            and _holds(statement, context)
        ):
            if statement.denies:
                return "explicitDeny"
            allowed = True
    return "allowed" if allowed else "implicitDeny"


def missing_keys(statements: Iterable[Statement], action: str, resource: str, context: Context) -> set[str]:
    """Return the condition keys without a value, of the statements about an action on a resource."""
    return {
        condition.key
        for statement in statements
        if _names_action(statement, action.lower()) and _names_resource(statement, resource, context)
        for condition in statement.conditions
        if condition.key not in context
    }


def may_assume(statements: Iterable[Statement], service: str, context: Context) -> bool:
    """Return whether a role's trust policy lets the service (`lambda.amazonaws.com`) assume it."""
    return trusts(statements, {service}, ASSUME_ROLE, context)


def trusts(statements: Iterable[Statement], principals: Collection[str], action: str, context: Context) -> bool:
    """Return whether a role's trust policy lets someone assume it; `principals` are all ways to name who it is."""
    return _allow(_of_principals(statements, principals, action, context))


def lets_service(statements: Iterable[Statement], service: str, action: str, resource: str, context: Context) -> bool:
    """Return whether the policy of a resource lets a service act on it, for which no role allows anything."""
    applying = _of_principals(statements, {service}, action, context)
    return _allow([statement for statement in applying if _names_resource(statement, resource, context)])


def _of_principals(
    statements: Iterable[Statement], principals: Collection[str], action: str, context: Context
) -> list[Statement]:
    """Return the statements that apply to an action of a principal, whatever the resource."""
    return [
        statement
        for statement in statements
        if statement.principals & {*principals, "*"}
        and _names_action(statement, action.lower())
        and _holds(statement, context)
    ]


def _allow(applying: list[Statement]) -> bool:
    return bool(applying) and not any(statement.denies for statement in applying)


def granted(statements: Iterable[Statement]) -> set[tuple[str, str]]:
    """Return every (action, resource pattern) that the Allow statements name."""
    return {
        (action, resource.text)
        for statement in statements
        if not (statement.denies or statement.excludes_actions or statement.excludes_resources)
        for action in statement.actions
        for resource in statement.resources
    }


def _names_action(statement: Statement, action: str) -> bool:
    return (statement.action_expression.fullmatch(action) is not None) != statement.excludes_actions


def _names_resource(statement: Statement, resource: str, context: Context) -> bool:
    if resource == "*" and statement.denies:
        # The call is about all resources of the service, those among them that the statement names.
        return True
    # The guide says both that parts of an ARN match one by one and that a `*` at the end of a part goes beyond it.
    compare = like if statement.denies != statement.excludes_resources else arn_like
    found = any_of(pattern.matches(resource, context, compare) for pattern in statement.resources)
    return statement.denies if found is None else found != statement.excludes_resources


def _holds(statement: Statement, context: Context) -> bool:
    return all(condition.holds(context, undecided=statement.denies) for condition in statement.conditions)
