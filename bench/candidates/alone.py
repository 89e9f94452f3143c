"""The limit of the engine: the handlers of a workflow called one after the other in one process, S3 being a folder.

`python -m bench.candidates.alone DECLARATION WARM COUNT`, as `bench.messages`.
"""

import contextlib
import importlib
import json
import os
import sys
import time
from pathlib import Path

import handlers.runtime.aws
from bench import files
from bench.stage import Invocation
from handlers.runtime.needs import EVENT_BUS_VARIABLE, SETTINGS_VARIABLE, table_variable


def main(path: Path, warm: int, count: int) -> dict[str, float]:
    """Return CPU and wall clock of `count` messages."""
    # These import stages, whose modules shall take the other client.
    from ceap import project
    from ceap.local import request
    from templates import discovery

    [workflow] = project.load_workflows([path])
    body = request.load_body(None, path.parent / "messages" / f"{workflow.name}.json")
    os.environ |= {table_variable(name): name for name in discovery.tables()}
    os.environ |= {EVENT_BUS_VARIABLE: "default", "AWS_LAMBDA_FUNCTION_NAME": "bench"}
    steps = workflow.lambda_steps
    before = [None, *(step.stage for step in steps)]
    modules = [importlib.import_module(f"handlers.{step.handler}") for step in steps]

    def send(messages: range) -> None:
        for number in messages:
            for step, previous, module in zip(steps, before, modules, strict=False):
                os.environ[SETTINGS_VARIABLE] = json.dumps(dict(step.settings))
                event = {
                    "executionId": f"message-{number}",
                    "currentStage": step.stage,
                    "previousStage": previous,
                    "workflowBucket": "bucket",
                    "initialData": None if previous else body,
                }
                module.handler(event, Invocation())

    send(range(warm))
    start, own = time.perf_counter(), time.process_time()
    send(range(warm, warm + count))
    took = time.process_time() - own
    return {"wall_s": time.perf_counter() - start, "cpu_s": took, "workers_s": took}


if __name__ == "__main__":
    vars(handlers.runtime.aws).update(client=files.client)
    with contextlib.redirect_stdout(sys.stderr):  # the lines that handlers log
        found = main(Path(sys.argv[1]), *map(int, sys.argv[2:]))
    print(json.dumps(found))
