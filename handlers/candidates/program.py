"""A program's own configuration, which overrides the settings of the step; each stage reads its own part."""

from typing import Final, TypeVar

import msgspec

from handlers.candidates.candidate import join_key
from handlers.runtime.contract import PermanentStageError
from handlers.runtime.needs import Table
from handlers.runtime.tables import TableClient

# Partition key PROGRAM#{program}; sort key CONFIG, or MARKETPLACE#{marketplace} whose attributes override CONFIG's.
PROGRAM_CONFIG: Final = Table(name="program_config", partition_key="PK", sort_key="SK")

T = TypeVar("T", bound=msgspec.Struct)


def load_program(table: TableClient, program: str, marketplace: str, kind: type[T]) -> T:
    """Read a program with one call: the marketplace's attributes override those of the program.

    `kind` has a default for each of its fields: a program may have no rows.

    Raises:
        PermanentStageError: A row is wrong.
    """
    partition, config, own = join_key("#", "PROGRAM", program), "CONFIG", join_key("#", "MARKETPLACE", marketplace)
    rows = table.get_many([{"PK": partition, "SK": config}, {"PK": partition, "SK": own}])
    by_sort_key = {row["SK"]: row for row in rows}
    try:
        return msgspec.convert(by_sort_key.get(config, {}) | by_sort_key.get(own, {}), kind)
    except msgspec.ValidationError as error:
        raise PermanentStageError(
            f"table program_config, {partition}, {config} or {own}: {error}; correct it"
        ) from error
