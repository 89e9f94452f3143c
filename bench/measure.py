"""Measuring whole processes side by side."""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Final, Literal

import msgspec

from bench.figure import ratios

PACKAGES: Final = ("ceap", "templates", "handlers", "guard_rules")
CEAP: Final = str(Path(sys.executable).with_name("ceap"))


class Cost(msgspec.Struct, frozen=True):
    """What one process took: CPU of itself and its children, wall clock, peak memory of the largest."""

    cpu_s: float
    wall_s: float
    peak_mib: float


def run(command: Sequence[str]) -> Cost:
    """Run a command to its end and return what it took.

    Raises:
        RuntimeError: the command failed.
    """
    launcher = [sys.executable, "-I", "-S", str(Path(__file__).with_name("child.py")), *command]
    done = subprocess.run(launcher, check=True, capture_output=True, env=_environment())  # noqa: S603 (our own commands)
    took = json.loads(done.stdout)
    if took.pop("exit_code") != 0:
        raise RuntimeError(f"{' '.join(command)} failed: {done.stderr.decode()}")
    return Cost(**took)


def told(command: Sequence[str]) -> dict[str, float]:
    """Run a command that measures itself, and return the JSON that it prints.

    Raises:
        RuntimeError: the command failed.
    """
    done = subprocess.run(command, capture_output=True, text=True, env=_environment(), check=False)  # noqa: S603 (our own)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed: {done.stderr}")
    took: dict[str, float] = json.loads(done.stdout)
    return took


def interleave(commands: Mapping[str, Sequence[str]], repeats: int, *, warm: bool = True) -> dict[str, list[Cost]]:
    """Run each command once to warm up, then all of them in turn `repeats` times; return their costs."""
    for command in commands.values() if warm else ():
        run(command)
    costs: dict[str, list[Cost]] = {name: [] for name in commands}
    for _ in range(repeats):
        for name, command in commands.items():
            costs[name].append(run(command))
    return costs


def median_cpu_s(costs: Sequence[Cost]) -> float:
    return statistics.median(cost.cpu_s for cost in costs)


def median_ratio(costs: Sequence[Cost], anchor: Sequence[Cost], field: Literal["cpu_s", "wall_s"] = "cpu_s") -> float:
    """Return the median of the ratios of CPU or wall clock, each of two runs that were neighbours."""
    ours, theirs = ([getattr(cost, field) for cost in runs] for runs in (costs, anchor))
    return statistics.median(ratios(ours, theirs))


def table(title: str, costs: Mapping[str, Sequence[Cost]]) -> Iterator[str]:
    """Yield a table of the medians of commands."""
    yield f"| {title} | wall s, median | CPU s, median |"
    yield "|---|---|---|"
    for name, runs in costs.items():
        wall, cpu = (statistics.median(getattr(cost, field) for cost in runs) for field in ("wall_s", "cpu_s"))
        yield f"| {name} | {wall:.2f} | {cpu:.2f} |"
    yield ""


@contextmanager
def serve() -> Iterator[list[str]]:
    """Run bench/server.py in a process of its own; give the settings of a process that takes it for AWS."""
    command = [sys.executable, str(Path(__file__).with_name("server.py"))]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:  # noqa: S603 - our own command
        try:
            port = int(server.stdout.readline() if server.stdout else 0)
            yield [
                f"AWS_ENDPOINT_URL=http://127.0.0.1:{port}",
                "AWS_ACCESS_KEY_ID=key",
                "AWS_SECRET_ACCESS_KEY=secret",
                "AWS_DEFAULT_REGION=eu-central-1",
            ]
        finally:
            server.terminate()


def machine(more: Iterable[str] = ()) -> str:
    """Return what says what was measured on, with `more` versions."""
    parts = [f"{platform.system()} {platform.machine()}", f"{os.cpu_count()} cores"]
    return ", ".join([*parts, f"Python {platform.python_version()}", *more])


def versions(*packages: str) -> list[str]:
    """Return the names of Python packages, each with its version."""
    return [f"{package} {version(package)}" for package in packages]


def _environment() -> dict[str, str]:
    """Return the environment without the switch that has every process compile all it imports."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
