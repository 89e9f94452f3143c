"""Starting an execution at a later stage, with the objects that earlier stages wrote in a run that was kept."""

import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from ceap.errors import UsageError
from ceap.local import run_folder
from handlers.runtime.contract import EXECUTIONS_PREFIX, output_key
from handlers.runtime.document import EDGE_BYTES, HEADER_END, Header, encode_header
from templates import words

_OUTPUT: Final = output_key("", "").rpartition("/")[2]


class Start(NamedTuple):
    """Where an execution starts, and the files of the earlier stages, by their keys below the execution's prefix.

    `execution` is the folder or the id of the execution that wrote them.
    """

    stage: str
    execution: Path
    files: Mapping[str, Path]


def load_start(stage: str | None, folder: Path | None, stages: Sequence[str]) -> Start | None:
    """Return what `--from` and `--input` ask for; None if they are not given.

    Raises:
        UsageError: One lacks the other, or they do not fit the workflow, whose stages are given in order.
    """
    if stage is None:
        if folder is not None:
            raise UsageError(f"--input {folder}: needs --from STAGE, the stage to start at")
        return None
    if stage not in stages:
        raise UsageError(f"--from {stage}: there is no stage {stage!r}; {words.allowed(stage, stages)}")
    if stage == stages[0]:
        raise UsageError(f"--from {stage}: is the first stage; run without --from and --input")
    if folder is None:
        raise UsageError(f"--from {stage}: lacks what the stages before it wrote; add --input DIR, a run that was kept")
    earlier = stages[: stages.index(stage)]
    execution, files = _choose(folder, stage, earlier[-1])
    taken = {key: path for one in earlier for key, path in files.items() if key.startswith(f"{one}/")}
    for key, path in taken.items():
        _check_file(path, key)
    return Start(stage, execution, taken)


def describe(start: Start) -> str:
    """Return which stages are not run, and whose objects they left."""
    stages = dict.fromkeys(key.partition("/")[0] for key in start.files)
    return f"starting at {start.stage}, with the objects of {', '.join(stages)} in {start.execution}"


def put_earlier(start: Start, client: Any, bucket: str, execution: str) -> None:
    """Put the objects of the earlier stages into an execution, whose id their documents then name."""
    for key, path in start.files.items():
        with path.open("rb") as source, tempfile.TemporaryFile() as copy:
            if _is_document(key):
                header = msgspec.structs.replace(_read_header(source.readline()), execution_id=execution)
                copy.write(encode_header(header) + b"\n")
            shutil.copyfileobj(source, copy)
            copy.seek(0)
            client.put_object(Bucket=bucket, Key=f"{EXECUTIONS_PREFIX}{execution}/{key}", Body=copy)


def find_output(folder: Path, stage: str, previous: str) -> Path:
    """Return the file with what the stage before wrote in a run that was kept, or in one execution of it.

    Raises:
        UsageError: There is none, or more than one.
    """
    return _choose(folder, stage, previous)[1][f"{previous}/{_OUTPUT}"]


def _choose(folder: Path, stage: str, previous: str) -> tuple[Path, Mapping[str, Path]]:
    """Return the one execution that has an output of the stage before."""
    executions = _find_executions(folder)
    fit = {place: files for place, files in executions.items() if f"{previous}/{_OUTPUT}" in files}
    if len(fit) > 1:
        some = ", ".join(f"--input {place}" for place in list(fit)[: words.NAMED_MAX])
        raise UsageError(
            f"--input {folder}: {len(fit)} executions have an output of {previous}, the stage before {stage}; "
            f"name one: {some}"
        )
    for place, files in fit.items():
        return place, files
    others = sorted({key.partition("/")[0] for files in executions.values() for key in files if _is_document(key)})
    has = (
        f"but of {', '.join(others)}; start after one of them" if others else "nor of another; name a run that was kept"
    )
    raise UsageError(f"--input {folder}: has no output of {previous}, the stage before {stage}, {has}")


def _find_executions(folder: Path) -> dict[Path, Mapping[str, Path]]:
    """Return the files of each execution of a run's folder, or of the one execution whose folder it is."""
    try:
        folder = run_folder.resolve_latest(folder)
        next(folder.iterdir(), None)
        inside = folder / EXECUTIONS_PREFIX
        if not inside.is_dir():
            return {folder: run_folder.find_objects(folder)} if any(folder.glob(f"*/{_OUTPUT}")) else {}
        found: dict[Path, dict[str, Path]] = {}
        for key, path in run_folder.find_objects(folder).items():
            if key.startswith(EXECUTIONS_PREFIX):
                execution, _, rest = key.removeprefix(EXECUTIONS_PREFIX).partition("/")
                found.setdefault(inside / execution, {})[rest] = path
        return dict(found)
    except OSError as error:
        raise UsageError(f"--input {folder}: cannot be read: {error.strerror}; name the folder of a run") from None
    except ValueError as error:
        raise UsageError(f"--input {folder}: {run_folder.NAMES} is damaged: {error}; keep a run again") from None


def _is_document(key: str) -> bool:
    return key.endswith(f"/{_OUTPUT}")


def _check_file(path: Path, key: str) -> None:
    """Refuse a file that cannot be read, or a document that another stage wrote."""
    try:
        with path.open("rb") as source:
            line = source.readline(EDGE_BYTES) if _is_document(key) else None
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}; make it readable") from None
    if line is None:
        return
    stage = key.partition("/")[0]
    try:
        found = _read_header(line).stage
    except ValueError:
        raise UsageError(f"{path}: does not begin as the output of a stage; keep a run again") from None
    if found != stage:
        raise UsageError(f"{path}: is the output of {found}, not of {stage}; keep a run again")


def _read_header(line: bytes) -> Header:
    """Return the header of a stage document from its first line; ValueError if it is none."""
    begin, end, rest = line.rpartition(HEADER_END)
    if not end or rest != b"\n":
        raise ValueError(line)
    return msgspec.json.decode(begin + b"}", type=Header)
