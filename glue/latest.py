"""A Glue job that keeps the newest record of each customer and subject; the others count as merged."""

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F  # noqa: N812 (Spark's own habit)

from lib.job import Settings, run

SETTINGS = Settings(
    input="customerId string, subject struct<type: string, id: string>, attributes struct<eventDate: string>",
    output={},
    message_fields=("programId", "marketplace"),
    complete_if="context",
)


def transform(frame: DataFrame) -> DataFrame:
    """Keep one record of each customerId and subject: the latest eventDate, of equal ones that which came last.

    A record that lacks customerId, type or id stays: nothing says that another is about the same.
    """
    names = ("customerId", "subject.type", "subject.id")
    newest = Window.partitionBy(*names).orderBy(
        F.to_timestamp("attributes.eventDate").desc_nulls_last(), F.desc("_position")
    )
    is_named = F.col(names[0]).isNotNull() & F.col(names[1]).isNotNull() & F.col(names[2]).isNotNull()
    return frame.withColumn("_rank", F.row_number().over(newest)).where(~is_named | (F.col("_rank") == 1))


if __name__ == "__main__":
    run(transform, SETTINGS)
