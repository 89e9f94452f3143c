"""Grants taken away one at a time: which calls of a run are then denied, by the engine's own decision."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

import pytest

from ceap.local import decisions
from ceap.local.calls import Question
from ceap.local.decisions import Statement
from ceap.local.engine import Engine
from ceap.local.policies import read_policy
from ceap.local.sessions import REGION, Session, Sessions

TIMES = {"aws:currenttime", "aws:epochtime"}


class Grant(NamedTuple):
    """One action on one resource, in a statement of a role's policy."""

    policy: str
    sid: str
    action: str
    resource: str

    @property
    def purpose(self) -> tuple[str, str, str]:
        """What the grant is for, the same in every workflow."""
        return self.policy, self.sid, self.action


class Asked(NamedTuple):
    """A call of a role, as IAM is asked for it; `context` are its condition keys but for the time."""

    role: str
    action: str
    resource: str
    context: tuple[tuple[str, str], ...]


class Role(NamedTuple):
    """A deployed role with its policies, by name."""

    arn: str
    policies: Mapping[str, dict[str, Any]]

    @property
    def grants(self) -> list[Grant]:
        return [
            Grant(name, body["Sid"], action, resource)
            for name, body in self._allowing()
            for action in _listed(body["Action"])
            for resource in _listed(body["Resource"])
        ]

    def without(self, *taken: Grant) -> dict[str, dict[str, Any]]:
        """Return the policies without some grants; those that grant nothing any more are left out."""
        left: dict[str, dict[str, Any]] = {}
        for name, policy in self.policies.items():
            statements = [each for body in _listed(policy["Statement"]) for each in _split(name, body, taken)]
            if statements:
                left[name] = {**policy, "Statement": statements}
        return left

    def _allowing(self) -> Iterator[tuple[str, dict[str, Any]]]:
        for name, policy in self.policies.items():
            yield from ((name, body) for body in _listed(policy["Statement"]) if body["Effect"] == "Allow")


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _split(policy: str, body: dict[str, Any], taken: tuple[Grant, ...]) -> Iterator[dict[str, Any]]:
    """Yield a statement for each grant that stays, without an id, for these are unique; a Deny as it is."""
    if body["Effect"] != "Allow":
        yield body
        return
    bare = {key: value for key, value in body.items() if key != "Sid"}
    for action in _listed(body["Action"]):
        for resource in _listed(body["Resource"]):
            if Grant(policy, body["Sid"], action, resource) not in taken:
                yield {**bare, "Action": action, "Resource": resource}


class Recorded(NamedTuple):
    """What roles have asked for, and the roles that asked, by ARN, as they were."""

    asked: set[Asked]
    roles: dict[str, Role]


@contextmanager
def recording() -> Iterator[Recorded]:
    """Record what roles of all engines ask for, with the condition keys: a trace does not keep these."""
    recorded, decided = Recorded(set(), {}), Sessions.require

    def require(self: Sessions, session: Session, checks: Iterable[Question], region: str = REGION) -> None:
        questions = list(checks)
        for one in questions:
            context = self._context(session, one, region)
            kept = tuple(sorted((key, value) for key, value in context.items() if key not in TIMES))
            recorded.asked.add(Asked(session.role, one.action, one.resource, kept))
        if session.role not in recorded.roles:
            recorded.roles[session.role] = read_role(self._role(session.role))
        decided(self, session, questions, region)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Sessions, "require", require)
        yield recorded


def read_roles(stack: Any) -> dict[str, Role]:
    """Return the roles of a deployed stack, by logical id, as they are now."""
    return {name: read_role(model) for name, model in stack.of_type("AWS::IAM::Role").items()}


def read_role(model: Any) -> Role:
    return Role(model.arn, {policy: _document(text) for policy, text in model.policies.items()})


def _document(text: Any) -> dict[str, Any]:
    parsed: dict[str, Any] = json.loads(text) if isinstance(text, str) else text
    return parsed


def denied_without(role: Role, asked: Iterable[Asked]) -> dict[Grant, set[Asked]]:
    """Return for each grant of a role the calls that are denied without it; with all grants none may be."""
    calls = [call for call in asked if call.role == role.arn]
    pieces = [(grant, statements) for grant, statements in _read(role)]
    everything = [statement for _, statements in pieces for statement in statements]
    assert [call for call in calls if not _allows(everything, call)] == []
    return {
        grant: {
            call
            for call in calls
            # What a grant does not allow by itself is not denied for want of it.
            if _allows([*own], call)
            and not _allows([each for other, found in pieces if other != grant for each in found], call)
        }
        for grant, own in pieces
        if grant is not None
    }


def _read(role: Role) -> Iterator[tuple[Grant | None, tuple[Statement, ...]]]:
    """Yield the statement of each grant, and those that deny."""
    for name, policy in role.policies.items():
        for body in _listed(policy["Statement"]):
            for single in _split(name, body, ()):
                grant = (
                    None if body["Effect"] == "Deny" else Grant(name, body["Sid"], single["Action"], single["Resource"])
                )
                yield grant, read_policy(json.dumps({"Version": policy["Version"], "Statement": [single]}))


def _allows(statements: list[Statement], call: Asked) -> bool:
    return decisions.is_allowed(statements, call.action, call.resource, dict(call.context))


@contextmanager
def taken_away(engine: Engine, role: Role, *grants: Grant) -> Iterator[None]:
    """Let a deployed role lack grants."""
    _put(engine, role, role.without(*grants))
    yield
    _put(engine, role, role.policies)


def _put(engine: Engine, role: Role, policies: Mapping[str, dict[str, Any]]) -> None:
    iam, name = engine.client("iam"), role.arn.rpartition("/")[2]
    for policy in role.policies.keys() - policies.keys():
        iam.delete_role_policy(RoleName=name, PolicyName=policy)
    for policy, document in policies.items():
        iam.put_role_policy(RoleName=name, PolicyName=policy, PolicyDocument=json.dumps(document))
