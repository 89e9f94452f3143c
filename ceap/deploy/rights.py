"""What the identities of a deployment must be allowed, and what of it IAM's own simulation denies.

Sources: IAM API Reference, "SimulatePrincipalPolicy"; CloudFormation User Guide, "CloudFormation service role".
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, NamedTuple

from botocore.exceptions import ClientError  # type: ignore[import-untyped]  # botocore ships no types

from ceap.aws.environments import names_in
from ceap.aws.errors import DENIED, code_of
from ceap.aws.session import Aws
from ceap.ceap_toml import Environment
from ceap.cfn import lookup
from ceap.cfn.template import Template
from templates import naming
from templates.deploy_permissions import CALLER
from templates.placeholders import fill
from templates.resource_actions import Need, Operation, Place, needs

READERS: Final = 4
"""How many simulations run at once; IAM takes few calls a second."""

_OPERATIONS: Final[tuple[Operation, ...]] = ("create", "update", "delete")
"""A first deployment deletes, too, when it fails; reading alone is part of each of them."""

# What the caller calls to deploy; of the rest of CALLER, preflight says itself what it cannot read.
_SIDS: Final = ("Stacks", "Artifacts")
_SUBJECTS: Final = ("Queues", "Topics", "Bucket", "TopicArn")
"""The properties of resources without names of their own, policies and subscriptions, that say what they are for."""

# Keys and networks are the user's own, and the templates name them by parameters; boundaries come off only by hand.
_ELSEWHERE: Final = ("kms:", "ec2:", "iam:DeleteRolePermissionsBoundary")
# No such role; or an identity whose policies IAM does not simulate, such as a federated user.
# Source: IAM API Reference, "SimulatePrincipalPolicy", PolicySourceArn.
_UNANSWERED: Final = ("NoSuchEntity", "InvalidInput", "ValidationError")


class Denied(NamedTuple):
    """Actions that an identity may not do, each with a resource."""

    identity: str
    needs: tuple[Need, ...]


class Unknown(NamedTuple):
    """What an identity may do is not known, and why."""

    identity: str
    why: str


def needs_of_caller(aws: Aws, environment: Environment, stacks: Iterable[str]) -> Iterator[Need]:
    """Yield what the caller itself must be allowed to deploy stacks of an environment."""
    any_stack = naming.stack("*", environment.name)
    for granted in (granted for granted in CALLER if granted.sid in _SIDS):
        for resource in (names_in(environment, aws, resource) for resource in granted.resources):
            places = [resource.replace(any_stack, stack) for stack in stacks] if any_stack in resource else [resource]
            yield from (Need(action, place) for action in granted.actions for place in places)
    if environment.role_arn:
        yield Need("iam:PassRole", environment.role_arn, "cloudformation.amazonaws.com")


def needs_of_resources(aws: Aws, environment: Environment, stack: str, template: Template) -> Iterator[Need]:
    """Yield what CloudFormation must be allowed for the resources of a `deployed` template, as far as ceap makes them.

    Roles, and functions without names of their own, get their names from CloudFormation: such a name stands for them.
    """
    place = Place(aws.partition, aws.region, aws.account)
    artifacts = names_in(environment, aws, naming.ARTIFACT_BUCKET_ARN)
    for resource in lookup.resources(template):
        name = _name_of(aws, stack, template, resource)
        role = lookup.pointed_at(template, lookup.at(resource.properties, *lookup.ROLE_PROPERTY.get(resource.type, ())))
        passed = naming.generated(stack, role.logical_id) if role else None
        for need in _needs_of(resource.type, name, place):
            if passed and ":role/" in need.resource:
                yield need._replace(resource=f"arn:{aws.partition}:iam::{aws.account}:role/{passed}")
            elif need.action == "s3:GetObject":
                yield need._replace(resource=f"{artifacts}/handlers/*")
            else:
                yield need


def _needs_of(kind: str, name: str, place: Place) -> Iterator[Need]:
    for operation in _OPERATIONS:
        try:
            wanted = needs(kind, operation, name, {}, place)
        except KeyError:  # a type that only resources of the project's own have
            return
        yield from (need for need in wanted if not need.action.startswith(_ELSEWHERE))


def _name_of(aws: Aws, stack: str, template: Template, resource: lookup.Resource) -> str:
    if resource.type in (lookup.ROLE, lookup.FUNCTION) and not resource.name:
        return naming.generated(stack, resource.logical_id)
    name = resource.name
    for key in _SUBJECTS if name is None else ():
        [subject, *_] = [*lookup.items(resource.properties.get(key)), None]
        found = lookup.pointed_at(template, subject)
        name = name or (found.name if found else None)
    return fill(name or f"{stack}-{resource.logical_id}", aws.pseudo_parameters)


def find_denied(aws: Aws, identity: str, wanted: Iterable[Need]) -> Denied | Unknown | None:
    """Return what IAM's simulation denies to an identity; None if nothing.

    The simulation knows no session policies and no resource policies; what depends on a condition whose keys are not
    known here counts as allowed.
    """
    if identity.endswith(":root"):
        return None
    try:
        principal = _principal(aws, identity)
        groups = _grouped(wanted)
        with ThreadPoolExecutor(READERS) as pool:
            found = list(pool.map(lambda group: _simulate(aws, principal, *group), groups.items()))
    except ClientError as error:
        if code_of(error) in (*DENIED, *_UNANSWERED):
            return Unknown(identity, f"AWS refused {error.operation_name} ({code_of(error)})")
        raise
    denied = tuple(sorted({need for needs_ in found for need in needs_}))
    return Denied(identity, denied) if denied else None


def _principal(aws: Aws, identity: str) -> str:
    """Return the ARN of the user or role whose policies an identity has; a session's does not have the role's path."""
    _, _, service, _, _, resource = identity.split(":", 5)
    kind, _, name = resource.partition("/")
    if (service, kind) != ("sts", "assumed-role"):
        return identity
    arn: str = aws.client("iam").get_role(RoleName=name.partition("/")[0])["Role"]["Arn"]
    return arn


def _grouped(wanted: Iterable[Need]) -> dict[tuple[tuple[str, ...], str], list[str]]:
    """Return the needs as few simulations: resources by the actions and the service that roles are passed to."""
    actions: dict[tuple[str, str], set[str]] = defaultdict(set)
    for need in wanted:
        actions[need.resource, need.passed_to].add(need.action)
    groups: dict[tuple[tuple[str, ...], str], list[str]] = defaultdict(list)
    for (resource, passed_to), names in actions.items():
        groups[tuple(sorted(names)), passed_to].append(resource)
    return groups


def _simulate(aws: Aws, principal: str, key: tuple[tuple[str, ...], str], resources: Sequence[str]) -> list[Need]:
    """Return which of the actions on the resources are denied."""
    actions, passed_to = key
    given = {"aws:RequestedRegion": aws.region, "aws:SecureTransport": "true", "iam:PassedToService": passed_to}
    pages = (
        aws.client("iam")
        .get_paginator("simulate_principal_policy")
        .paginate(
            PolicySourceArn=principal,
            ActionNames=list(actions),
            ResourceArns=list(resources),
            ContextEntries=[
                {"ContextKeyName": name, "ContextKeyValues": [value], "ContextKeyType": "string"}
                for name, value in given.items()
                if value
            ],
        )
    )
    results = (result for page in pages for result in page["EvaluationResults"])
    return [Need(result["EvalActionName"], resource, passed_to) for result in results for resource in denied_of(result)]


def denied_of(result: Mapping[str, Any]) -> Iterator[str]:
    """Yield the resources on which a result of the simulation denies its action, whatever conditions come to."""
    whole = {**result, "EvalResourceDecision": result["EvalDecision"]}
    specific = result.get("ResourceSpecificResults") or [whole]
    for each in specific:
        if each["EvalResourceDecision"] != "allowed" and not each.get("MissingContextValues"):
            yield each["EvalResourceName"]
