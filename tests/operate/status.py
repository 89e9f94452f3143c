"""What AWS might show of a workflow, for tests that need no engine."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from ceap.operate.status_facts import (
    Alarm,
    Counts,
    Depth,
    Facts,
    Failure,
    Fate,
    Pipe,
    StackState,
)
from ceap.operate.status_judgement import Call, WorkflowStatus, judge
from templates.model import WorkflowType

NOW: Final = 1_795_989_605.0
"""2026-11-29 22:00:05 UTC."""
CALL: Final = Call(("--env", "dev"), "workflows/orders.yaml")

HEALTHY: Final = Facts(
    stack=StackState(name="ceap-orders-dev", status="UPDATE_COMPLETE", changed=NOW - 7200),
    workflow="orders",
    environment="dev",
    account="123456789012",
    region="eu-central-1",
    type=WorkflowType.STANDARD,
    now=NOW,
    since=NOW - 86_400,
    executions=Counts(running=2, succeeded=9700, failed=0, timed_out=0, aborted=0),
    queue=Depth(waiting=0, in_flight=0),
    dead_letters=Depth(waiting=0, in_flight=0),
    pipe=Pipe(name="ceap-orders-dev", declared="RUNNING", desired="RUNNING", current="RUNNING"),
    alarms=(Alarm(name="ceap-orders-dev-queue-age", state="OK"),),
    is_definition_deployed=True,
)


def failure(name: str, ago_s: float = 60, **facts: Any) -> Failure:
    """Return a failed execution that was looked at."""
    given: dict[str, Any] = {
        "execution": name,
        "arn": f"arn:{name}",
        "status": "FAILED",
        "started": NOW - ago_s - 1,
        "ended": NOW - ago_s,
        "fate": Fate.OPEN,
        "stage": "RateStage",
        "error": "TransientStageError",
        "cause": "the vendor does not answer",
        "is_looked_at": True,
    }
    return Failure(**(given | facts))


def judged(**facts: Any) -> WorkflowStatus:
    """Return the verdict on a healthy workflow but for some facts."""
    return judge(msgspec.structs.replace(HEALTHY, **facts), CALL)
