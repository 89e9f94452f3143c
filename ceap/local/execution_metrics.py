"""The metrics of Step Functions, of which an execution adds some when it starts and the others when it ends.

Source: Step Functions Developer Guide, "Monitoring Step Functions metrics using Amazon CloudWatch".
"""

from typing import Final

from ceap.cost.express import billed_ms
from ceap.local.executions import DeployedMachine, Execution
from ceap.local.metrics import metrics_of

NAMESPACE: Final = "AWS/States"
_OUTCOMES: Final = {"SUCCEEDED": "Succeeded", "FAILED": "Failed", "TIMED_OUT": "TimedOut", "ABORTED": "Aborted"}


def add_status(machine: DeployedMachine, execution: Execution) -> None:
    """Add what an execution's new status means: counts of 1, and of 0 for the outcomes that it did not have."""
    account = machine.arn.split(":")[4]
    if execution.status == "RUNNING":
        values = {"ExecutionsRedriven" if execution.redrives else "ExecutionsStarted": 1.0}
    else:
        outcome = _OUTCOMES[execution.status]
        values = {f"Executions{each}": float(each == outcome) for each in _OUTCOMES.values()}
        values |= {"ExecutionsStarted": 0.0, "ExecutionTime": (execution.ended - execution.started) * 1000}
        if execution.redrives:
            values |= {f"Redriven{name}": values[name] for name in (f"Executions{each}" for each in _OUTCOMES.values())}
        if machine.kind == "EXPRESS":
            values["ExpressExecutionBilledDuration"] = billed_ms(execution.ended - execution.started)
    dimensions: tuple[dict[str, str], ...] = ({"StateMachineArn": machine.arn}, {})  # without one: of the account
    for each in dimensions:
        metrics_of(account).add(NAMESPACE, each, values)
