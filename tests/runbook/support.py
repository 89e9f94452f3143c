"""The two workflows of an operator's day, in an engine that runs what it is sent while commands are typed."""

from __future__ import annotations

import re
import shlex
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest

from ceap import cli, project
from ceap.local.engine import Engine
from ceap.local.packages import build_zips
from ceap.operate import drain, replay_letters
from ceap.project import ROOT
from templates import discovery, naming
from templates.config import load_workflow
from templates.render import render
from templates.stacks import foundation_stack, workflow_stack
from tests import processes
from tests.commands.shipping import aws_of_ship
from tests.own_handlers import handlers_in
from tests.pages import STEP, change, save

RUNBOOK: Final = ROOT / "docs/runbook"
A_DAY: Final = (RUNBOOK / "a-day.md").read_text(encoding="utf-8")
QUEUE: Final = re.compile(r"ceap-[a-z]+-[a-z0-9]+-queue")
REST_S: Final = 300.0
"""How long the engine may take to come to rest, in real seconds."""


class Typed(NamedTuple):
    """What a command printed, what it told on standard error, and its exit code."""

    printed: str
    told: str
    code: int


class Place:
    """An engine, which is AWS, and a folder with a project, in which commands are typed."""

    def __init__(self, engine: Engine, folder: Path) -> None:
        self.engine = engine
        self.folder = folder
        self._stacks: Final[set[str]] = set()
        self._is_over = False
        self._hours: list[float] = []
        self._has_passed: Final = threading.Event()

    def work(self) -> None:
        """Run what is sent, until the place is left; for a thread of its own."""
        self.engine.serve(self._looks_up)

    def leave(self) -> None:
        self._is_over = True

    def later(self, hours: float) -> None:
        """Let hours of the engine's time pass."""
        self._has_passed.clear()
        self._hours.append(hours)
        assert self._has_passed.wait(REST_S), "the engine does not let time pass"

    def _looks_up(self) -> bool:
        # The engine's own thread lets time pass: two would take the same messages.
        while self._hours:
            self.engine.travel(self._hours.pop() * 3600)
            self._has_passed.set()
        return self._is_over

    def write(self, path: str, body: str) -> None:
        """Write a file of the project."""
        save(self.folder / path, body)
        discovery.forget_handlers()

    def change(self, path: str, diff: str) -> None:
        """Change a file of the project, as a page says it."""
        change(self.folder / path, diff)
        discovery.forget_handlers()

    def type(self, command: str, capsys: pytest.CaptureFixture[str]) -> Typed:
        """Type a command, and wait until the engine has done what came of it."""
        name, *words = shlex.split(command)
        capsys.readouterr()
        if name == "ceap":
            code = cli.main(words)
            typed = Typed(*capsys.readouterr(), code)
        else:
            assert name == "python", command
            done = processes.run([sys.executable, *words], capture_output=True, text=True, check=False)
            typed = Typed(done.stdout, done.stderr, done.returncode)
        self.rest()
        return typed

    def deploy(self, environment: str, workflow: str) -> None:
        """Deploy a workflow and the foundation as they are here, if they are not yet, without a command."""
        bucket = f"ceap-artifacts-{environment}-{self.engine.account}"
        for name in (naming.FOUNDATION, workflow):
            stack = naming.stack(name, environment)
            if stack not in self._stacks:
                self._stacks.add(stack)
                template = foundation_stack() if name != workflow else workflow_stack(load_workflow(self._file(name)))
                values = {"Environment": environment, "HandlersPrefix": "handlers/"}
                known = {key: value for key, value in values.items() if key in template["Parameters"]}
                self.engine.deploy(render(template), stack, known)
            if name != workflow:
                for file, package in build_zips().items():
                    self.engine.client("s3").put_object(Bucket=bucket, Key=f"handlers/{file}", Body=package)

    def _file(self, workflow: str) -> Path:
        return self.folder / "workflows" / f"{workflow}.yaml"

    def rest(self) -> None:
        """Wait until no pipe has a message to take and no execution runs."""
        deadline = time.monotonic() + REST_S
        while self._is_busy():
            assert time.monotonic() < deadline, "the engine does not come to rest"
            time.sleep(0.1)

    def items(self, table: str) -> dict[str, Any]:
        """Return the items of a table by their ids."""
        pages = self.engine.client("dynamodb").get_paginator("scan").paginate(TableName=table)
        return {item["id"]["S"]: item for page in pages for item in page["Items"]}

    def waiting(self, queue: str) -> int:
        """Return how many messages a queue has, also those that nobody sees."""
        sqs = self.engine.client("sqs")
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
        return sum(map(int, sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"].values()))

    def _is_busy(self) -> bool:
        urls = self.engine.client("sqs").list_queues(QueueNamePrefix="ceap-").get("QueueUrls", ())
        queues = [name for url in urls if QUEUE.fullmatch(name := url.rpartition("/")[2])]
        return any(self.waiting(queue) for queue in queues if self._takes(queue)) or any(
            execution.status == "RUNNING" for execution in self.engine.executions
        )

    def _takes(self, queue: str) -> bool:
        pipe = self.engine.client("pipes").describe_pipe(Name=queue.removesuffix("-queue"))
        return bool(pipe["CurrentState"] == "RUNNING")


@contextmanager
def place(folder: Path) -> Iterator[Place]:
    """Yield an engine and an empty project in a folder, which is the current one meanwhile."""
    with pytest.MonkeyPatch.context() as patch, handlers_in(folder / "handlers"), aws_of_ship() as engine:
        patch.chdir(folder)
        patch.setenv("COLUMNS", "200")
        patch.setattr(drain, "SETTLED_S", 0.0)  # an engine counts at once
        patch.setattr(replay_letters, "WAIT_S", 0)
        patch.setattr(project, "WORKFLOWS", folder / "workflows")
        found = Place(engine, folder)
        working = threading.Thread(target=found.work, name="engine", daemon=True)
        working.start()
        try:
            yield found
        finally:
            found.leave()
            working.join()


def write_the_day(at: Place) -> None:
    """Write the files that the day begins with."""
    for step in STEP.finditer(A_DAY):
        if step["verb"] is None:
            return
        at.write(step["path"], step["body"])
