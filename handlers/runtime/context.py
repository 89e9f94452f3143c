"""What a stage may use while it runs: what its handler needs, and a place for rejected records."""

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Generic, TypeAlias, TypeVar

import msgspec

from handlers.runtime.contract import ExecutionContext, PermanentStageError
from handlers.runtime.events import publish_events
from handlers.runtime.message import Message
from handlers.runtime.needs import (
    EVENT_BUS_VARIABLE,
    SETTINGS_VARIABLE,
    Needs,
    parameter_variable,
    secret_variable,
    table_variable,
)
from handlers.runtime.sources import BadRow
from handlers.runtime.storage import ObjectWriter
from handlers.runtime.tables import TableClient
from handlers.runtime.tally import STALE, Tally

Record: TypeAlias = msgspec.Struct | dict[str, Any]
S = TypeVar("S", bound=msgspec.Struct)
T = TypeVar("T")


class StageContext(Generic[S]):
    """The one argument of a stage beside its records.

    `message` is what started the execution, for the first stage only. `started_at` is the start of the stage, in UTC;
    `deadline`, in epoch seconds, is when Lambda ends it.
    """

    def __init__(
        self,
        *,
        execution: ExecutionContext,
        needs: Needs,
        settings: S,
        message: Message | None,
        deadline: float,
        tally: Tally,
        rejected: ObjectWriter,
    ) -> None:
        self.execution = execution
        self.settings = settings
        self.message = message
        self.deadline = deadline
        self.started_at = datetime.now(UTC)
        self._needs = needs
        self._tally = tally
        self._rejected = rejected

    def reject(self, record: Record | str | None, code: str, reason: str, **details: str) -> None:
        """Keep a record out of the output: it goes to rejected.jsonl, and is counted by its code.

        Codes are few and fixed, as the metadata lists them all; the reason may be any sentence. A bad row of
        a source is given as text; None stands for a record of which nobody can tell which it is.
        """
        line = {"code": code, "reason": reason, **details, "record": record}
        self._rejected.write(msgspec.json.encode(line) + b"\n")
        self._tally.share(record).rejections[code] += 1

    def sift(self, rows: Iterable[T | BadRow]) -> Iterator[T]:
        """Yield the records of a source; reject its bad rows."""
        for row in rows:
            if isinstance(row, BadRow):
                self.reject(row.record, row.code, row.reason)
            else:
                yield row

    def take(self, records: Sequence[T]) -> Iterator[T]:
        """Yield records that the stage has not from its input; they count as taken, as those of the input do."""
        return self._tally.count_in([records])

    @property
    def records_in(self) -> int:
        """How many records the stage has taken so far, rejected ones and bad rows of a source included."""
        return self._tally.records_in

    @property
    def rejections(self) -> Counter[str]:
        """How many of them were rejected, by code."""
        return self._tally.rejections

    def count(self, name: str, number: int = 1, *, record: Record | None = None) -> None:
        """Add to a count in the metadata; `MERGED` and `STALE` account for records that do not leave the stage.

        `record` is what is counted, for the metrics of its place. PermanentStageError for `STALE` unless the handler's
        needs say that it keeps the newest: else its template has no alarm on stale records.
        """
        if name == STALE and not self._needs.keeps_newest:
            raise PermanentStageError(
                "the handler counts stale records, but its NEEDS do not say so; declare keeps_newest=True there"
            )
        self._tally.share(record).counts[name] += number

    def table(self, name: str) -> TableClient:
        """Return a table of the handler's needs; PermanentStageError for another, or if its variable is not set."""
        declared = [table.name for table in self._needs.tables]
        if name not in declared:
            raise PermanentStageError(
                f"table {name} is not among the handler's NEEDS ({', '.join(declared) or 'none'}); correct the name, "
                "or declare it there"
            )
        return TableClient(read_variable(table_variable(name)))

    def secret(self, name: str) -> str:
        """Return the text of a secret, at most five minutes old; `name` is written as in the handler's needs.

        Raises:
            PermanentStageError: The needs lack it, it does not exist, holds bytes, or may not be read.
            TransientStageError: It could not be read now.
        """
        from handlers.runtime.values import read_secret  # most handlers use none

        return read_secret(_read_declared("secret", name, self._needs.secrets, secret_variable))

    def parameter(self, name: str) -> str:
        """Return the value of a parameter, decrypted if it is; otherwise like `secret`."""
        from handlers.runtime.values import read_parameter

        return read_parameter(_read_declared("parameter", name, self._needs.parameters, parameter_variable))

    def publish(
        self, details: Iterable[Mapping[str, Any]], *, taken: Callable[[list[int]], object] = lambda _: None
    ) -> None:
        """Put events with these details on the event bus, all of the kind that the handler's needs name.

        `taken` is called with the places of events, from 0, as soon as the bus has taken them: a stage that
        records them then does not publish them again if others fail.
        """
        if self._needs.events is None:
            raise PermanentStageError("the handler's NEEDS declare no events; declare them there")
        publish_events(read_variable(EVENT_BUS_VARIABLE), self._needs.events, details, taken=taken)


def load_settings(needs: Needs) -> Any:
    """Return the step's settings, by default those of the handler; PermanentStageError if they do not fit it."""
    try:
        return msgspec.json.decode(os.environ.get(SETTINGS_VARIABLE, "{}"), type=needs.settings)
    except msgspec.DecodeError as error:
        raise PermanentStageError(
            f"environment variable {SETTINGS_VARIABLE} is wrong: {error}; correct the step's settings and deploy again"
        ) from error


def _read_declared(kind: str, name: str, declared: tuple[str, ...], variable: Callable[[str], str]) -> str:
    """Return the name that a secret or parameter of the needs has in AWS."""
    if name not in declared:
        wanted = ", ".join(f'"{one}"' for one in (*declared, name))
        raise PermanentStageError(
            f"{kind} {name} is not among the handler's NEEDS ({', '.join(declared) or 'none'}); correct the name, or "
            f"declare it there: {kind}s=({wanted},)"
        )
    return read_variable(variable(name))


def read_variable(name: str) -> str:
    """Return a variable that the template sets; PermanentStageError if it is not set."""
    value = os.environ.get(name)
    if not value:
        raise PermanentStageError(f"environment variable {name} is not set; deploy the generated template")
    return value
