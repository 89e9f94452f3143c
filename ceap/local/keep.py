"""Keeping a run: its objects, tables, events, messages, logs and report, in a folder of its own.

What lies beside it is not touched, and a run that is interrupted leaves no folder.
"""

from __future__ import annotations

import itertools
import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from ceap import signals
from ceap.errors import UsageError
from ceap.local import run_folder
from ceap.local.run_folder import SafePaths
from ceap.local.run_report import RunReport, encode_report
from ceap.local.seed import TABLE_SUFFIX, TABLES_FOLDER
from handlers.runtime.needs import Table
from handlers.runtime.tables import Item
from templates import naming, words

if TYPE_CHECKING:
    from ceap.local.runner import Remains

_ENCODER: Final = msgspec.json.Encoder(decimal_format="number")


class RunFolder:
    """The folder that a run is going to be kept in: `path`, once all is written."""

    def __init__(self, path: Path) -> None:
        self.path: Final = path
        self.latest: Final = path.with_name(run_folder.LATEST)
        self.paths: Final = SafePaths()
        self._hidden: Final = path.with_name(f".{path.name}")

    def claim(self) -> bool:
        """Reserve the name; return whether it was free."""
        try:
            self._hidden.mkdir()
        except FileExistsError:
            return False
        if os.path.lexists(self.path):
            self._hidden.rmdir()
            return False
        return True

    def write(self, path: str, content: bytes) -> None:
        place = self._hidden / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)

    def publish(self) -> None:
        """Give the folder its name, and let `latest` lead to it."""
        beside = self.path.with_name(f".{run_folder.LATEST}-{self.path.name}")
        with signals.held():
            self._hidden.rename(self.path)
            try:
                beside.symlink_to(self.path.name)
            except (OSError, NotImplementedError):
                beside.write_text(f"{self.path.name}\n", encoding="utf-8")
            beside.replace(self.latest)

    def discard(self) -> None:
        """Remove what was not published."""
        shutil.rmtree(self._hidden, ignore_errors=True)


@contextmanager
def claim_folder(parent: Path | None) -> Iterator[RunFolder | None]:
    """Reserve the folder of a run that begins now, in a folder that is made if it is not there; None: of no run.

    Raises:
        UsageError: The folder cannot be used.
    """
    if parent is None:
        yield None
        return
    try:
        parent.mkdir(parents=True, exist_ok=True)
        _check_latest(parent)
        started = f"{now():%Y-%m-%dT%H%M%SZ}"
        names = itertools.chain([started], (f"{started}-{number:02}" for number in itertools.count(2)))
        with signals.held():
            folder = next(folder for folder in (RunFolder(parent / name) for name in names) if folder.claim())
            signals.begin(folder, folder.discard)
    except OSError as error:
        raise UsageError(f"--keep {parent}: cannot be used: {error.strerror}; name another folder") from None
    try:
        yield folder
    finally:
        folder.discard()
        signals.settle(folder)


def keep_run(
    folder: RunFolder,
    remains: Remains,
    *,
    paths: Mapping[str, str],
    tables: Mapping[str, Sequence[Item]],
    logs: Mapping[str, bytes],
    report: RunReport,
) -> str:
    """Write all that a run left, the objects at `paths`, and return a line that says what is kept, and where."""
    files = {paths[key]: content for key, content in remains.objects.items()}
    files |= {folder.paths.assign_own(path): content for path, content in logs.items()}
    files |= {f"{TABLES_FOLDER}/{name}{TABLE_SUFFIX}": _lines(items) for name, items in tables.items()}
    files[run_folder.EVENTS] = _lines(remains.events)
    files[run_folder.DEAD_LETTERS] = _lines({"body": body} for body in remains.dead_letters)
    files[run_folder.ALERTS] = _lines({"message": message} for message in remains.alerts)
    files[run_folder.REPORT] = encode_report(report)
    if folder.paths.keys:
        files[run_folder.NAMES] = json.dumps(folder.paths.keys, indent=2).encode()
    for path, content in files.items():
        folder.write(path, content)
    folder.publish()
    counts = {
        "object": remains.objects,
        "table": tables,
        "event": remains.events,
        "dead letter": remains.dead_letters,
        "alert": remains.alerts,
        "log": logs,
    }
    kept = ", ".join(words.plural(len(found), noun) for noun, found in counts.items() if found)
    renamed = len(folder.paths.keys)
    told = f" ({run_folder.NAMES} tells {words.plural(renamed, 'key')})" if renamed else ""
    return f"kept {kept or 'the report'}{told} in {folder.path}; {folder.latest} leads there"


def read_tables(
    tables: Iterable[Table], client: Callable[[str], Any], foundation: Mapping[str, str]
) -> dict[str, list[Item]]:
    """Return the items of the tables that have some, in the order of their keys, as plain values.

    `foundation` are the outputs of the foundation stack, which say what the tables are called. A set becomes a list.
    """
    found = {}
    for table in tables:
        name = foundation[f"{naming.table_id(table.name)}Name"]
        pages = client("dynamodb").get_paginator("scan").paginate(TableName=name)
        items = [{key: _plain(value) for key, value in item.items()} for page in pages for item in page["Items"]]
        if items:
            keys = [key for key in (table.partition_key, table.sort_key) if key]
            found[table.name] = sorted(items, key=lambda item: [item[key] for key in keys])
    return found


def now() -> datetime:
    return datetime.now(UTC)


def _check_latest(parent: Path) -> None:
    """Refuse a folder in which `latest` is something else than what a run makes."""
    latest = parent / run_folder.LATEST
    if os.path.lexists(latest) and run_folder.resolve_latest(latest) == latest:
        raise UsageError(f"--keep {parent}: {latest} is not the newest run; rename it, or name another folder")


def _lines(values: Iterable[Mapping[str, Any]]) -> bytes:
    return b"".join(_ENCODER.encode(value) + b"\n" for value in values)


def _plain(value: Mapping[str, Any]) -> Any:
    """Return a value of DynamoDB's API as JSON has it; a number keeps all its digits."""
    [(kind, content)] = value.items()
    match kind:
        case "N":
            return Decimal(content)
        case "NULL":
            return None
        case "L":
            return [_plain(part) for part in content]
        case "M":
            return {name: _plain(part) for name, part in content.items()}
        case "NS" | "SS" | "BS":
            return sorted(_plain({kind[0]: part}) for part in content)
        case _:
            return content
