"""Byte code for the functions' packages, compiled by the Python of the Lambda runtime, the same on every machine."""

import json
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Final

from ceap.errors import SetupError, UsageError
from templates import lambda_runtime

TASK_ROOT: Final = "/var/task"
"""Where Lambda unpacks a zip, and so what tracebacks name. Source: Lambda Developer Guide, "Lambda environment
variables"."""

_WHICH: Final = "import sys; print(sys.implementation.cache_tag, sys.version_info.releaselevel)"
_COMPILER: Final = str(Path(__file__).with_name("compiler.py"))


def compile_files(files: Mapping[str, bytes], own: str) -> dict[str, bytes]:
    """Return the byte code of a zip's Python files by its path in the zip, where the import looks for it.

    It is of the kind that is never compared with the source: a zip has one date for all files, and on Lambda nobody
    changes one. A file of a wheel that does not compile has none, as its import would say.

    Args:
        files: The files of the zip.
        own: The folder of our own files, all of which must compile.

    Raises:
        UsageError: one of our own files does not compile.
        SetupError: there is no Python of the runtime's version, or it fails.
    """
    sources = {path: content.decode("latin-1") for path, content in sorted(files.items()) if path.endswith(".py")}
    done = _run(find_python(), _COMPILER, said=json.dumps([TASK_ROOT, sources]))
    if done.returncode != 0:
        raise SetupError(f"{done.args[0]} cannot compile the package; try another build of it. It says:\n{done.stderr}")
    compiled = json.loads(done.stdout)
    for path, reason in compiled["refused"].items():
        if PurePosixPath(path).parts[0] == own:
            raise UsageError(f"{path}: does not compile on Python {lambda_runtime.PYTHON}, the runtime's: {reason}")
    return {_cached(path): content.encode("latin-1") for path, content in compiled["code"].items()}


def find_python() -> str:
    """Return an interpreter of the runtime's version: the running one, or that of the PATH; SetupError if none is."""
    name = f"python{lambda_runtime.PYTHON}"
    for python in filter(None, (sys.executable, shutil.which(name))):
        if _run(python, "-c", _WHICH).stdout.split() == [_tag(), "final"]:
            return python
    raise SetupError(
        f"byte code for {lambda_runtime.RUNTIME} needs Python {lambda_runtime.PYTHON}, but ceap runs on "
        f"{sys.version.split()[0]}, and {name} on the PATH does not start one; install it, e.g. "
        f"`uv python install {lambda_runtime.PYTHON}`, or package without byte code: leave out --bytecode, and "
        "`bytecode = true` in ceap.toml"
    )


def _tag() -> str:
    return f"cpython-{lambda_runtime.PYTHON.replace('.', '')}"


def _cached(path: str) -> str:
    place = PurePosixPath(path)
    return str(place.parent / "__pycache__" / f"{place.stem}.{_tag()}.pyc")


def _run(python: str, *words: str, said: str = "") -> subprocess.CompletedProcess[str]:
    """Run an interpreter to its end, apart from all settings of this machine."""
    command = [python, "-I", "-S", "-B", *words]
    return subprocess.run(command, input=said, capture_output=True, text=True, check=False)  # noqa: S603 - our own words
