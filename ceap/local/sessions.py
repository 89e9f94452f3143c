"""Roles at work: sessions with temporary keys, and every IAM decision taken for them."""

import secrets
import threading
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Final, NamedTuple

from moto.iam.exceptions import NotFoundException
from moto.iam.models import Role

from ceap.local import decisions, role_policies
from ceap.local.calls import Question
from ceap.local.clock import CLOCK
from ceap.local.decisions import ASSUME_ROLE, Verdict

REGION: Final = "us-east-1"
FIRST_ACCOUNT: Final = 123456789012
"""That of the first engine of a process, so of every run."""

# The condition keys that a service is documented to send when it assumes a role; a sample of AWS's has that of Lambda.
# Source: EventBridge, Scheduler and Step Functions guides, "Cross-service confused deputy prevention"; Lambda Developer
# Guide, "Using source function ARN to control function access behavior": aws:SourceArn is for the function's policies.
_SOURCE_KEYS: Final[Mapping[str, Sequence[str]]] = {
    "cloudformation": (),
    "glue": (),
    "lambda": ("aws:sourceaccount",),
    "pipes": ("aws:sourceaccount", "aws:sourcearn"),
    "scheduler": ("aws:sourceaccount", "aws:sourcearn"),
    "states": ("aws:sourceaccount", "aws:sourcearn"),
}

# Source: IAM User Guide, "AWS global condition context keys", aws:ResourceAccount.
_WITHOUT_RESOURCE_ACCOUNT: Final = "events:"

# What holds for every call of a role; `aws:SecureTransport` as on AWS, though the engine speaks HTTP on the loopback.
_CONSTANT: Final[Mapping[str, str]] = {
    "aws:principalisawsservice": "false",
    "aws:principaltype": "AssumedRole",
    "aws:securetransport": "true",
    "aws:viaawsservice": "false",
}


class Decision(NamedTuple):
    """One decision of the trace; `role` is the role's ARN."""

    role: str
    action: str
    resource: str
    allowed: bool


class Session(NamedTuple):
    """A role assumed by a service, or the driver, whose role is no role, with temporary keys that no one can guess.

    `function` is the ARN of the function whose code has the keys.
    """

    role: str
    name: str
    access_key: str
    secret_key: str
    token: str
    function: str | None = None

    @property
    def arn(self) -> str:
        # The path of a role is no part of its sessions' ARNs. Source: IAM User Guide, "IAM identifiers".
        account, _, role = self.role.partition(":role/")
        return f"{account.replace(':iam::', ':sts::')}:assumed-role/{role.rpartition('/')[2]}/{self.name}"

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
    """The sessions of one engine; `trace` holds every decision in the order taken.

    No policy applies to the `driver`.
    """

    def __init__(self, account: str) -> None:
        self.driver: Final = _open_session("", "driver")
        self.trace: Final[list[Decision]] = []
        self._account: Final = account
        self._sessions: Final[dict[str, Session]] = {self.driver.access_key: self.driver}
        self._roles: Final[dict[str, Role]] = {}
        self._by_source: Final[dict[tuple[str, str], Session]] = {}
        self._lock: Final = threading.Lock()

    def assume(self, role: str, *, service: str, source: str, name: str = "session") -> Session:
        """Return the session in which the service acts for `source`, the ARN of a function, pipe or state machine.

        For a schedule it is the ARN of its group.

        Raises:
            AccessDenied: the role's trust policy does not allow the service to assume it for this source.
            PolicyError: the trust policy is not modelled.
        """
        with self._lock:
            session = self._by_source.get((role, source))
            if session is None:
                session = _open_session(role, name)._replace(function=source if service == "lambda" else None)
            origin = {"aws:sourcearn": source, "aws:sourceaccount": self._account}
            context = {key: origin[key] for key in _SOURCE_KEYS[service]}
            if not decisions.may_assume(role_policies.trust_of(self._role(role)), f"{service}.amazonaws.com", context):
                raise AccessDenied(session, Question(f"sts:AssumeRole by {service}.amazonaws.com", role))
            self._sessions[session.access_key] = session
            self._by_source[role, source] = session
            return session

    def assume_as(self, caller: Session, role: str, *, name: str, external_id: str | None = None) -> Session:
        """Return a session of a role that another session, or the driver, assumes.

        Raises:
            AccessDenied: the role's trust policy does not allow the caller to assume it.
            PolicyError: the trust policy is not modelled.
        """
        root = f"arn:aws:iam::{self._account}:root"
        known = {"aws:principalarn": caller.role or root} | ({"sts:externalid": external_id} if external_id else {})
        principals = {root, *((caller.role, caller.arn) if caller.role else ())}
        return self._assume(role, name, principals, ASSUME_ROLE, known)

    def assume_by_token(self, role: str, provider: str, claims: Mapping[str, str], name: str) -> Session:
        """Return a session of a role for the holder of a token of an OIDC provider, with the keys of conditions."""
        return self._assume(role, name, {provider}, f"{ASSUME_ROLE}WithWebIdentity", claims)

    def _assume(
        self, role: str, name: str, principals: Collection[str], action: str, known: Mapping[str, str]
    ) -> Session:
        session = _open_session(role, name)
        with self._lock:
            if not decisions.trusts(role_policies.trust_of(self._role(role)), principals, action, known):
                raise AccessDenied(session, Question(action, role))
            self._sessions[session.access_key] = session
        return session

    def find(self, access_key: str) -> Session | None:
        return self._sessions.get(access_key)

    def require(self, session: Session, checks: Iterable[Question], region: str = REGION) -> None:
        """Decide and trace each check of a call to a region; AccessDenied at the first that is not allowed."""
        for check in checks:
            allowed = self.allows(session, check, region)
            self.trace.append(Decision(session.role, check.action, check.resource, allowed))
            if not allowed:
                raise AccessDenied(session, check)

    def allows(self, session: Session, check: Question, region: str = REGION) -> bool:
        """Decide without a trace; PolicyError if a policy of the role is not modelled."""
        return self.judge(session, check, region) == "allowed"

    def judge(self, session: Session, check: Question, region: str = REGION) -> Verdict:
        """Decide as `allows`, and tell whether a policy denies what is not allowed."""
        context = self._context(session, check, region)
        try:
            role = self._role(session.role)
        except NotFoundException:  # it was deleted
            return "implicitDeny"
        granted, boundary = role_policies.policies_of(role)
        verdict = decisions.decide(granted, check.action, check.resource, context)
        if boundary is None or verdict == "explicitDeny":
            return verdict
        limit = decisions.decide(boundary, check.action, check.resource, context)
        return limit if verdict == "allowed" or limit == "explicitDeny" else verdict

    def missing_keys(self, session: Session, check: Question) -> set[str]:
        """Return the condition keys that policies of the role have for a call, and that are not known of it."""
        granted, boundary = role_policies.policies_of(self._role(session.role))
        context = self._context(session, check, REGION)
        return decisions.missing_keys((*granted, *(boundary or ())), check.action, check.resource, context)

    def _context(self, session: Session, check: Question, region: str) -> Mapping[str, str]:
        """Return the values of the condition keys of a call."""
        context = {
            **_CONSTANT,
            **_moment(int(CLOCK.now())),
            "aws:principalaccount": self._account,
            "aws:principalarn": session.role,
            "aws:requestedregion": region,
            **check.context,
        }
        if not check.action.startswith(_WITHOUT_RESOURCE_ACCOUNT):
            context["aws:resourceaccount"] = self._account
        if session.function:
            context["lambda:sourcefunctionarn"] = session.function
        return context

    def grants(self, role: str) -> set[tuple[str, str]]:
        """Return every (action, resource pattern) that the role's policies allow."""
        return decisions.granted(role_policies.policies_of(self._role(role)).granted)

    def _role(self, arn: str) -> Role:
        # moto searches all roles of the account, and each call of a role asks for its own.
        found = self._roles.get(arn)
        if found is None or not role_policies.exists(found):
            found = self._roles[arn] = role_policies.find_role(arn, self._account)
        return found


def _open_session(role: str, name: str) -> Session:
    access_key = f"ASIA{secrets.token_hex(8).upper()}"
    return Session(role, name, access_key, secrets.token_urlsafe(30), secrets.token_urlsafe(60))


@lru_cache(maxsize=1)
def _moment(now: int) -> Mapping[str, str]:
    """Return the condition keys of a time, in seconds since the epoch."""
    return {
        "aws:currenttime": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now)),
        "aws:epochtime": str(now),
    }
