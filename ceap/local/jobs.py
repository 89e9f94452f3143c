"""The Glue jobs of an engine: the Glue API as far as Step Functions uses it, and the runs of the jobs.

moto's own job runs are never used: they run nothing, and become SUCCEEDED when they are read.
"""

import secrets
import shutil
import threading
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple, Protocol, TypeAlias

from botocore.exceptions import BotoCoreError, ClientError  # type: ignore[import-untyped]  # botocore ships no types

from ceap import signals
from ceap.local.answers import Answer, ApiError, Document, Operation, serve_json
from ceap.local.calls import Request
from ceap.local.clock import Clock
from ceap.local.functions import Fault
from ceap.local.gateway import client
from ceap.local.logs import Logs
from ceap.local.sessions import Session, Sessions
from ceap.local.spark import SCRIPT_NAME, Process
from templates import naming

PARALLEL: Final = 2
"""How many runs work at once on this machine, each with a Spark of its own; the others are still STARTING."""

MINUTE_S: Final = 60.0

State: TypeAlias = Literal["STARTING", "RUNNING", "STOPPING", "STOPPED", "SUCCEEDED", "FAILED", "TIMEOUT"]


class Job(NamedTuple):
    """A deployed job; `script` is an S3 URI, `arguments` are the default ones."""

    name: str
    arn: str
    role: str
    script: str
    arguments: Mapping[str, str]
    timeout_min: int
    concurrent_runs: int


class JobRun:
    """One run of a job; times are virtual, in seconds since the epoch."""

    def __init__(self, job: Job, arguments: Mapping[str, str], now: float) -> None:
        self.id: Final = f"jr_{secrets.token_hex(32)}"
        self.job: Final = job
        self.arguments: Final = arguments
        self.started: Final = now
        self.state: State = "STARTING"
        self.error: str | None = None
        self.ended: float | None = None
        self.process: Process | None = None

    @property
    def is_over(self) -> bool:
        return self.ended is not None

    def document(self) -> Document:
        """Return the run as GetJobRun answers it."""
        ended = (
            {} if self.ended is None else {"CompletedOn": self.ended, "ExecutionTime": int(self.ended - self.started)}
        )
        return {
            "Id": self.id,
            "Attempt": 0,
            "JobName": self.job.name,
            "JobRunState": self.state,
            "Arguments": dict(self.arguments),
            "StartedOn": self.started,
            "LastModifiedOn": self.ended or self.started,
            "PredecessorRuns": [],
            "Timeout": self.job.timeout_min,
            "LogGroupName": naming.JOB_LOGS,
            **({"ErrorMessage": self.error} if self.error else {}),
            **ended,
        }


class JobEnd(NamedTuple):
    """How a run ended by itself or by its timeout; its code is in `folder`, and `lines` are those it wrote to stdout.

    `failure` and `stack` are those of its process (`spark.Process`), `error` is None if it succeeded.
    """

    job: Job
    folder: Path
    state: State
    error: str | None
    lines: Sequence[str] = ()
    failure: Mapping[str, Any] | None = None
    stack: str = ""


class JobListener(Protocol):
    """Hears what jobs do while they do it, from several threads; `arguments` are those of the run."""

    def hear_job(self, job: Job, arguments: Mapping[str, str], line: str, *, is_error: bool) -> None:
        """Called with each line that a job writes to stdout, or to stderr (`is_error`)."""

    def end_job(self, arguments: Mapping[str, str], end: JobEnd) -> None:
        """Called when a run has ended, before its state says so and its folder is removed."""


class LaunchError(Exception):
    """A run fails before its script begins; the message says why."""


class Jobs:
    """All jobs of one engine; `url` is the address of their AWS."""

    def __init__(self, folder: Path, sessions: Sessions, logs: Logs, clock: Clock) -> None:
        self.url = ""
        self.listener: JobListener | None = None
        self._folder: Final = folder
        self._sessions: Final = sessions
        self._logs: Final = logs
        self._clock: Final = clock
        self._lock: Final = threading.Lock()
        self._slots: Final = threading.Semaphore(PARALLEL)
        self._closed = False
        self._jobs: Final[dict[str, Job]] = {}
        self._runs: Final[dict[str, JobRun]] = {}
        self._faults: Final[dict[str, Fault]] = {}
        self._operations: Final[Mapping[str, Operation]] = {
            "StartJobRun": self._start_job_run,
            "GetJob": self._get_job,
            "GetJobRun": self._get_job_run,
            "GetJobRuns": self._get_job_runs,
            "BatchStopJobRun": self._batch_stop_job_run,
        }

    def add(self, job: Job) -> None:
        """Take in a deployed or changed job; AccessDenied if Glue may not assume its role.

        A run goes on with what the job was when it started.
        """
        self._session(job)
        self._jobs[job.name] = job

    def remove(self, job: Job) -> None:
        """Forget a job that was deleted."""
        self._jobs.pop(job.name, None)

    def serve(self, request: Request) -> Answer | None:
        """Serve the Glue API; an operation that is not modelled is an error."""
        if request.service != "glue":
            return None

        def unknown(_: Document) -> Document:
            raise ApiError("UnknownOperationException", f"the local engine does not model {request.operation}")

        return serve_json(self._operations.get(request.operation, unknown), request)

    def inject(self, job: str, error_type: str, times: int | None) -> None:
        """Make a job, by name, fail with an error of that type before its script, on its next `times` runs."""
        self._faults[job] = Fault(error_type, times)

    def pids(self) -> list[int]:
        return [run.process.pid for run in self._runs.values() if run.process and not run.is_over]

    def close(self) -> None:
        """End all runs and start no more."""
        with self._lock:
            self._closed = True
            runs = list(self._runs.values())
        for run in runs:
            self._stop(run)

    def _start_job_run(self, given: Document) -> Document:
        job = self._job(given)
        with self._lock:
            if self._closed:
                raise ApiError("OperationTimeoutException", "the engine is closed")
            going = sum(run.job.name == job.name and not run.is_over for run in self._runs.values())
            if going >= job.concurrent_runs:
                raise ApiError("ConcurrentRunsExceededException", f"Concurrent runs exceeded for {job.name}")
            run = JobRun(job, given.get("Arguments", {}), self._clock.now())
            self._runs[run.id] = run
            fault = self._faults[job.name].take() if job.name in self._faults else None
        if fault is not None:
            self._end(run, "FAILED", f"{fault['errorType']}: {fault['errorMessage']}")
        else:
            self._clock.begin()
            threading.Thread(target=self._work, args=(run,), name=run.id, daemon=True).start()
        return {"JobRunId": run.id}

    def _get_job(self, given: Document) -> Document:
        if (job := self._jobs.get(given["JobName"])) is None:
            raise ApiError("EntityNotFoundException", f"Job {given['JobName']} not found.")
        described = {
            "Name": job.name,
            "Role": job.role,
            "Command": {"Name": "glueetl", "ScriptLocation": job.script},
            "DefaultArguments": dict(job.arguments),
            "Timeout": job.timeout_min,
            "ExecutionProperty": {"MaxConcurrentRuns": job.concurrent_runs},
        }
        return {"Job": described}

    def _get_job_run(self, given: Document) -> Document:
        return {"JobRun": self._run(self._job(given), given["RunId"]).document()}

    def _get_job_runs(self, given: Document) -> Document:
        job = self._job(given)
        runs = [run.document() for run in self._runs.values() if run.job.name == job.name]
        return {"JobRuns": runs[::-1]}

    def _batch_stop_job_run(self, given: Document) -> Document:
        job = self._job(given)
        for run_id in given["JobRunIds"]:
            self._stop(self._run(job, run_id))
        submitted = [{"JobName": job.name, "JobRunId": run_id} for run_id in given["JobRunIds"]]
        return {"SuccessfulSubmissions": submitted, "Errors": []}

    def _job(self, given: Document) -> Job:
        if (job := self._jobs.get(given["JobName"])) is None:
            raise ApiError(
                "EntityNotFoundException",
                f"Failed to start job run due to missing metadata. Job {given['JobName']} not found",
            )
        return job

    def _run(self, job: Job, run_id: str) -> JobRun:
        if (run := self._runs.get(run_id)) is None or run.job.name != job.name:
            raise ApiError("EntityNotFoundException", f"Job Run {run_id} of {job.name} not found")
        return run

    def _session(self, job: Job) -> Session:
        return self._sessions.assume(job.role, service="glue", source=job.arn, name="GlueJobRunnerSession")

    def _stop(self, run: JobRun) -> None:
        with self._lock:
            if run.is_over:
                return
            run.state = "STOPPING"
            process = run.process
        if process is not None:
            process.kill()

    def _end(self, run: JobRun, state: State, error: str | None) -> None:
        with self._lock:
            run.state, run.error = ("STOPPED", None) if run.state == "STOPPING" else (state, error)
            run.ended = self._clock.now()

    def _conclude(self, run: JobRun, end: JobEnd) -> None:
        try:
            if self.listener is not None:
                self.listener.end_job(run.arguments, end)
        finally:
            self._end(run, end.state, end.error)

    def _work(self, run: JobRun) -> None:
        folder = self._folder / run.id
        try:
            with self._slots:
                session = self._session(run.job)
                with signals.starting():
                    folder.mkdir()
                end = self._run_script(run, session, folder)
        except Exception as failure:  # whatever it is: a run without an end would hold the clock for ever
            end = JobEnd(run.job, folder, "FAILED", f"LAUNCH ERROR | {failure}")
        finally:
            try:
                self._conclude(run, end)
            finally:
                shutil.rmtree(folder, ignore_errors=True)
                self._clock.end()

    def _fetch(self, uri: str, session: Session) -> bytes:
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        s3 = client("s3", self.url, session)
        try:
            content: bytes = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        except (BotoCoreError, ClientError) as error:
            raise LaunchError(f"Failed to read {uri}: {error}") from error
        finally:
            s3.close()
        return content

    def _run_script(self, run: JobRun, session: Session, folder: Path) -> JobEnd:
        arguments = {**run.job.arguments, **run.arguments, "--JOB_NAME": run.job.name, "--JOB_RUN_ID": run.id}
        script = self._fetch(run.job.script, session)
        libraries = [uri.strip() for uri in arguments.get(naming.EXTRA_PY_FILES, "").split(",") if uri.strip()]
        files = {uri.rpartition("/")[2]: self._fetch(uri, session) for uri in libraries} | {SCRIPT_NAME: script}
        with signals.starting(), self._lock:
            if run.state == "STOPPING":
                return JobEnd(run.job, folder, "STOPPED", None)
            run.state = "RUNNING"
            run.process = process = Process(
                files,
                [word for pair in arguments.items() for word in pair],
                session.variables(self.url),
                folder,
                partial(self._hear, run),
            )
        status = process.wait(run.job.timeout_min * MINUTE_S)
        prefix = arguments.get("--custom-logGroup-prefix", naming.JOB_LOGS)
        for kind, lines in (("output", process.output), ("error", process.error)):
            if lines:
                self._logs.write(f"{prefix}/{kind}", run.id, lines, session)
        state, error = self._outcome(run, process, status)
        return JobEnd(run.job, folder, state, error, process.output, process.failure, process.stack)

    def _outcome(self, run: JobRun, process: Process, status: int | None) -> tuple[State, str | None]:
        if run.state == "STOPPING":
            return "STOPPED", None
        if status is None:
            return "TIMEOUT", f"The job ran longer than its timeout of {run.job.timeout_min} minutes"
        return ("FAILED", process.reason(status)) if status else ("SUCCEEDED", None)

    def _hear(self, run: JobRun, line: str, is_error: bool) -> None:
        if self.listener is not None:
            self.listener.hear_job(run.job, run.arguments, line, is_error=is_error)
