"""The Glue job in local Spark, by the number of records: time and memory of all its processes."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import boto3  # type: ignore[import-untyped]  # boto3 ships no types
import psutil
from moto.moto_server.threaded_moto_server import ThreadedMotoServer

from bench.figure import Figure
from bench.measure import versions as versions_of
from handlers.runtime.contract import output_key
from handlers.runtime.document import EDGE_BYTES, read_footer
from tests.glue.support import EXECUTION, GLUE, document, install_library, job_arguments, job_environment

SIZES: Final = (10_000, 100_000, 1_000_000)
BUCKET: Final = "bench"
SAMPLE_S: Final = 0.1
FIGURES: Final[tuple[Figure, ...]] = ()


def versions() -> list[str]:
    return versions_of("pyspark")


def measure(folder: Path) -> Iterator[str]:
    """Yield the report; `folder` is for files of the measurement."""
    install_library(folder)
    yield "| records | MB | wall s | CPU s | peak MiB of the JVM | peak MiB of all |"
    yield "|---|---|---|---|---|---|"
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        environment = job_environment("http://{}:{}".format(*server.get_host_and_port()), folder)
        s3 = _bucket(environment)
        for size in SIZES:
            yield _run(environment, s3, size)
    finally:
        server.stop()
    yield "\n(local[2], --driver-memory 1g; goal: that heap is enough for any number of records)"


def _bucket(environment: dict[str, str]) -> Any:
    s3 = boto3.client(
        "s3",
        endpoint_url=environment["AWS_ENDPOINT_URL"],
        region_name=environment["AWS_DEFAULT_REGION"],
        aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
    )
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": s3.meta.region_name})
    return s3


def _run(environment: dict[str, str], s3: Any, size: int) -> str:
    body = document(map(_candidate, range(size)))
    s3.put_object(Bucket=BUCKET, Key=output_key(EXECUTION, "BeforeStage"), Body=body)
    arguments = job_arguments(BUCKET, "BeforeStage", "OwnStage", "run")
    wall_s, cpu_s, java_mib, peak_mib = _watch([sys.executable, str(GLUE / "heavy_etl.py"), *arguments], environment)
    tail = s3.get_object(Bucket=BUCKET, Key=output_key(EXECUTION, "OwnStage"), Range=f"bytes=-{EDGE_BYTES}")
    if read_footer(tail["Body"].read(), "the job's output") != size:
        raise RuntimeError(f"the job lost some of {size} records")
    return f"| {size:,} | {len(body) / 1e6:.0f} | {wall_s:.0f} | {cpu_s:.0f} | {java_mib:.0f} | {peak_mib:.0f} |"


def _watch(command: list[str], environment: dict[str, str]) -> tuple[float, float, float, float]:
    """Run a command; return its wall and CPU seconds, and the peak of its JVM and of all its processes, in MiB.

    Sampled: the JVM and the workers are nobody's children in the end, so no `wait` accounts for them.
    """
    start = time.perf_counter()
    process = subprocess.Popen(command, env=environment, stdout=sys.stderr)  # noqa: S603 (our own script)
    cpu: dict[int, float] = {}
    java = peak = 0
    while process.poll() is None:
        resident = {seen.pid: (seen.name(), seen.memory_info().rss) for seen in _tree(process.pid, cpu)}
        java = max([java, *(rss for name, rss in resident.values() if name == "java")])
        peak = max(peak, sum(rss for _, rss in resident.values()))
        time.sleep(SAMPLE_S)
    if process.returncode:
        raise RuntimeError("the job failed")
    return time.perf_counter() - start, sum(cpu.values()), java / 2**20, peak / 2**20


def _tree(pid: int, cpu: dict[int, float]) -> Iterator[Any]:
    """Yield the living processes of a tree, noting what CPU each has taken so far."""
    try:
        root = psutil.Process(pid)
        found = [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return
    for process in found:
        try:
            with process.oneshot():
                times = process.cpu_times()
                cpu[process.pid] = times.user + times.system
                yield process
        except psutil.NoSuchProcess:
            continue


def _candidate(number: int) -> dict[str, Any]:
    """Return a candidate of about 450 bytes, three to a customer."""
    return {
        "customerId": f"customer-{number // 3}",
        "context": [{"type": "program", "id": "retention"}, {"type": "marketplace", "id": "DE"}],
        "subject": {"type": "order", "id": f"order-{number}", "metadata": {"title": "Größe 42"}},
        "attributes": {
            "eventDate": "2026-01-01T00:00:00Z",
            "orderValue": number / 7,
            "channelEligibility": {"email": True, "push": False},
        },
        "metadata": {
            "createdAt": "2026-01-01T00:00:00Z",
            "updatedAt": "2026-01-01T00:00:00Z",
            "expiresAt": "2036-01-01T00:00:00Z",
            "version": 1,
            "sourceConnectorId": "message",
            "workflowExecutionId": EXECUTION,
        },
    }
