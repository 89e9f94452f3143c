"""Runs of a job, as Glue lists them: the newest first, those of all executions."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from ceap.aws.job_runs import JobRun, job_runs_of
from ceap.aws.session import Aws


def run(number: int, execution: str, **fields: Any) -> dict[str, Any]:
    started = datetime.fromtimestamp(number, UTC)
    arguments = {"--execution-id": execution}
    return {"Id": f"jr_{number}", "JobRunState": "RUNNING", "StartedOn": started, "Arguments": arguments, **fields}


class Glue:
    """Three pages of runs, of which the last is never to be read."""

    def __init__(self) -> None:
        failed = {"JobRunState": "FAILED", "CompletedOn": datetime.fromtimestamp(45, UTC), "ErrorMessage": "no"}
        self.pages = [[run(50, "one"), run(40, "one", **failed)], [run(30, "two"), run(20, "one")], [run(10, "one")]]

    def client(self, _: str) -> Glue:
        return self

    def get_paginator(self, _: str) -> Glue:
        return self

    def paginate(self, **_: str) -> Iterator[dict[str, Any]]:
        for runs in self.pages:
            assert runs[0]["Id"] != "jr_10"
            yield {"JobRuns": runs}


def test_the_runs_of_an_execution_come_in_order_and_none_is_read_that_began_before() -> None:
    aws: Aws = Glue()  # type: ignore[assignment]  # of AWS it has what is called
    assert job_runs_of(aws, "job", "one", since_s=25.0) == [
        JobRun(id="jr_40", state="FAILED", started=40.0, ended=45.0, error="no"),
        JobRun(id="jr_50", state="RUNNING", started=50.0),
    ]
