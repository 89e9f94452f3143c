"""Whether a run is to be skipped: `ceap replay --from` starts at a later stage, and has copied this one's output.

The first job finds that in the message, a later one in the first line of its input. Only an execution with the name of
a replay is asked; the rules are those of the stages in Lambda.
"""

import json
import re
from typing import Any

from lib.document import EDGE_BYTES
from lib.settings import Job

NAME = re.compile(r".+-replay-[1-9][0-9]*", re.DOTALL)
MESSAGE_KEYS = {"executionId", "copiedFrom", "skip"}


def find_original(s3: Any, job: Job) -> str | None:
    """Return the execution that this stage's output was copied from; None if the job has to run."""
    if not NAME.fullmatch(job.execution_id):
        return None
    span = {} if job.is_first else {"Range": f"bytes=0-{EDGE_BYTES - 1}"}
    data = s3.get_object(Bucket=job.input_bucket, Key=job.input_key, **span)["Body"].read()
    try:
        # Step Functions writes the body, which is a string, as a JSON string.
        found = json.loads(json.loads(data)) if job.is_first else json.loads(data.partition(b"\n")[0] + b"]}")
        if (job.is_first and found.keys() != MESSAGE_KEYS) or found["executionId"] != job.execution_id:
            return None
        original, skipped = found["copiedFrom"], found["skip"]
    except (ValueError, KeyError, TypeError, AttributeError):
        return None  # of no replay, or wrong: what reads it next says so
    is_right = isinstance(original, str) and original and isinstance(skipped, list)
    return original if is_right and job.stage in skipped else None
