"""`ceap run --serve`: a workflow that stays up, with an endpoint for the tools and SDKs of AWS."""

from __future__ import annotations

import shlex
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import msgspec

from ceap.local import runner
from ceap.local.engine import Engine
from ceap.local.order import Order
from ceap.local.progress import Progress
from ceap.local.run_report import count_messages
from ceap.local.runner import Deployment, Remains
from templates import discovery, naming


class Endpoint(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Where a workflow is served; `environment` are the variables with which the tools of AWS find it.

    `tables` are the names of the declared tables, `workers` those of the function or Glue job of each stage, and
    `existing_functions` the ARNs of those that stages call, by the parameters that name them.
    """

    workflow: str
    endpoint_url: str
    queue_url: str
    dead_letter_queue_url: str
    state_machine_arn: str
    buckets: tuple[str, ...]
    tables: Mapping[str, str]
    workers: Mapping[str, str]
    existing_functions: Mapping[str, str]
    environment: Mapping[str, str]


def serve(
    engine: Engine,
    deployment: Deployment,
    order: Order,
    progress: Progress,
    say: Callable[[str], None],
    *,
    announce: Callable[[Endpoint], None],
) -> Remains:
    """Put the seed's data, announce the endpoint, run what comes until asked to end, and return what is there then."""
    runner.prepare(engine, deployment, order, progress, say)
    with _asked_to_end() as is_asked:
        announce(_find_endpoint(engine, deployment, order))
        executions = engine.serve(is_asked, once=order.once)
    return runner.collect(engine, deployment, executions, count_messages(executions))


def describe(endpoint: Endpoint, message: Path, *, has_triggers: bool) -> list[str]:
    """Return the lines that tell a person of an endpoint, with a command that sends the message in a file."""
    tables, existing = (", ".join(names.values()) for names in (endpoint.tables, endpoint.existing_functions))
    # Only this option keeps `aws sqs` from AWS: it has endpoints of its own for a region.
    send = ["aws", "sqs", "send-message", "--endpoint-url", endpoint.endpoint_url, "--queue-url", endpoint.queue_url]
    send += ["--message-body", f"file://{message.resolve()}"]
    return [
        f"{endpoint.workflow} is served at {endpoint.endpoint_url}; Ctrl-C ends it and prints the report",
        f"  queue              {endpoint.queue_url}",
        f"  dead-letter queue  {endpoint.dead_letter_queue_url}",
        f"  state machine      {endpoint.state_machine_arn}",
        f"  buckets            {', '.join(endpoint.buckets)}",
        *[f"  tables             {tables}"] * bool(tables),
        *[f"  existing functions {existing}"] * bool(existing),
        *["  triggers           do not fire here: neither the clock nor a new object sends a message"] * has_triggers,
        "paste this into another shell, then call AWS there, with temporary keys that only this endpoint takes:",
        *(f"  export {name}={shlex.quote(value)}" for name, value in endpoint.environment.items()),
        f"  {shlex.join(send)}",
    ]


def _find_endpoint(engine: Engine, deployment: Deployment, order: Order) -> Endpoint:
    outputs, foundation = deployment.stack.outputs, deployment.foundation.outputs
    names = {table: foundation.get(f"{naming.table_id(table)}Name") for table in discovery.tables()}
    return Endpoint(
        workflow=deployment.workflow,
        endpoint_url=engine.url,
        queue_url=_at(engine, outputs["QueueUrl"]),
        dead_letter_queue_url=_at(engine, outputs["DeadLetterQueueUrl"]),
        state_machine_arn=outputs["StateMachineArn"],
        buckets=(foundation["WorkflowBucket"], *order.seed.buckets),
        tables={table: name for table, name in names.items() if name},
        workers={state: stage.worker for state, stage in deployment.stages.items()},
        existing_functions=deployment.existing,
        # Of a shell that ignores endpoints the calls would go to AWS.
        environment=engine.driver.variables(engine.url) | {"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "false"},
    )


def _at(engine: Engine, queue_url: str) -> str:
    """Return the URL of a queue at the endpoint: some SDKs call the URL itself."""
    return f"{engine.url}/{engine.account}/{queue_url.rpartition('/')[2]}"


@contextmanager
def _asked_to_end() -> Iterator[Callable[[], bool]]:
    """Take Ctrl-C and a request to terminate for what they are here: the wish to end, and to see the report."""
    asked: list[int] = []
    kinds = (signal.SIGINT, signal.SIGTERM)
    previous = [signal.signal(kind, lambda number, _: asked.append(number)) for kind in kinds]
    try:
        yield lambda: bool(asked)
    finally:
        for kind, handler in zip(kinds, previous, strict=True):
            signal.signal(kind, handler)
