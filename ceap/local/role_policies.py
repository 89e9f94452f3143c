"""The roles of an account, as moto holds them, and the policies in force for each.

What cannot be judged is refused.
"""

import json
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Final, NamedTuple

from moto.iam.models import InlinePolicy, ManagedPolicy, Role, iam_backends

from ceap.local.decisions import Statement
from ceap.local.patterns import PolicyError
from ceap.local.policies import read_policy, read_trust

_CURE: Final = "the local engine has no such policy; write what it grants into an AWS::IAM::ManagedPolicy of a template"


class Policies(NamedTuple):
    """What a role is granted, and its permissions boundary: None if it has none."""

    granted: tuple[Statement, ...]
    boundary: tuple[Statement, ...] | None


def find_role(arn: str, account: str) -> Role:
    """Return a role of an account; moto's own error if there is none."""
    return iam_backends[account]["aws"].get_role_by_arn(arn)


def arn_of(name: str, account: str) -> str:
    """Return the ARN by which IAM decides on calls that name a role: with its path, if there is such a role."""
    roles = iam_backends[account]["aws"].roles.values()
    return next((str(role.arn) for role in roles if role.name == name), f"arn:aws:iam::{account}:role/{name}")


def exists(role: Role) -> bool:
    """Tell whether a role was not deleted."""
    return iam_backends[role.account_id]["aws"].roles.get(role.id) is role


def policies_of(role: Role) -> Policies:
    """Return the policies of a role; PolicyError for one that the engine does not model."""
    boundary = role.permissions_boundary_arn
    managed = map(_default_version, role.managed_policies.values())
    return _policies(
        (*map(_text, role.policies.values()), *managed),
        managed_document(boundary, role.account_id, f"role {role.name}") if boundary else None,
    )


def trust_of(role: Role) -> tuple[Statement, ...]:
    """Return the trust policy of a role; PolicyError for one that the engine does not model."""
    return read_trust(_text(role.assume_role_policy_document))


@lru_cache(maxsize=256)
def _policies(texts: tuple[str, ...], boundary: str | None) -> Policies:
    granted = tuple(statement for text in texts for statement in read_policy(text))
    return Policies(granted, None if boundary is None else read_policy(boundary))


def check_policies(models: Mapping[str, Any], account: str) -> None:
    """Check every policy for roles among the resources of a stack, by logical id; PolicyError at the first."""
    for logical_id, model in models.items():
        match model:
            case Role():
                for name, document in model.policies.items():
                    _checked(f"{logical_id}, policy {name}", read_policy, _text(document))
                _checked(
                    f"{logical_id}, AssumeRolePolicyDocument", read_trust, _text(model.assume_role_policy_document)
                )
                if arn := model.permissions_boundary_arn:
                    place = f"{logical_id}, PermissionsBoundary"
                    _checked(place, read_policy, managed_document(arn, account, place))
            case InlinePolicy():
                _checked(logical_id, read_policy, _text(model.policy_document))
            case ManagedPolicy():
                _checked(logical_id, read_policy, _default_version(model))


def _checked(place: str, read: Callable[[str], Any], text: str) -> None:
    try:
        read(text)
    except PolicyError as error:
        raise PolicyError(place, str(error)) from None


def managed_document(arn: str, account: str, place: str) -> str:
    """Return the document of a managed policy of the account; PolicyError if it has none of that ARN."""
    found = iam_backends[account]["aws"].managed_policies.get(arn)
    if found is None:
        raise PolicyError(f"{place}: {arn}", _CURE)
    return _default_version(found)


def _default_version(policy: ManagedPolicy) -> str:
    return next(version.document for version in policy.versions if version.is_default)


def _text(document: Any) -> str:
    return document if isinstance(document, str) else json.dumps(document)
