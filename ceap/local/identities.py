"""Who calls, and what roles may do: the calls of STS and IAM that answer it from the engine's own decisions.

Source: STS API Reference, "GetCallerIdentity", "AssumeRole", "AssumeRoleWithWebIdentity"; IAM API Reference,
"SimulatePrincipalPolicy".
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from moto.iam.exceptions import NotFoundException

from ceap.local.answers import Answer
from ceap.local.calls import Question, Request
from ceap.local.clock import CLOCK
from ceap.local.query import QueryError, read_form, write_answer, write_error
from ceap.local.sessions import AccessDenied, Session, Sessions
from ceap.local.web_identities import WebIdentities

_SESSION_S: Final = 3600
_UNMODELLED: Final = (
    "Policy",
    "PolicyArns",
    "PolicyInputList",
    "PermissionsBoundaryPolicyInputList",
    "PolicyExclusionList",
    "ResourcePolicy",
    "SerialNumber",
)

_SESSION_NAME: Final = re.compile(r"[\w+=,.@-]*", re.ASCII)

UNSIGNED: Final = "AssumeRoleWithWebIdentity"

Document = Mapping[str, Any]


class Identities:
    """The calls for one account."""

    def __init__(self, account: str, sessions: Sessions, tokens: WebIdentities) -> None:
        self._account: Final = account
        self._sessions: Final = sessions
        self._tokens: Final = tokens
        self._calls: Final[Mapping[tuple[str, str], Callable[[Document, Session], Document]]] = {
            ("iam", "SimulatePrincipalPolicy"): self._simulate,
            ("sts", "AssumeRole"): self._assume,
            ("sts", "GetCallerIdentity"): self._identify,
        }

    def serve(self, request: Request) -> Answer | None:
        """Serve a call that is modelled here; None for others."""
        call = self._calls.get((request.service, request.operation))
        caller = self._sessions.find(request.access_key)
        if call is None or caller is None:
            return None
        return _answer(request, lambda given: call(given, caller))

    def serve_unsigned(self, request: Request) -> Answer | None:
        """Serve the one call that nobody signs: its token says who it is. None for others."""
        if request.operation != UNSIGNED:
            return None
        return _answer(request, self._assume_by_token)

    def _assume_by_token(self, given: Document) -> Document:
        made = self._tokens.assume(given["RoleArn"], given["WebIdentityToken"], _session_name(given))
        return _assumed(made, given)

    def _identify(self, _: Document, caller: Session) -> Document:
        is_driver = caller is self._sessions.driver
        arn = f"arn:aws:iam::{self._account}:user/{caller.name}" if is_driver else caller.arn
        user = "AIDALOCALDRIVER" if is_driver else f"AROALOCAL:{caller.name}"
        return {"UserId": user, "Account": self._account, "Arn": arn}

    def _assume(self, given: Document, caller: Session) -> Document:
        role, name = given["RoleArn"], _session_name(given)
        try:
            made = self._sessions.assume_as(caller, role, name=name, external_id=given.get("ExternalId"))
        except (AccessDenied, NotFoundException):
            # AWS does not tell a role that is not there from one that may not be assumed.
            arn = self._identify({}, caller)["Arn"]
            message = f"User: {arn} is not authorized to perform: sts:AssumeRole on resource: {role}"
            raise QueryError(message, "AccessDenied") from None
        return _assumed(made, given)

    def _simulate(self, given: Document, _: Session) -> Document:
        source = given["PolicySourceArn"]
        context = {
            entry["ContextKeyName"].lower(): entry["ContextKeyValues"][0] for entry in given.get("ContextEntries", ())
        }
        subject = Session(source, "simulation", "", "", "")
        try:
            results = list(self._results(subject, given["ActionNames"], given.get("ResourceArns", ["*"]), context))
        except NotFoundException:
            raise QueryError(f"Requested entity {source} does not exist", "NoSuchEntity") from None
        return {"EvaluationResults": results, "IsTruncated": False}

    def _results(
        self, subject: Session, actions: list[str], resources: list[str], context: Mapping[str, str]
    ) -> Iterator[Document]:
        """Yield what each action on each resource comes to: allowed, if it is on all of them."""
        for action in actions:
            questions = {arn: Question(action, arn, context) for arn in resources}
            verdicts = {arn: self._verdict(subject, question) for arn, question in questions.items()}
            missing = {arn: self._missing(subject, question) for arn, question in questions.items()}
            worst = next((verdict for verdict in verdicts.values() if verdict != "allowed"), "allowed")
            yield {
                "EvalActionName": action,
                "EvalResourceName": resources[0] if len(resources) == 1 else "*",
                "EvalDecision": worst,
                "MatchedStatements": [],
                "MissingContextValues": sorted({key for keys in missing.values() for key in keys}),
                "ResourceSpecificResults": [
                    {"EvalResourceName": arn, "EvalResourceDecision": verdict, "MissingContextValues": missing[arn]}
                    for arn, verdict in verdicts.items()
                ],
            }

    def _verdict(self, subject: Session, question: Question) -> str:
        return "allowed" if self._is_driver(subject) else self._sessions.judge(subject, question)

    def _missing(self, subject: Session, question: Question) -> list[str]:
        return [] if self._is_driver(subject) else sorted(self._sessions.missing_keys(subject, question))

    def _is_driver(self, subject: Session) -> bool:
        return bool(subject.role == self._identify({}, self._sessions.driver)["Arn"])


def _answer(request: Request, call: Callable[[Document], Document]) -> Answer:
    try:
        given = read_form(request)
        if unmodelled := [name for name in _UNMODELLED if name in given]:
            raise QueryError(f"The local engine does not model {', '.join(unmodelled)}", "NotImplemented")
        return write_answer(request, call(given))
    except QueryError as error:
        return write_error(error)


def _session_name(given: Document) -> str:
    name: str = given["RoleSessionName"]
    if not _SESSION_NAME.fullmatch(name):
        problem = (
            f"failed to satisfy constraint: Member must satisfy regular expression pattern: {_SESSION_NAME.pattern}"
        )
        raise QueryError(f"1 validation error detected: Value '{name}' at 'roleSessionName' {problem}")
    return name


def _assumed(made: Session, given: Document) -> Document:
    return {
        "Credentials": {
            "AccessKeyId": made.access_key,
            "SecretAccessKey": made.secret_key,
            "SessionToken": made.token,
            "Expiration": CLOCK.now() + given.get("DurationSeconds", _SESSION_S),
        },
        "AssumedRoleUser": {"AssumedRoleId": f"AROALOCAL:{made.name}", "Arn": made.arn},
    }
