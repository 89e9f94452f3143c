"""A program's own configuration, which overrides the settings of the step."""

from __future__ import annotations

from typing import Annotated, TypeAlias

import msgspec
from msgspec import Meta

from handlers.candidate import join_key
from handlers.contract import PermanentStageError
from handlers.mapping import FieldMapping, check_mappings
from handlers.tables import TableClient

Days: TypeAlias = Annotated[int, Meta(ge=1, le=36_500)]


class Program(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What the rows of a program say; without rows a program is enabled."""

    enabled: bool = True
    candidate_ttl_days: Days | None = None
    field_mappings: dict[str, FieldMapping] = {}

    def __post_init__(self) -> None:
        check_mappings(self.field_mappings)


def load_program(table: TableClient, program: str, marketplace: str) -> Program:
    """Read a program with one call: the marketplace's attributes override those of the program.

    Raises:
        PermanentStageError: A row is wrong.
    """
    partition, config, own = join_key("#", "PROGRAM", program), "CONFIG", join_key("#", "MARKETPLACE", marketplace)
    rows = table.get_many([{"PK": partition, "SK": config}, {"PK": partition, "SK": own}])
    by_sort_key = {row["SK"]: row for row in rows}
    try:
        return msgspec.convert(by_sort_key.get(config, {}) | by_sort_key.get(own, {}), Program)
    except msgspec.ValidationError as error:
        raise PermanentStageError(
            f"table program_config, {partition}, {config} or {own}: {error}; correct it"
        ) from error
