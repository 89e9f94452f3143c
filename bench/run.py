"""`ceap run` of one message, everything included, against the imports that the engine stands on."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from bench.declarations import declaration
from bench.figure import Figure, Seen
from bench.measure import CEAP, interleave, median_ratio, table
from bench.measure import versions as versions_of
from ceap import project

REPEATS: Final = 5
FIGURES: Final = (Figure("CPU for one message, of that of starting moto's server and a boto3 client", 4),)
_LIMIT: Final = """
import boto3
from moto.moto_server.threaded_moto_server import ThreadedMotoServer
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
url = "http://{}:{}".format(*server.get_host_and_port())
keys = dict(aws_access_key_id="key", aws_secret_access_key="secret", region_name="eu-central-1")
for service in "cloudformation", "s3", "sqs", "stepfunctions", "iam", "dynamodb", "lambda":
    boto3.client(service, endpoint_url=url, **keys)
server.stop()
"""


def versions() -> list[str]:
    return versions_of("moto")


def measure(_folder: Path) -> Iterator[str | Seen]:
    """Yield the report."""
    path = declaration()
    name, [workflow] = os.path.relpath(path), project.load_workflows([path])
    commands = {
        "moto's server and clients of seven services": [sys.executable, "-c", _LIMIT],
        "one message": [CEAP, "run", name],
        "ten messages": [CEAP, "run", name, "--count", "10"],
        "one message, a stage retried": [CEAP, "run", name, "--fail", f"{workflow.steps[-1].stage}:1"],
    }
    costs = interleave(commands, REPEATS)
    yield from table(f"ceap run {name}", costs)
    limit, one, *_ = costs.values()
    [figure] = FIGURES
    yield Seen(figure, median_ratio(one, limit))
