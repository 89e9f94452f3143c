"""The peer of the Glue job `heavy_etl`: the same transform in plain pyspark, from a file of JSON lines to a folder.

`python bench/plain_job.py IN OUT`. It has no stage document, no S3 and no order to keep.
"""

import sys

from pyspark.sql import SparkSession
from pyspark.sql import functions as F  # noqa: N812 (Spark's own habit)

from heavy_etl import transform  # type: ignore[import-not-found]  # of glue/, which is on the path of a run

if __name__ == "__main__":
    source, target = sys.argv[1:]
    spark = SparkSession.builder.appName("plain").getOrCreate()
    spark.conf.set("spark.sql.session.timeZone", "UTC")
    frame = transform(spark.read.json(source))
    subject = F.col("subject").withField("metadata.customerHistory", F.col("history"))
    frame.withColumn("subject", subject).drop("history").write.json(target)
