"""The definition that each execution of a state machine runs, read with few calls.

DescribeStateMachineForExecution may be called 200 times at once, then once a second, so an answer counts for all
executions that started between the update that it names and the execution that was asked for.
Source: Step Functions Developer Guide, "Quotas"; API Reference, "DescribeStateMachineForExecution".
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Final

from ceap.aws.executions import Execution
from ceap.aws.session import Aws
from ceap.cfn.lookup import at
from templates.definition import integration_of
from templates.model import StepKind

LAG_S: Final = 60.0
"""How long after an update executions may still start with the definition before it. Source: `UpdateStateMachine`."""


class Definitions:
    """The current definition of a state machine, and those of some executions, as parsed JSON."""

    def __init__(self, aws: Aws, machine: str, executions: Iterable[Execution]) -> None:
        self._client: Final = aws.client("stepfunctions")
        self._open: Final = sorted(executions, key=lambda each: each.started)
        """Those whose definition is not known yet, the earliest start first."""
        self._known: Final[dict[str, dict[str, Any]]] = {}
        self.current: Final[dict[str, Any]] = json.loads(
            self._client.describe_state_machine(stateMachineArn=machine)["definition"]
        )

    @property
    def current_workers(self) -> set[str]:
        """The ARNs of functions and names of jobs that the current definition runs."""
        parameters = [at(state, "Parameters") or {} for state in self.current["States"].values()]
        names = [integration_of(kind).parameter for kind in StepKind]
        return {each[name] for each in parameters for name in names if name in each}

    def of(self, execution: Execution) -> dict[str, Any]:
        """Return the definition of one of the executions."""
        while execution.arn not in self._known:
            self._ask(self._open[-1])
        return self._known[execution.arn]

    def _ask(self, latest: Execution) -> None:
        found = self._client.describe_state_machine_for_execution(executionArn=latest.arn)
        definition = json.loads(found["definition"])
        since_s = found["updateDate"].timestamp() + LAG_S
        for each in [each for each in self._open if each is latest or each.started >= since_s]:
            self._known[each.arn] = definition
            self._open.remove(each)
