"""Roles at work: sessions with temporary keys, and every IAM decision taken for them."""

import json
import secrets
import threading
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, Final, NamedTuple

from moto.iam.models import iam_backends

from ceap.local import decisions
from ceap.local.calls import Question

REGION: Final = "us-east-1"
DRIVER_KEY: Final = "AKIACEAPDRIVER000000"
"""The access key of the driver of the engine: no policy applies to it."""


class Decision(NamedTuple):
    """One decision of the trace; `role` is the role's ARN."""

    role: str
    action: str
    resource: str
    allowed: bool


class Session(NamedTuple):
    """A role assumed by a service, with its temporary keys."""

    role: str
    name: str
    access_key: str
    secret_key: str
    token: str

    @property
    def arn(self) -> str:
        return f"{self.role.replace(':iam::', ':sts::').replace(':role/', ':assumed-role/')}/{self.name}"

    def variables(self, url: str) -> dict[str, str]:
        """Return the environment in which an AWS SDK finds these keys, and AWS at a URL."""
        return {
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ENDPOINT_URL": url,
            "AWS_REGION": REGION,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
            "AWS_SESSION_TOKEN": self.token,
        }


class AccessDenied(Exception):  # noqa: N818 (the name that AWS gives it)
    """A role's policies do not allow a call; the message is worded as AWS does."""

    def __init__(self, session: Session, check: Question) -> None:
        super().__init__(
            f"User: {session.arn} is not authorized to perform: {check.action} on resource: {check.resource} "
            f"because no identity-based policy allows the {check.action} action"
        )


class Sessions:
    """The sessions of one engine; `trace` holds every decision in the order taken."""

    def __init__(self, account: str) -> None:
        self.trace: Final[list[Decision]] = []
        self._account: Final = account
        self._sessions: Final[dict[str, Session]] = {}
        self._by_source: Final[dict[tuple[str, str], Session]] = {}
        self._lock: Final = threading.Lock()

    def assume(self, role: str, *, service: str, source: str, name: str = "session") -> Session:
        """Return the session in which the service acts for `source`, the ARN of a function, pipe or state machine.

        Raises:
            AccessDenied: the role's trust policy does not allow the service to assume it for this source.
        """
        with self._lock:
            if session := self._by_source.get((role, source)):
                return session
            session = Session(role, name, f"ASIA{secrets.token_hex(8).upper()}", secrets.token_hex(20), "local")
            trust = json.loads(_text(_role(role, self._account).assume_role_policy_document))
            context = {"aws:SourceArn": source, "aws:SourceAccount": self._account}
            if not decisions.may_assume(decisions.statements_of(trust), f"{service}.amazonaws.com", context):
                raise AccessDenied(session, Question(f"sts:AssumeRole by {service}.amazonaws.com", role))
            self._sessions[session.access_key] = session
            self._by_source[role, source] = session
            return session

    def find(self, access_key: str) -> Session | None:
        return self._sessions.get(access_key)

    def require(self, session: Session, checks: Iterable[Question]) -> None:
        """Decide and trace each check; AccessDenied at the first that is not allowed."""
        for check in checks:
            allowed = self.allows(session, check)
            self.trace.append(Decision(session.role, check.action, check.resource, allowed))
            if not allowed:
                raise AccessDenied(session, check)

    def allows(self, session: Session, check: Question) -> bool:
        """Decide without a trace."""
        general = {
            "aws:SecureTransport": "true",  # as on AWS; the engine itself speaks plain HTTP on the loopback
            "aws:PrincipalAccount": self._account,
            "aws:ResourceAccount": self._account,
            "aws:PrincipalArn": session.role,
            "aws:RequestedRegion": REGION,
        }
        return decisions.is_allowed(
            self.statements(session.role), check.action, check.resource, {**general, **check.context}
        )

    def grants(self, role: str) -> set[tuple[str, str]]:
        """Return every (action, resource pattern) that the role's policies allow."""
        return decisions.granted(self.statements(role))

    def statements(self, role: str) -> list[decisions.Statement]:
        """Return all statements of a role's inline and managed policies."""
        found = _role(role, self._account)
        documents = [*found.policies.values(), *(policy.document for policy in found.managed_policies.values())]
        return [statement for document in documents for statement in _statements(_text(document))]


def _role(arn: str, account: str) -> Any:
    return iam_backends[account]["aws"].get_role_by_arn(arn)


def _text(document: Any) -> str:
    return document if isinstance(document, str) else json.dumps(document)


@lru_cache(maxsize=256)
def _statements(document: str) -> tuple[decisions.Statement, ...]:
    return tuple(decisions.statements_of(json.loads(document)))
