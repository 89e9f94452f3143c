"""What a stage may use while it runs: its settings, tables and events, and a place for the records it refuses."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final, Generic, TypeAlias, TypeVar

import msgspec

from handlers.contract import ExecutionContext, PermanentStageError
from handlers.events import publish_events
from handlers.message import Message
from handlers.needs import EVENT_BUS_VARIABLE, SETTINGS_VARIABLE, Needs, table_variable
from handlers.storage import ObjectWriter
from handlers.tables import TableClient

Record: TypeAlias = msgspec.Struct | dict[str, Any]
S = TypeVar("S", bound=msgspec.Struct)
T = TypeVar("T")

# Counted records that neither leave a stage nor are rejected: of the same key as a newer one in the same run, and of an
# older version than what is stored.
MERGED: Final = "merged"
STALE: Final = "stale"


class Tally:
    """Counts what goes through a stage; records in = out + rejected + merged + stale."""

    def __init__(self) -> None:
        self.records_in = 0
        self.records_out = 0
        self.rejections: Counter[str] = Counter()
        self.counts: Counter[str] = Counter({MERGED: 0, STALE: 0})

    def count_in(self, records: Iterable[T]) -> Iterator[T]:
        for record in records:
            self.records_in += 1
            yield record

    def count_out(self, records: Iterable[T]) -> Iterator[T]:
        for record in records:
            self.records_out += 1
            yield record

    def check(self, stage: str) -> None:
        """Check that no record was lost or made up.

        Raises:
            PermanentStageError: The equation does not hold, which is a fault of the stage's code.
        """
        accounted = self.records_out + self.rejections.total() + self.counts[MERGED] + self.counts[STALE]
        if self.records_in != accounted:
            raise PermanentStageError(
                f"{stage} took {self.records_in} records but accounts for {accounted}: {self.summary()}; its "
                "process_data must yield, reject or count each record as merged or stale"
            )

    def summary(self) -> dict[str, Any]:
        """Return the counts as they stand in the metadata of a stage document."""
        return {
            "inputRecordCount": self.records_in,
            "outputRecordCount": self.records_out,
            "rejectedRecordCount": self.rejections.total(),
            "mergedRecordCount": self.counts[MERGED],
            "staleRecordCount": self.counts[STALE],
            "rejections": dict(self.rejections),
            "counts": {name: count for name, count in self.counts.items() if name not in (MERGED, STALE)},
        }


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

    def reject(self, record: Record, code: str, reason: str, **details: str) -> None:
        """Keep a record out of the output: it goes to rejected.jsonl, and is counted by its code.

        Codes are few and fixed, as the metadata lists them all; the reason may be any sentence.
        """
        line = {"code": code, "reason": reason, **details, "record": record}
        self._rejected.write(msgspec.json.encode(line) + b"\n")
        self._tally.rejections[code] += 1

    def count(self, name: str, number: int = 1) -> None:
        """Add to a count in the metadata; `MERGED` and `STALE` account for records that do not leave the stage."""
        self._tally.counts[name] += number

    def table(self, name: str) -> TableClient:
        """Return a table that the handler's needs name.

        Raises:
            PermanentStageError: They do not, or the function's environment lacks its name.
        """
        if name not in {table.name for table in self._needs.tables}:
            raise PermanentStageError(f"table {name} is not among the handler's NEEDS; declare it there")
        return TableClient(_read_variable(table_variable(name)))

    def publish(
        self, details: Iterable[Mapping[str, Any]], *, taken: Callable[[list[int]], object] = lambda _: None
    ) -> None:
        """Put events with these details on the event bus, all of the kind that the handler's needs name.

        `taken` is called with the places of events, from 0, as soon as the bus has taken them: what is recorded then is
        not published again if others fail.
        """
        if self._needs.events is None:
            raise PermanentStageError("the handler's NEEDS declare no events; declare them there")
        publish_events(_read_variable(EVENT_BUS_VARIABLE), self._needs.events, details, taken=taken)


def load_settings(needs: Needs) -> Any:
    """Return the step's settings from the environment; without any, the defaults.

    Raises:
        PermanentStageError: They do not fit the handler.
    """
    try:
        return msgspec.json.decode(os.environ.get(SETTINGS_VARIABLE, "{}"), type=needs.settings)
    except msgspec.DecodeError as error:
        raise PermanentStageError(
            f"environment variable {SETTINGS_VARIABLE} is wrong: {error}; correct the step's settings and deploy again"
        ) from error


def _read_variable(name: str) -> str:
    value = os.environ.get(name)
    if not value:
        raise PermanentStageError(f"environment variable {name} is not set; deploy the generated template")
    return value
