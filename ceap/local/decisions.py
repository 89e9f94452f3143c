"""IAM decisions from identity policies: pure functions over policy documents.

Modelled: Allow and Deny, (Not)Action, (Not)Resource, wildcards, the condition operators below. Not modelled: resource
policies, boundaries, service control policies, policy variables.
Source: IAM User Guide, "Policy evaluation logic" and "IAM JSON policy elements: Condition operators".
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, TypeAlias

from ceap.iam.matching import matches

Statement: TypeAlias = Mapping[str, Any]
Context: TypeAlias = Mapping[str, str]


def is_allowed(statements: Iterable[Statement], action: str, resource: str, context: Context) -> bool:
    """Return whether the statements allow the action: at least one Allow matches and no Deny.

    `action` is `service:Action`, `resource` an ARN or `*`, `context` the condition keys of the request.
    """
    effects = {statement["Effect"] for statement in statements if _applies(statement, action, resource, context)}
    return effects == {"Allow"}


def may_assume(statements: Iterable[Statement], service: str, context: Context) -> bool:
    """Return whether a role's trust policy lets the service (`lambda.amazonaws.com`) assume it."""
    trusting = [statement for statement in statements if service in _listed(_services(statement.get("Principal")))]
    return is_allowed([{"Resource": "*", **statement} for statement in trusting], "sts:AssumeRole", "*", context)


def granted(statements: Iterable[Statement]) -> set[tuple[str, str]]:
    """Return every (action, resource pattern) that the Allow statements name."""
    return {
        (action, resource)
        for statement in statements
        if statement["Effect"] == "Allow"
        for action in _listed(statement.get("Action", ()))
        for resource in _listed(statement.get("Resource", ()))
    }


def statements_of(document: Mapping[str, Any]) -> list[Statement]:
    """Return the statements of a policy document, which may hold one alone."""
    statements = document["Statement"]
    return [statements] if isinstance(statements, Mapping) else list(statements)


def _applies(statement: Statement, action: str, resource: str, context: Context) -> bool:
    # An unknown operator never widens access: it fails an Allow and fulfils a Deny.
    unknown = statement["Effect"] == "Deny"
    return (
        _matches_element(statement, "Action", action.lower(), str.lower)
        and _matches_element(statement, "Resource", resource, str)
        and all(_holds(operator, keys, context, unknown) for operator, keys in statement.get("Condition", {}).items())
    )


def _matches_element(statement: Statement, element: str, value: str, normal: Callable[[str], str]) -> bool:
    if element in statement:
        return any(matches(normal(pattern), value) for pattern in _listed(statement[element]))
    excluded = f"Not{element}"
    return excluded in statement and not any(
        matches(normal(pattern), value) for pattern in _listed(statement[excluded])
    )


def _holds(operator: str, keys: Mapping[str, Any], context: Context, unknown: bool) -> bool:
    """Return whether one operator's keys all match; several values of a key are alternatives."""
    name, if_exists = operator.removesuffix("IfExists"), operator.endswith("IfExists")
    negated = "Not" in name
    compare = _OPERATORS.get(name.replace("Not", ""))
    if compare is None:
        return unknown
    lowered = {key.lower(): value for key, value in context.items()}
    for key, expected in keys.items():
        actual = lowered.get(key.lower())
        if actual is None:
            # A missing key fulfils the negated operators and IfExists, and no other.
            if not (negated or if_exists):
                return False
        elif negated == any(compare(str(value), actual) for value in _listed(expected)):
            return False
    return True


_OPERATORS: Final[Mapping[str, Callable[[str, str], bool]]] = {
    "StringEquals": lambda expected, actual: expected == actual,
    "StringEqualsIgnoreCase": lambda expected, actual: expected.lower() == actual.lower(),
    "StringLike": matches,
    "ArnEquals": matches,  # documented to work as ArnLike does
    "ArnLike": matches,
    "Bool": lambda expected, actual: expected.lower() == actual.lower(),
}


def _services(principal: Any) -> Any:
    return principal.get("Service", ()) if isinstance(principal, Mapping) else ()


def _listed(value: Any) -> Sequence[Any]:
    return [value] if isinstance(value, str | bool) else list(value)
