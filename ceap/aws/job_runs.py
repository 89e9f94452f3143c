"""The runs of Glue jobs that an execution has started.

Source: Glue API Reference, "GetJobRuns"; requirement 7.2: each run has the name of its execution as an argument.
"""

from __future__ import annotations

import itertools
from typing import Any

import msgspec

from ceap.aws.session import Aws


class JobRun(msgspec.Struct, frozen=True, kw_only=True):
    """A run of a job, in Glue's states; times are in seconds since the epoch. Its log streams begin with its id."""

    id: str
    state: str
    started: float
    ended: float | None = None
    error: str | None = None


def job_runs_of(aws: Aws, job: str, execution: str, *, since_s: float) -> list[JobRun]:
    """Return the runs of a job for an execution, the earliest first, of those that started since a time."""
    pages = aws.client("glue").get_paginator("get_job_runs").paginate(JobName=job)
    runs = (run for page in pages for run in page["JobRuns"])
    recent = itertools.takewhile(lambda run: run["StartedOn"].timestamp() >= since_s, runs)  # the newest come first
    ours = [_run(run) for run in recent if run.get("Arguments", {}).get("--execution-id") == execution]
    return ours[::-1]


def _run(run: dict[str, Any]) -> JobRun:
    ended = run.get("CompletedOn")
    return JobRun(
        id=run["Id"],
        state=run["JobRunState"],
        started=run["StartedOn"].timestamp(),
        ended=ended.timestamp() if ended else None,
        error=run.get("ErrorMessage") or None,
    )
