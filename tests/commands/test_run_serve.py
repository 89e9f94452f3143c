"""`ceap run --serve`: it runs what comes through its endpoint until it is asked to end, and then reports."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3  # type: ignore[import-untyped]  # no types
import psutil
import pytest

from ceap.cli import main
from tests import processes
from tests.commands.test_run import PROGRAM, RUN
from tests.local.support import STAGES
from tests.reference import MESSAGE

SERVE = [*RUN, "--serve"]


class Server:
    """A served workflow in a process of its own; `place` is what it told a program of its endpoint."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        assert process.stdout is not None
        self.place = json.loads(process.stdout.readline())

    def client(self, service: str) -> Any:
        keys = self.place["environment"]
        return boto3.client(
            service,
            endpoint_url=keys["AWS_ENDPOINT_URL"],
            region_name=keys["AWS_REGION"],
            aws_access_key_id=keys["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=keys["AWS_SECRET_ACCESS_KEY"],
            aws_session_token=keys["AWS_SESSION_TOKEN"],
        )

    def send(self, body: str) -> None:
        self.client("sqs").send_message(QueueUrl=self.place["queueUrl"], MessageBody=body)

    def receive(self, queue_url: str) -> str:
        """Return the body of the next message of a queue, and leave it there; a jump of the clock ends a long poll."""
        messages: list[dict[str, str]] = []
        while not messages:
            answer = self.client("sqs").receive_message(QueueUrl=queue_url, WaitTimeSeconds=20, VisibilityTimeout=0)
            messages = answer.get("Messages", [])
        return messages[0]["Body"]

    def wait_for(self, start: str, end: str = "") -> None:
        """Return as soon as a line with this start and end was told."""
        assert self.process.stderr is not None
        next(line for line in self.process.stderr if line.startswith(start) and line.endswith(f"{end}\n"))

    def end(self, number: int) -> tuple[int, dict[str, Any], str]:
        """Ask it to end; return its exit code, its report and what it told from now on."""
        workers = psutil.Process(self.process.pid).children(recursive=True)
        forked_from = 1 if sys.platform == "linux" else 0
        assert len(workers) == len(STAGES) + forked_from
        self.process.send_signal(number)
        out, told = self.process.communicate(timeout=60)
        assert [worker for worker in workers if worker.is_running()] == []
        return self.process.returncode, json.loads(out), told


@contextmanager
def serve(folder: Path, *words: str) -> Iterator[Server]:
    process = processes.Popen(
        [sys.executable, "-c", PROGRAM, *SERVE, "--json", *words],
        env={**os.environ, "TMPDIR": str(folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            yield Server(process)
        finally:
            process.kill()


def test_messages_are_run_as_they_come_until_it_is_interrupted(tmp_path: Path) -> None:
    temporary, kept = tmp_path / "temporary", tmp_path / "kept"
    temporary.mkdir()
    with serve(temporary, "--keep", str(kept)) as server:
        server.send(MESSAGE)
        server.wait_for("execution ", "SUCCEEDED")
        bucket, *_ = server.place["buckets"]
        assert len(server.client("s3").list_objects_v2(Bucket=bucket)["Contents"]) == 7
        server.send("no JSON")
        assert server.receive(server.place["deadLetterQueueUrl"]) == "no JSON"
        code, report, told = server.end(signal.SIGINT)
    assert code == 0, told
    assert [report[f"messages{what}"] for what in ("Sent", "Left", "DeadLettered")] == [2, 0, 1]
    statuses = [execution["status"] for execution in report["executions"]]
    assert (report["status"], statuses) == ("FAILED", ["SUCCEEDED", "FAILED", "FAILED", "FAILED"])
    assert "\n  again in executions 3 and 4\n" in told
    assert json.loads((kept / "latest" / "report.json").read_text(encoding="utf-8")) == report
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_what_runs_at_the_end_is_aborted_and_reported(tmp_path: Path, number: int) -> None:
    with serve(tmp_path) as server:
        server.send(MESSAGE)
        server.wait_for("execution ")
        code, report, told = server.end(number)
    assert code == 0, told
    [execution] = report["executions"]
    assert (execution["status"], report["messagesSent"], report["messagesLeft"]) == ("ABORTED", 1, 1)
    assert "Traceback" not in told
    assert list(tmp_path.iterdir()) == []


def test_a_person_is_told_the_place_and_a_program_in_one_document(tmp_path: Path) -> None:
    with serve(tmp_path) as server:
        place = server.place
        _, _, told = server.end(signal.SIGINT)
    url, account = place["endpointUrl"], "123456789012"
    keys = [place["environment"].pop(f"AWS_{name}") for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN")]
    assert place == {
        "workflow": "express",
        "endpointUrl": url,
        "queueUrl": f"{url}/{account}/ceap-express-local-queue",
        "deadLetterQueueUrl": f"{url}/{account}/ceap-express-local-dead-letter-queue",
        "stateMachineArn": f"arn:aws:states:us-east-1:{account}:stateMachine:ceap-express-local",
        "buckets": [f"ceap-workflow-local-{account}"],
        "tables": place["tables"],
        "workers": {stage: f"ceap-express-local-{stage.removesuffix('Stage')}" for stage in STAGES},
        "existingFunctions": {},
        "environment": {
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": url,
            "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "false",
            "AWS_REGION": "us-east-1",
        },
    }
    assert [key for key in keys if key in told] == []


@pytest.mark.parametrize("option", [{"--message": "m.json"}, {"--count": "2"}, {"--watch": ""}])
def test_what_sends_or_runs_again_is_refused(capsys: pytest.CaptureFixture[str], option: Mapping[str, str]) -> None:
    [(name, value)] = option.items()
    assert main([*SERVE, name, *[value] * bool(value)]) == 2
    assert capsys.readouterr().err == (
        f"ceap: --serve takes no {name}: it runs the messages that come through its endpoint, with the code as it was "
        f"deployed; leave out {name}\n"
    )
