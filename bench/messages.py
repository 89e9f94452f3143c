"""Sends messages to a workflow in the local engine: `python -m bench.messages DECLARATION WARM COUNT`.

The workflow's own message, WARM times and then COUNT times; prints as JSON what the latter took.
"""

import json
import sys
import time
from pathlib import Path

import psutil

from ceap import project
from ceap.local import request, runner, seed
from ceap.local.engine import Engine


def main(path: Path, warm: int, count: int) -> dict[str, float]:
    """Return CPU of this process and of the workers' and wall clock of `count` messages.

    Raises:
        RuntimeError: an execution did not succeed.
    """
    [workflow] = project.load_workflows([path])
    body = request.load_body(None, path.parent / "messages" / f"{workflow.name}.json")
    seeds = request.load_seed_for(None, path.parent / "fixtures" / workflow.name, workflow)
    with Engine.start() as engine:
        deployment = runner.deploy(engine, request.build_for(workflow))
        seed.plant(seeds, engine.client, deployment.foundation.outputs)

        def send(messages: int) -> None:
            for _ in range(messages):
                engine.send(deployment.stack.outputs["QueueUrl"], body)
            engine.drain()

        send(warm)
        start, own, workers = time.perf_counter(), time.process_time(), _workers_s()
        send(count)
        wall_s, own_s, workers_s = time.perf_counter() - start, time.process_time() - own, _workers_s() - workers
        statuses = [execution.status for execution in engine.executions]
    if statuses != ["SUCCEEDED"] * (warm + count):
        raise RuntimeError(f"of {warm + count} executions {statuses.count('SUCCEEDED')} of {len(statuses)} succeeded")
    return {"wall_s": wall_s, "cpu_s": own_s + workers_s, "workers_s": workers_s}


def _workers_s() -> float:
    """Return the CPU that the processes which this one has started have taken so far."""
    times = [process.cpu_times() for process in psutil.Process().children(recursive=True)]
    return sum(each.user + each.system for each in times)


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]), *map(int, sys.argv[2:]))))
