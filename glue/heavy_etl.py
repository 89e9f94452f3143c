"""A Glue job that tells each candidate of its customer's others; the settings and `transform` are what to replace."""

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F  # noqa: N812 (Spark's own habit)

from lib.job import Settings, run

SETTINGS = Settings(
    input="customerId string, attributes struct<eventDate: string, orderValue: double>",
    output={"history": ("subject", "metadata", "customerHistory")},
    # A candidate states its program and marketplace in `context`, which other records lack.
    message_fields=("programId", "marketplace"),
    complete_if="context",
)


def transform(frame: DataFrame) -> DataFrame:
    """Tell each candidate how many its customer has in the document, what they are worth, and when the last one was."""
    customer = Window.partitionBy("customerId")
    # Decimals: the sum of doubles depends on the order in which workers add them.
    value = F.sum(F.col("attributes.orderValue").cast("decimal(28, 4)")).over(customer)
    last = F.max(F.to_timestamp("attributes.eventDate")).over(customer)
    history = F.struct(
        F.count("*").over(customer).alias("candidates"),
        value.cast("double").alias("orderValue"),
        F.date_format(last, "yyyy-MM-dd'T'HH:mm:ss'Z'").alias("lastEventDate"),
    )
    return frame.withColumn("history", F.when(F.col("customerId").isNotNull(), history))


if __name__ == "__main__":
    run(transform, SETTINGS)
