"""Failures of Glue jobs as their developer reads them: real processes, mostly without Spark."""

from __future__ import annotations

from textwrap import dedent
from typing import Any

import pytest

from ceap.archive import build_zip
from ceap.local import jobs
from ceap.local.engine import Engine
from ceap.local.progress import Progress
from tests.local.support import CODE_BUCKET, CODE_KEY
from tests.local.test_jobs import LOGS, READ_SCRIPT, TASK, Runner

ARGUMENTS = {
    "--execution-id.$": "$$.Execution.Name",
    "--output-key.$": "States.Format('executions/{}/Job/output.json', $$.Execution.Name)",
}
LIBRARY = "lib.zip"
LIB_JOB = """
class JobError(Exception): ...

def run(work):
    try:
        work()
    except Exception as error:
        raise JobError(f"{error} (from s3://b/in to s3://b/out)") from None
"""


class Told(Progress):
    """Keeps what is told of a run of a job, and its failure."""

    def __init__(self, engine: Engine, *, logs: bool = False, all_frames: bool = False) -> None:
        self.said: list[str] = []
        super().__init__(self.said.append, messages=1, logs=logs, metrics=False, all_frames=all_frames)
        engine.listen(self.follow, self)


def run(engine: Engine, script: str, *, all_frames: bool = False, logs: bool = False, **properties: Any) -> Told:
    """Run a job of that script; `lib.job` stands beside it as in `glue/`."""
    extra = {"--extra-py-files": f"s3://{CODE_BUCKET}/{LIBRARY}"}
    runner = Runner(
        engine,
        dedent(script),
        grants=(READ_SCRIPT, ("s3:GetObject", f"arn:aws:s3:::{CODE_BUCKET}/{LIBRARY}"), LOGS),
        task=TASK | {"Parameters": {"JobName": "job", "Arguments": ARGUMENTS}},
        DefaultArguments=extra,
        **properties,
    )
    library = build_zip({"lib/__init__.py": b"", "lib/job.py": LIB_JOB.encode()})
    engine.client("s3").put_object(Bucket=CODE_BUCKET, Key=LIBRARY, Body=library)
    told = Told(engine, all_frames=all_frames, logs=logs)
    runner.run()
    return told


def test_an_exception_is_shown_in_the_repository_with_what_the_job_printed(engine: Engine) -> None:
    script = """
    import sys
    from lib.job import run
    def work():
        print("two rows")
        print("noise", file=sys.stderr)
        {}["colour"]
    run(work)
    """
    told = run(engine, script)
    assert told.failures() == [
        "",
        "Job failed in attempt 1",
        f"  KeyError: 'colour', at glue/{CODE_KEY}:7",
        f"    glue/{CODE_KEY}:7 in work",
        '        {}["colour"]',
        "  1 last line that it printed:",
        "  | two rows",
    ]
    assert [line for line in told.said if " | " in line] == [f"  {'Job':<20} | two rows"]
    [(path, log)] = told.log_files().items()
    assert path == f"executions/{engine.executions[0].name}/logs/Job.log"
    assert {b"two rows", b"noise"} < set(log.splitlines())


def test_all_frames_are_shown_if_they_are_wanted(engine: Engine) -> None:
    told = run(engine, "from lib.job import run\nrun(lambda: 1 / 0)", all_frames=True, logs=True)
    assert told.failures()[2:] == [
        f"  ZeroDivisionError: division by zero, at glue/{CODE_KEY}:2",
        "    glue/lib/job.py:6 in run",
        "        work()",
        f"    glue/{CODE_KEY}:2 in <lambda>",
        "        run(lambda: 1 / 0)",
    ]


def test_a_module_that_is_missing_is_shown_on_its_line(engine: Engine) -> None:
    assert run(engine, "\nimport no_such_module").failures()[2:] == [
        f"  ModuleNotFoundError: No module named 'no_such_module', at glue/{CODE_KEY}:2",
        f"    glue/{CODE_KEY}:2 in <module>",
        "        import no_such_module",
    ]


def test_a_syntax_error_is_shown_on_its_line(engine: Engine) -> None:
    assert run(engine, "def work()\n    pass").failures()[2:] == [
        f"  SyntaxError: expected ':', at glue/{CODE_KEY}:1",
        f"    glue/{CODE_KEY}:1",
        "        def work()",
    ]


def test_a_denial_names_action_resource_and_what_can_be_done(engine: Engine) -> None:
    script = "import boto3\nboto3.client('s3').get_object(Bucket='other', Key='k')"
    told = run(engine, script)
    assert told.failures()[2:] == [
        f"  AccessDenied: s3:GetObject on arn:aws:s3:::other/k was denied, at glue/{CODE_KEY}:2",
        f"    glue/{CODE_KEY}:2 in <module>",
        "        boto3.client('s3').get_object(Bucket='other', Key='k')",
        "  cure: the role of a job may read its input and write its own output; do without the call, or grant it to "
        "the role of job",
    ]


def test_a_timeout_shows_where_the_job_was_and_names_the_field_of_the_step(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "MINUTE_S", 2.0)
    told = run(engine, "import time\ntime.sleep(60)", Timeout=1)
    assert told.failures()[2:] == [
        f"  The job ran longer than its timeout of 1 minutes; it was at glue/{CODE_KEY}:2",
        f"    glue/{CODE_KEY}:2 in <module>",
        "        time.sleep(60)",
        "  cure: raise timeout_min of the step, now 1, or make the job faster",
    ]


@pytest.mark.parametrize(
    ("script", "headline"),
    [
        ("import sys; sys.exit('gave up')", "gave up"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "The job was ended by SIGKILL"),
    ],
)
def test_a_job_that_ends_without_an_exception_has_its_last_words(engine: Engine, script: str, headline: str) -> None:
    assert run(engine, script).failures()[2:] == [f"  {headline}"]


def test_a_failure_that_was_asked_for_has_only_its_line(engine: Engine) -> None:
    engine.jobs.inject("job", "TransientStageError", 1)
    told = run(engine, "print('it ran')")
    assert told.failures() == []
    assert "TransientStageError: This failure was asked for" in told.said[1]


@pytest.mark.glue
def test_a_function_that_fails_in_a_worker_of_spark_is_shown_without_java(engine: Engine) -> None:
    script = """
    from pyspark.sql import SparkSession
    def share(row):
        return 1 // row
    print(SparkSession.builder.getOrCreate().sparkContext.parallelize([0], 1).map(share).collect())
    """
    assert run(engine, script).failures()[2:] == [
        f"  ZeroDivisionError: integer division or modulo by zero, at glue/{CODE_KEY}:4",
        f"    glue/{CODE_KEY}:5 in <module>",
        "        print(SparkSession.builder.getOrCreate().sparkContext.parallelize([0], 1).map(share).collect())",
        f"    glue/{CODE_KEY}:4 in share",
        "        return 1 // row",
    ]
