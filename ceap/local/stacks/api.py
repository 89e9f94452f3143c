"""CloudFormation's API, as a route of the gateway: what the engine does not model is refused."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from ceap.local.answers import Answer
from ceap.local.calls import Request
from ceap.local.query import QueryError, read_form, write_answer, write_error
from ceap.local.sessions import Session
from ceap.local.stack_models import ResourceError
from ceap.local.stacks.api_errors import StackApiError, UnmodelledError
from ceap.local.stacks.change_set_calls import ChangeSetCalls
from ceap.local.stacks.read_calls import ReadCalls
from ceap.local.stacks.registry import Registry
from ceap.local.stacks.stack_calls import StackCalls

Call = Callable[[Mapping[str, Any], Session], Mapping[str, Any]]


class StackApi:
    """The calls of CloudFormation for one account."""

    def __init__(self, registry: Registry) -> None:
        self._registry: Final = registry
        self._calls: Final[Mapping[str, Call]] = {
            **StackCalls(registry).calls,
            **ChangeSetCalls(registry).calls,
            **ReadCalls(registry).calls,
        }

    def serve(self, request: Request) -> Answer | None:
        """Serve a call of CloudFormation; None for other services."""
        if request.service != "cloudformation":
            return None
        operation = request.operation
        try:
            if operation not in self._calls:
                raise UnmodelledError(f"the call {operation}")
            given = read_form(request)
            caller = self._registry.sessions.find(request.access_key)
            if caller is None:
                raise StackApiError(f"no session has the key {request.access_key}")
            with self._registry.lock:
                return write_answer(request, self._calls[operation](given, caller))
        except QueryError as error:
            return write_error(error)
        except ResourceError as error:
            return write_error(StackApiError(str(error)))
