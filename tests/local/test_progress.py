"""What a run tells while it goes on: which lines an attempt printed."""

from __future__ import annotations

from pathlib import Path

from ceap.local.executions import Attempt, Execution
from ceap.local.progress import Printed, Progress
from ceap.local.workers import Function

FUNCTION = Function("A", "arn:aws:lambda:us-east-1:123456789012:function:A", "a.handler", 3, 128, {}, Path("/task"))
EVENT = {"executionId": "e1", "currentStage": "A"}


def test_lines_belong_to_the_attempt_that_printed_them() -> None:
    said: list[str] = []
    progress = Progress(said.append, messages=1, logs=False, metrics=False, all_frames=False)
    one = Execution(arn="e1", name="e1", machine="m", input="")
    for number, lines in ((1, ["a", "b"]), (2, []), (3, ["c"])):
        for line in lines:
            progress.hear(FUNCTION, EVENT, line)
        progress.follow(one, Attempt(state="A", number=number, status="FAILED", started=0.0, ended=1.0))
    progress.hear(FUNCTION, EVENT, "of an attempt that has not ended")
    assert progress.printed() == [
        Printed("e1", "A", 1, ["a", "b"]),
        Printed("e1", "A", 2, []),
        Printed("e1", "A", 3, ["c"]),
    ]
