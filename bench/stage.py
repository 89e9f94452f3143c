"""Runs a handler of the project once, with files instead of S3: `python bench/stage.py score`.

Reads executions/input/BeforeStage/output.json and writes beside it, in the folder that BENCH_FOLDER names.
"""

import importlib
import sys

import handlers.runtime.aws
from bench import files

EXECUTION, BEFORE, OWN = "input", "BeforeStage", "OwnStage"


class Invocation:
    """Lambda's context, as far as a handler looks at it."""

    def get_remaining_time_in_millis(self) -> int:
        return 900_000


def main(name: str) -> None:
    """Invoke a handler as its task in the state machine does."""
    event = {
        "executionId": EXECUTION,
        "currentStage": OWN,
        "previousStage": BEFORE,
        "workflowBucket": "bucket",
        "initialData": None,
    }
    importlib.import_module(f"handlers.{name}").handler(event, Invocation())


if __name__ == "__main__":
    # Before the stage is imported, so that all of its modules take this one.
    vars(handlers.runtime.aws).update(client=files.client)
    main(sys.argv[1])
