"""One resource of a stack: created, updated, deleted or found, with the rights of the stack's role, or the caller's."""

from collections.abc import Mapping
from typing import Any, Final, Protocol

from ceap.cfn import lookup
from ceap.local.calls import Question
from ceap.local.sessions import REGION, AccessDenied, Session, Sessions
from ceap.local.stack_models import ResourceError
from ceap.local.stacks import resources
from ceap.local.stacks.resources import Given, Model
from templates.resource_actions import Operation, Place, needs


class Host(Protocol):
    """What runs the resources that can run: functions, machines, pipes and so on."""

    def attach(self, model: Model) -> None:
        """Let a resource run as it now is, in place of what it was."""

    def detach(self, model: Model) -> None:
        """Let a resource run no more; harmless for one that does not run."""


class Hands:
    """Work on the resources of one stack in a session, or as the driver, to whom no policy applies."""

    def __init__(self, account: str, host: Host, sessions: Sessions, session: Session) -> None:
        self._host: Final = host
        self._sessions: Final = sessions
        self._session: Final = session
        self._place: Final = Place("aws", REGION, account)

    def create(self, given: Given) -> Model:
        """Create a resource; whatever is raised, nothing of it is left."""
        self._ask("create", given)
        model = resources.create(given)
        try:
            self._host.attach(model)
        except Exception:
            resources.delete(model, given)
            raise
        return model

    def update(self, model: Model, old: Given, given: Given) -> Model:
        """Make a resource what is given; whatever is raised, it is as it was."""
        # Also to take off what a property made needs rights.
        self._ask("update", given, {**old.properties, **given.properties})
        updated = resources.update(model, given)
        try:
            self._host.attach(updated)
        except Exception:
            self._host.attach(resources.update(updated, old))
            raise
        return updated

    def delete(self, model: Model, given: Given) -> None:
        self._ask("delete", given)
        resources.delete(model, given)
        self._host.detach(model)

    def find(self, given: Given, identifier: Mapping[str, str]) -> Model:
        """Return a resource that exists already, to run as part of the stack."""
        self._ask("read", given)
        model = resources.find(given, identifier)
        self._host.attach(model)
        return model

    def _ask(self, operation: Operation, given: Given, properties: Mapping[str, Any] | None = None) -> None:
        """Raise ResourceError, in AWS's words, unless the session may do the operation, or with more properties."""
        if self._session is self._sessions.driver:
            return
        for need in needs(given.type, operation, given.name, properties or given.properties, self._place):
            context = {"iam:passedtoservice": need.passed_to} if need.passed_to else _boundary(given)
            try:
                self._sessions.require(self._session, [Question(need.action, need.resource, context)])
            except AccessDenied as error:
                raise ResourceError(
                    f'Resource handler returned message: "{error}" (HandlerErrorCode: AccessDenied)'
                ) from error


def _boundary(given: Given) -> Mapping[str, str]:
    """Return the condition key that calls for a role with a permissions boundary have."""
    boundary = given.properties.get("PermissionsBoundary") if given.type == lookup.ROLE else None
    return {"iam:permissionsboundary": boundary} if boundary else {}
