"""A cold start: from the start of the process to the first object read by the filter's handler."""

from __future__ import annotations

import statistics
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from bench.figure import Figure, Seen
from bench.measure import interleave, median_cpu_s, median_ratio, serve
from bench.measure import versions as versions_of
from ceap.project import ROOT

REPEATS: Final = 21
FIGURES: Final = (Figure("CPU to the first object that a handler reads, of the same handler with boto3's client", 0.5),)

_LOAD: Final = """
import os, sys
from handlers.filter import handler
from handlers.runtime.logs import logger
logger().info("stage started")
"""
_OURS: Final = "from handlers.runtime.storage import Storage; Storage('bucket').read_tail('key', 65536, missing='')"
_BOTO3: Final = "import boto3; boto3.client('s3').get_object(Bucket='bucket', Key='key')['Body'].read()"
FIRST_OBJECT: Final = f"{_LOAD}\n{_OURS}"
# What a process does when it ends is no part of a start.
END: Final = "sys.stdout.flush(); os._exit(0)"

PROGRAMS: Final = {
    "python alone": "import os, sys",
    "the handler loaded, a line logged": _LOAD,
    "and botocore imported": f"{_LOAD}\nimport botocore.session, botocore.client",
    "boto3 alone: client and first object": f"import os, sys\n{_BOTO3}",
    "the handler with boto3.client('s3'): first object": f"{_LOAD}\n{_BOTO3}",
    "the handler: first object": FIRST_OBJECT,
}


def versions() -> list[str]:
    return versions_of("boto3")


def measure(_folder: Path) -> Iterator[str | Seen]:
    """Yield the report."""
    with serve() as settings:
        commands = {
            name: ["env", *settings, f"PYTHONPATH={ROOT}", sys.executable, "-c", f"{text}\n{END}"]
            for name, text in PROGRAMS.items()
        }
        costs = interleave(commands, REPEATS)
    *_, boto3, ours = costs
    yield "| from the start of the process, S3 being a server on this machine | CPU ms, median | wall ms | of boto3's |"
    yield "|---|---|---|---|"
    for name, runs in costs.items():
        wall = statistics.median(cost.wall_s for cost in runs)
        ratio = median_ratio(runs, costs[boto3])
        yield f"| {name} | {1000 * median_cpu_s(runs):.0f} | {1000 * wall:.0f} | {ratio:.2f} |"
    yield ""
    [figure] = FIGURES
    yield Seen(figure, median_ratio(costs[ours], costs[boto3]))
