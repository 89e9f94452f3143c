"""What runs in an engine of the resources that exist: functions, Glue jobs, state machines, pipes and schedules."""

from typing import Any, Final

from ceap.cfn import lookup
from ceap.local import events, interpreter
from ceap.local.executions import DeployedMachine, Executions
from ceap.local.functions import Functions
from ceap.local.jobs import Jobs
from ceap.local.logs import Logs
from ceap.local.pipes import Poller
from ceap.local.schedules import Sender
from ceap.local.service_clients import ClientOf
from ceap.local.sessions import Sessions
from ceap.local.stack_models import ResourceError


class Running:
    """Starts what a resource runs, in place of what it ran before, and stops it; `url` is the address of AWS."""

    def __init__(
        self,
        sessions: Sessions,
        logs: Logs,
        *,
        functions: Functions,
        jobs: Jobs,
        executions: Executions,
        client_of: ClientOf,
        warm: bool,
    ) -> None:
        self.url = ""
        self._sessions: Final = sessions
        self._logs: Final = logs
        self._functions: Final = functions
        self._jobs: Final = jobs
        self._executions: Final = executions
        self._client_of: Final = client_of
        self._warm: Final = warm
        self._pollers: Final[dict[str, Poller]] = {}
        self._senders: Final[dict[str, Sender]] = {}
        self._roles: Final[set[str]] = set()

    @property
    def pollers(self) -> list[Poller]:
        return list(self._pollers.values())

    @property
    def senders(self) -> list[Sender]:
        return [sender for sender in self._senders.values() if sender.is_there]

    def attach(self, model: Any) -> None:
        """Let a resource run as it now is.

        Raises:
            AccessDenied: The service may not assume the resource's role.
            ResourceError: The engine does not model what it is to run.
            SetupError: A package that a function imports is not installed here.
        """
        match model.cf_resource_type:
            case lookup.FUNCTION:
                _check_runtime(model)
                self._functions.add(model.function_name, warm=self._warm)
            case lookup.JOB:
                self._jobs.add(model.job)
            case lookup.EVENT_RULE:
                events.check_rule(model)
            case lookup.MACHINE:
                self._add_machine(model.machine)
            case lookup.PIPE:
                session = self._sessions.assume(model.role, service="pipes", source=model.arn, name=model.name)
                poller = Poller(model, self.url, session, self._logs, self._executions, client_of=self._client_of)
                self._close(model.arn)
                self._pollers[model.arn] = poller
            case lookup.SCHEDULE:
                group = model.group_arn
                session = self._sessions.assume(model.role, service="scheduler", source=group, name=model.name)
                self._senders[model.arn] = Sender(model, self.url, session, self._client_of)

    def detach(self, model: Any) -> None:
        """Let a resource run no more; harmless for one that does not run."""
        match model.cf_resource_type:
            case lookup.FUNCTION:
                self._functions.remove(model.function_name)
            case lookup.JOB:
                self._jobs.remove(model.job)
            case lookup.MACHINE:
                self._executions.remove(model.machine)
            case lookup.PIPE:
                self._close(model.arn)
            case lookup.SCHEDULE:
                self._senders.pop(model.arn, None)

    def close(self) -> None:
        """Stop all pipes, and forget the clients of state machines."""
        for arn in list(self._pollers):
            self._close(arn)
        for role in self._roles:
            interpreter.CLIENTS.pop(role, None)

    def _close(self, pipe: str) -> None:
        if poller := self._pollers.pop(pipe, None):
            poller.close()

    def _add_machine(self, machine: DeployedMachine) -> None:
        session = self._sessions.assume(machine.role, service="states", source=machine.arn, name=machine.name)
        interpreter.CLIENTS[machine.role] = lambda service: self._client_of(session, service)
        self._roles.add(machine.role)
        self._executions.machines[machine.arn] = machine


def _check_runtime(function: Any) -> None:
    """Raise ResourceError for a function that is not in Python."""
    runtime = function.run_time or f"an {function.package_type.lower()}"
    if not runtime.startswith("python"):
        raise ResourceError(
            f"the local engine runs functions in Python only, and {function.function_name} is of {runtime}"
        )
