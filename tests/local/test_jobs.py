"""Glue jobs: what a run finds, how it ends, who may do what, and that nothing of it stays."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import psutil
import pytest
from botocore.exceptions import ClientError  # type: ignore[import-untyped]  # botocore ships no types

from ceap.archive import build_zip
from ceap.local import jobs, spark
from ceap.local.engine import Engine
from ceap.local.executions import Execution
from tests.local.support import CODE_BUCKET, CODE_KEY, Template, job, log_group, role, state_machine, template_text

READ_SCRIPT = ("s3:GetObject", f"arn:aws:s3:::{CODE_BUCKET}/{CODE_KEY}")
RUN_JOBS = ("glue:*", "arn:aws:glue:*:*:job/job")
LOGS = ("logs:*", "*")
TASK: Template = {
    "Type": "Task",
    "Resource": "arn:aws:states:::glue:startJobRun.sync",
    "Parameters": {"JobName": "job", "Arguments": {"--name": "value"}},
    "End": True,
}


class Listener:
    """Passes on what jobs write to stdout: the job's name and the line."""

    def __init__(self, hear: Callable[[str, str], object]) -> None:
        self._hear = hear

    def hear_job(self, job: jobs.Job, arguments: Mapping[str, str], line: str, *, is_error: bool) -> None:
        assert arguments == {"--name": "value"}
        if not is_error:
            self._hear(job.name, line)

    def end_job(self, arguments: Mapping[str, str], end: jobs.JobEnd) -> None:
        pass


class Runner:
    """One job behind a STANDARD state machine of one task."""

    def __init__(
        self,
        engine: Engine,
        script: str,
        *,
        grants: tuple[tuple[str, str], ...] = (READ_SCRIPT, LOGS),
        machine_grants: tuple[tuple[str, str], ...] = (RUN_JOBS,),
        task: Mapping[str, Any] = TASK,
        **properties: Any,
    ) -> None:
        engine.client("s3").create_bucket(Bucket=CODE_BUCKET)
        engine.client("s3").put_object(Bucket=CODE_BUCKET, Key=CODE_KEY, Body=script.encode())
        definition = {"StartAt": "Job", "States": {"Job": task}}
        stack = engine.deploy(
            template_text(
                JobRole=role("glue", *grants),
                Job=job(**properties),
                MachineRole=role("states", *machine_grants),
                Machine=state_machine(definition, StateMachineType="STANDARD"),
                Output=log_group("/aws-glue/jobs/output"),
                Error=log_group("/aws-glue/jobs/error"),
            ),
            "stack",
        )
        self.engine = engine
        self.glue = engine.client("glue")
        self.arn = stack.physical_id("Machine")

    def start(self) -> None:
        self.engine.client("stepfunctions").start_execution(stateMachineArn=self.arn)

    def run(self) -> Execution:
        self.start()
        return self.engine.drain()[-1]

    def output(self) -> list[str]:
        return self.engine.logs.read("/aws-glue/jobs/output")

    def runs(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.glue.get_job_runs(JobName="job")["JobRuns"]
        return found

    def await_line(self) -> None:
        """Return once the job has printed something."""
        printed = threading.Event()
        self.engine.jobs.listener = Listener(lambda *_: printed.set())
        self.start()
        assert printed.wait(20)


def cause(execution: Execution) -> dict[str, Any]:
    parsed: dict[str, Any] = json.loads(execution.cause or "")
    return parsed


def test_a_run_finds_its_arguments_and_nothing_of_this_machine(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "mine")
    script = """
import json, os, sys
from awsglue.utils import getResolvedOptions
print(json.dumps([sys.argv[1:], dict(os.environ), os.getcwd(), [p for p in sys.path if "ceap" in p]]))
print(json.dumps(getResolvedOptions(sys.argv, ["name", "other-one"])))
"""
    heard: list[tuple[str, ...]] = []
    engine.jobs.listener = Listener(lambda *told: heard.append(told))
    runner = Runner(engine, script, DefaultArguments={"--name": "default", "--other-one": "2"})
    execution = runner.run()
    assert execution.status == "SUCCEEDED", execution.cause
    [first, second] = runner.output()
    assert heard == [("job", first), ("job", second)]
    arguments, variables, folder, path = json.loads(first)
    [run] = runner.runs()
    expected = ["--name", "value", "--other-one", "2", "--JOB_NAME", "job", "--JOB_RUN_ID", run["Id"]]
    assert arguments == expected
    assert path == [folder]
    assert not Path(folder).exists()
    keys = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"}
    places = {"AWS_ENDPOINT_URL", "AWS_REGION", "AWS_DEFAULT_REGION"}
    assert variables["AWS_ACCESS_KEY_ID"].startswith("ASIA")
    assert variables["AWS_ENDPOINT_URL"] == engine.url
    assert set(variables) - {"LC_CTYPE"} == keys | places | set(spark.environment(Path()))
    assert json.loads(second)["other_one"] == "2"


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("raise ValueError('no good')", "ValueError: no good"),
        ("try:\n  1/0\nexcept ZeroDivisionError:\n  raise RuntimeError('worse')", "RuntimeError: worse"),
        ("import sys; sys.exit('gave up')", "gave up"),
        ("import sys; sys.exit(3)", "The job ended with exit code 3"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "The job was ended by SIGKILL"),
        ("1 +", "SyntaxError: invalid syntax"),
    ],
)
def test_a_script_that_fails_fails_its_run_and_the_task(engine: Engine, script: str, message: str) -> None:
    execution = Runner(engine, script).run()
    assert (execution.status, execution.error) == ("FAILED", "States.TaskFailed")
    assert (cause(execution)["JobRunState"], cause(execution)["ErrorMessage"]) == ("FAILED", message)


def test_a_script_that_exits_with_0_succeeds(engine: Engine) -> None:
    assert Runner(engine, "import sys; sys.exit(0)").run().status == "SUCCEEDED"


STUBBORN = """
import os, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True)
print(os.getpid(), child.pid)
time.sleep(60)
"""


def test_a_run_ends_at_its_timeout_with_all_that_it_started(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "MINUTE_S", 1.5)
    runner = Runner(engine, STUBBORN, Timeout=1)
    begun = time.monotonic()
    execution = runner.run()
    assert time.monotonic() - begun < 20
    assert (execution.error, cause(execution)["JobRunState"]) == ("States.TaskFailed", "TIMEOUT")
    assert cause(execution)["ErrorMessage"] == "The job ran longer than its timeout of 1 minutes"
    assert [pid for pid in map(int, runner.output()[0].split()) if _works(pid)] == []


def test_a_task_whose_time_is_up_stops_its_run(engine: Engine) -> None:
    runner = Runner(engine, STUBBORN, task=TASK | {"TimeoutSeconds": 2})
    execution = runner.run()
    assert (execution.status, execution.error) == ("FAILED", "States.Timeout")
    assert [run["JobRunState"] for run in runner.runs()] == ["STOPPED"]
    assert "glue:BatchStopJobRun" in {call.action for call in engine.trace}
    assert [pid for pid in map(int, runner.output()[0].split()) if _works(pid)] == []


def test_a_run_that_is_stopped_by_hand_fails_the_task(engine: Engine) -> None:
    runner = Runner(engine, STUBBORN)
    runner.await_line()
    [run] = runner.runs()
    answer = runner.glue.batch_stop_job_run(JobName="job", JobRunIds=[run["Id"]])
    assert [each["JobRunId"] for each in answer["SuccessfulSubmissions"]] == [run["Id"]]
    [execution] = engine.drain()
    assert (execution.status, execution.error) == ("FAILED", "States.TaskFailed")
    assert cause(execution)["JobRunState"] == "STOPPED"


def test_a_closed_engine_leaves_no_process_of_a_job() -> None:
    with Engine.start() as engine:
        Runner(engine, STUBBORN).await_line()
        family = [psutil.Process(pid) for pid in engine.jobs.pids()]
        family += [child for parent in family for child in parent.children(recursive=True)]
        assert len(family) == 2
    psutil.wait_procs(family, timeout=5)
    assert [member.pid for member in family if _works(member.pid)] == []


def test_a_job_ends_when_its_engine_is_killed(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text("import os, time; print(os.getpid(), flush=True); time.sleep(60)")
    holder = f"""
import subprocess, sys
command = [sys.executable, {str(spark.SCRIPT)!r}, "1", {str(script)!r}]
subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True).wait()
"""
    with psutil.Popen([sys.executable, "-c", holder], stdout=-1, text=True) as engine:
        process = psutil.Process(int(engine.stdout.readline()))
        engine.kill()
    psutil.wait_procs([process], timeout=5)
    assert not _works(process.pid)


def test_more_runs_than_a_job_allows_are_refused(engine: Engine) -> None:
    runner = Runner(engine, "import time; time.sleep(0.5)")
    for _ in range(2):
        runner.start()
    executions = engine.drain()
    assert sorted(execution.status for execution in executions) == ["FAILED", "SUCCEEDED"]
    assert {execution.error for execution in executions} == {None, "Glue.ConcurrentRunsExceededException"}


def test_a_run_that_has_to_wait_for_its_turn_is_waited_for(engine: Engine) -> None:
    retry = [{"ErrorEquals": ["Glue.ConcurrentRunsExceededException"], "IntervalSeconds": 60, "MaxAttempts": 8}]
    runner = Runner(engine, "import time; time.sleep(0.5)", task=TASK | {"Retry": retry})
    for _ in range(2):
        runner.start()
    executions = engine.drain()
    assert [execution.status for execution in executions] == ["SUCCEEDED"] * 2
    assert [wait.seconds for execution in executions for wait in execution.waits] == [60.0]


def test_a_fault_fails_a_run_before_its_script(engine: Engine) -> None:
    runner = Runner(engine, "print('it ran')")
    engine.jobs.inject("job", "TransientStageError", 1)
    failed, succeeded = runner.run(), runner.run()
    assert (failed.error, succeeded.status) == ("States.TaskFailed", "SUCCEEDED")
    assert cause(failed)["ErrorMessage"].startswith("TransientStageError: This failure was asked for")
    assert runner.output() == ["it ran"]


@pytest.mark.parametrize(
    ("grants", "message"),
    [
        ((LOGS,), "is not authorized to perform: s3:GetObject on resource: arn:aws:s3:::code/code.zip"),
        ((READ_SCRIPT, LOGS), "is not authorized to perform: s3:ListAllMyBuckets"),
    ],
)
def test_a_run_may_do_what_its_role_may(engine: Engine, grants: tuple[tuple[str, str], ...], message: str) -> None:
    execution = Runner(engine, "import boto3; boto3.client('s3').list_buckets()", grants=grants).run()
    assert execution.error == "States.TaskFailed"
    assert message in cause(execution)["ErrorMessage"]


LIBRARY = "libraries/lib.zip"
READ_LIBRARY = ("s3:GetObject", f"arn:aws:s3:::{CODE_BUCKET}/{LIBRARY}")
USE_LIBRARY = """
import subprocess, sys
from lib.words import WORD
print(WORD, subprocess.check_output([sys.executable, "-c", "import lib.words; print(lib.words.__file__)"], text=True))
"""


def with_library(engine: Engine, *grants: tuple[str, str]) -> Runner:
    """Return a job with a library beside its script, of which the job may read what the grants say."""
    extra = {"--extra-py-files": f"s3://{CODE_BUCKET}/{LIBRARY}"}
    runner = Runner(engine, USE_LIBRARY, grants=(*grants, LOGS), DefaultArguments=extra)
    library = build_zip({"lib/__init__.py": b"", "lib/words.py": b"WORD = 'shared'"})
    engine.client("s3").put_object(Bucket=CODE_BUCKET, Key=LIBRARY, Body=library)
    return runner


def test_a_run_and_the_python_that_it_starts_find_the_extra_python_files(engine: Engine) -> None:
    runner = with_library(engine, READ_SCRIPT, READ_LIBRARY)
    execution = runner.run()
    assert execution.status == "SUCCEEDED", execution.cause
    assert runner.output()[0].startswith("shared ")
    assert runner.output()[0].endswith("lib.zip/lib/words.py")


def test_a_run_that_may_not_read_its_library_does_not_start(engine: Engine) -> None:
    runner = with_library(engine, READ_SCRIPT)
    message = cause(runner.run())["ErrorMessage"]
    assert message.startswith(f"LAUNCH ERROR | Failed to read s3://{CODE_BUCKET}/{LIBRARY}: ")
    assert f"not authorized to perform: s3:GetObject on resource: {READ_LIBRARY[1]}" in message
    assert runner.output() == []


def test_an_extra_python_file_may_be_a_module(engine: Engine) -> None:
    extra = {"--extra-py-files": f"s3://{CODE_BUCKET}/words.py, s3://{CODE_BUCKET}/more.zip"}
    grants = (("s3:*", "*"), LOGS)
    script = "import words, more; print(words.WORD, more.WORD)"
    runner = Runner(engine, script, grants=grants, DefaultArguments=extra)
    for key, content in {"words.py": b"WORD = 1", "more.zip": build_zip({"more.py": b"WORD = 2"})}.items():
        engine.client("s3").put_object(Bucket=CODE_BUCKET, Key=key, Body=content)
    assert runner.run().status == "SUCCEEDED"
    assert runner.output() == ["1 2"]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_listener_that_fails_does_not_hold_the_clock(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise TypeError("a fault of ceap")

    engine.jobs.listener = Listener(fail)
    monkeypatch.setattr(Listener, "end_job", fail)
    runner = Runner(engine, "", DefaultArguments={"--extra-py-files": "missing.zip"})
    assert cause(runner.run())["ErrorMessage"].startswith("LAUNCH ERROR | ")
    assert [run["JobRunState"] for run in runner.runs()] == ["FAILED"]


@pytest.mark.parametrize("uri", ["s3://code/missing.zip", "lib.zip"])
def test_an_extra_python_file_that_is_not_there_fails_the_run(engine: Engine, uri: str) -> None:
    grants = (("s3:*", "*"), LOGS)
    runner = Runner(engine, "print('it ran')", grants=grants, DefaultArguments={"--extra-py-files": uri})
    assert cause(runner.run())["ErrorMessage"].startswith(f"LAUNCH ERROR | Failed to read {uri}: ")
    assert runner.output() == []


def test_a_run_whose_process_cannot_start_fails_and_the_next_one_succeeds(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    runner = Runner(engine, "print('done')")
    with monkeypatch.context() as patch:
        patch.setattr(jobs, "Process", lambda *_: (_ for _ in ()).throw(OSError("out of memory")))
        assert cause(runner.run())["ErrorMessage"] == "LAUNCH ERROR | out of memory"
    assert runner.run().status == "SUCCEEDED"


def test_a_run_that_may_not_write_its_log_works_without(engine: Engine) -> None:
    runner = Runner(engine, "print('hello')", grants=(READ_SCRIPT,))
    assert runner.run().status == "SUCCEEDED"
    assert runner.output() == []


@pytest.mark.parametrize("action", ["glue:StartJobRun", "glue:GetJobRun"])
def test_a_machine_needs_its_grants_to_run_a_job(engine: Engine, action: str) -> None:
    others = {"glue:StartJobRun", "glue:GetJobRun", "glue:BatchStopJobRun"} - {action}
    grants = tuple((other, RUN_JOBS[1]) for other in others)
    execution = Runner(engine, "print()", machine_grants=grants).run()
    assert execution.error == "Glue.AccessDeniedException"
    assert f"not authorized to perform: {action}" in str(execution.cause)


def test_what_the_engine_does_not_model_of_glue_it_says(engine: Engine) -> None:
    runner = Runner(engine, "")
    with pytest.raises(ClientError, match="the local engine does not model UpdateJob"):
        runner.glue.update_job(JobName="job", JobUpdate={})
    for name, run_id in (("none", "jr"), ("job", "jr")):
        with pytest.raises(runner.glue.exceptions.EntityNotFoundException):
            runner.glue.get_job_run(JobName=name, RunId=run_id)


def _works(pid: int) -> bool:
    """Return whether a process is there and no zombie."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
