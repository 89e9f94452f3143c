"""The calls of the CloudFormation API that change a stack without a change set.

Source: CloudFormation API Reference, the actions of these names.
"""

import uuid
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

from ceap.local.sessions import Session
from ceap.local.stack_models import ResourceError
from ceap.local.stacks import statuses
from ceap.local.stacks.api_errors import AlreadyExistsError, StackApiError, UnmodelledError
from ceap.local.stacks.comparison import Comparison
from ceap.local.stacks.planning import check_name, choose_session, make_plan
from ceap.local.stacks.records import Operation, Plan, StackRecord
from ceap.local.stacks.registry import GONE, REVIEW, Registry

Document = Mapping[str, Any]


class StackCalls:
    """The calls by name; each takes what the request gives and who sends it, and returns the response."""

    def __init__(self, registry: Registry) -> None:
        self._registry: Final = registry
        self.calls: Final = {
            "CancelUpdateStack": self._cancel_update,
            "ContinueUpdateRollback": self._continue_rollback,
            "CreateStack": self._create,
            "DeleteStack": self._delete,
            "UpdateStack": self._update,
            "UpdateTerminationProtection": self._update_protection,
        }

    def _create(self, given: Document, caller: Session) -> Document:
        name = check_name(given["StackName"])
        if self._registry.find(name) is not None:
            raise AlreadyExistsError(f"Stack [{name}] already exists")
        record = self._registry.add(name, REVIEW)
        try:
            plan = make_plan(given, self._registry, record.arn, None)
            session = choose_session(given.get("RoleARN"), self._registry, record, caller)
        except StackApiError:
            self._registry.forget(record)
            raise
        record.is_protected = given.get("EnableTerminationProtection", False)
        self._begin(record, "CREATE", given, session, lambda work: work.create(plan))
        return {"StackId": record.arn}

    def _update(self, given: Document, caller: Session) -> Document:
        record = self._registry.get(given["StackName"])
        statuses.require_updatable(record)
        plan = make_plan(given, self._registry, record.arn, record)
        self._require_changes(record, plan)
        session = choose_session(given.get("RoleARN"), self._registry, record, caller)
        self._begin(record, "UPDATE", given, session, lambda work: work.update(plan))
        return {"StackId": record.arn}

    def _require_changes(self, record: StackRecord, plan: Plan) -> None:
        try:
            found = Comparison(record, plan, self._registry.exports.value)
        except ResourceError as error:
            raise StackApiError(str(error)) from error
        if found.is_empty:
            raise StackApiError("No updates are to be performed.")

    def _delete(self, given: Document, caller: Session) -> Document:
        record = self._registry.find(given["StackName"])
        if record is None or record.status == GONE:
            return {}
        if given.get("DeletionMode", "STANDARD") != "STANDARD":
            raise UnmodelledError("DeletionMode FORCE_DELETE_STACK")
        statuses.require_deletable(record)
        retained = given.get("RetainResources", ())
        if retained and record.status != "DELETE_FAILED":
            raise StackApiError(
                f"Invalid operation on stack [{record.arn}]. RetainResources can only be specified when the stack is "
                "in the DELETE_FAILED state."
            )
        session = choose_session(given.get("RoleARN"), self._registry, record, caller)
        if reason := self._registry.exports.in_use(record):
            record.tell(Operation(str(uuid.uuid4()), "DELETE_STACK"), record.status, reason)
            return {}
        record.cancelled.set()
        self._begin(record, "DELETE", given, session, lambda work: work.delete(retained))
        return {}

    def _continue_rollback(self, given: Document, caller: Session) -> Document:
        record = self._registry.get(given["StackName"])
        if record.status != "UPDATE_ROLLBACK_FAILED":
            raise StackApiError(
                f"Stack:{record.arn} is in {record.status} state and can not continue rollback, "
                "only UPDATE_ROLLBACK_FAILED can."
            )
        session = choose_session(given.get("RoleARN"), self._registry, record, caller)
        skipped = given.get("ResourcesToSkip", ())
        self._begin(record, "UPDATE_ROLLBACK", given, session, lambda work: work.roll_back(skipped))
        return {}

    def _cancel_update(self, given: Document, _: Session) -> Document:
        record = self._registry.get(given["StackName"])
        if record.status != "UPDATE_IN_PROGRESS":
            raise StackApiError("CancelUpdateStack cannot be called from current stack status")
        record.cancelled.set()
        return {}

    def _update_protection(self, given: Document, _: Session) -> Document:
        record = self._registry.get(given["StackName"])
        record.is_protected = given["EnableTerminationProtection"]
        return {"StackId": record.arn}

    def _begin(
        self, record: StackRecord, verb: str, given: Document, session: Session, steps: Callable[[Any], None]
    ) -> None:
        kind = "CONTINUE_ROLLBACK" if verb == "UPDATE_ROLLBACK" else f"{verb}_STACK"
        operation = Operation(str(uuid.uuid4()), kind, given.get("ClientRequestToken", ""))
        record.role = given.get("RoleARN") or record.role
        statuses.start(record, operation, f"{verb}_IN_PROGRESS")
        self._registry.begin(record, operation, partial(steps, self._registry.work(record, operation, session)))
