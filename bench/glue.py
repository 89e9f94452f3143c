"""The Glue job in local Spark, by the number of records, against the same transform in plain pyspark."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final, NamedTuple

import boto3  # type: ignore[import-untyped]  # boto3 ships no types
import psutil
from moto.moto_server.threaded_moto_server import ThreadedMotoServer

from bench.figure import Figure, Seen, ratios
from bench.measure import versions as versions_of
from handlers.runtime.contract import output_key
from handlers.runtime.document import EDGE_BYTES, read_footer
from tests.glue.support import EXECUTION, GLUE, document, install_library, job_arguments, job_environment

REPEATS: Final = {10_000: 1, 100_000: 1, 1_000_000: 2}
"""How often each number of records is measured."""
BUCKET: Final = "bench"
SAMPLE_S: Final = 0.1
FIGURES: Final = (
    Figure("CPU for 1 M records, of a plain pyspark job of the same transform", 2),
    Figure("peak memory of the JVM at 1 M records, with a heap of 1 GB", 1536, "MiB"),
)


class Spent(NamedTuple):
    """What a job and all processes that it started took; peaks of memory of its JVM and of all."""

    wall_s: float
    cpu_s: float
    java_mib: float
    peak_mib: float


def versions() -> list[str]:
    return versions_of("pyspark") if find_spec("pyspark") else ["without pyspark"]


def measure(folder: Path) -> Iterator[str | Seen]:
    """Yield the report, or that it is skipped; `folder` is for files of the measurement."""
    if not find_spec("pyspark"):
        yield "skipped: Spark is not installed; install it: make glue"
        return
    install_library(folder)
    yield "| job | records | wall s | CPU s | peak MiB of the JVM | peak MiB of all |"
    yield "|---|---|---|---|---|---|"
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        environment = job_environment("http://{}:{}".format(*server.get_host_and_port()), folder)
        s3 = _bucket(environment)
        for size, repeats in REPEATS.items():
            runs = [_run_both(environment, s3, folder / f"{size}-{number}", size) for number in range(repeats)]
            ours, plain = zip(*runs, strict=True)
            for name, found in (("ceap", ours), ("plain", plain)):
                cells = (statistics.median(values) for values in zip(*found, strict=True))
                yield f"| {name} | {size:,} | {' | '.join(f'{cell:.0f}' for cell in cells)} |"
    finally:
        server.stop()
    yield "\n(local[2], --driver-memory 1g)"
    ratio = statistics.median(ratios([each.cpu_s for each in ours], [each.cpu_s for each in plain]))
    yield from map(Seen, FIGURES, (ratio, max(each.java_mib for each in ours)))


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


def _run_both(environment: dict[str, str], s3: Any, folder: Path, size: int) -> tuple[Spent, Spent]:
    """Run the job and its peer on as many records.

    Raises:
        RuntimeError: one failed, or they tell other things of the customers.
    """
    folder.mkdir()
    lines, out = folder / "records.jsonl", folder / "out"
    with lines.open("w", encoding="utf-8") as file:
        file.writelines(f"{json.dumps(_candidate(number), ensure_ascii=False)}\n" for number in range(size))
    s3.put_object(Bucket=BUCKET, Key=output_key(EXECUTION, "BeforeStage"), Body=document(map(_candidate, range(size))))
    arguments = job_arguments(BUCKET, "BeforeStage", "OwnStage", "run")
    ours = _watch([sys.executable, str(GLUE / "heavy_etl.py"), *arguments], environment)
    plain_environment = environment | {"PYTHONPATH": f"{environment['PYTHONPATH']}:{GLUE}"}
    peer = str(Path(__file__).with_name("plain_job.py"))
    plain = _watch([sys.executable, "-P", peer, str(lines), str(out)], plain_environment)
    written = s3.get_object(Bucket=BUCKET, Key=output_key(EXECUTION, "OwnStage"))["Body"].read()
    if read_footer(written[-EDGE_BYTES:], "the job's output") != size:
        raise RuntimeError(f"the job lost some of {size} records")
    if size == min(REPEATS):
        _compare(json.loads(written)["data"], out)
    return ours, plain


def _compare(records: list[dict[str, Any]], out: Path) -> None:
    """Raise RuntimeError unless both sides tell the same of each candidate's customer."""
    theirs = [json.loads(line) for part in out.glob("part-*") for line in part.open(encoding="utf-8")]
    sides = [
        {each["subject"]["id"]: each["subject"]["metadata"]["customerHistory"] for each in side}
        for side in (records, theirs)
    ]
    if sides[0] != sides[1]:
        raise RuntimeError("heavy_etl and its peer write different histories of customers")


def _watch(command: list[str], environment: dict[str, str]) -> Spent:
    """Run a job; what it takes is sampled.

    The JVM and the workers are nobody's children in the end, so no `wait` accounts for them.
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
    return Spent(time.perf_counter() - start, sum(cpu.values()), java / 2**20, peak / 2**20)


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
