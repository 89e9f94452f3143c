"""Runs handlers in processes of their own, on command: one JSON document per line each way.

In: `{"handler", "event", "settings", "offset"}`, where `offset` is how many seconds its clock is ahead. Out: `{"pid"}`
when the process runs and `{"status"}` when it ended: 0 if the handler returned, 1 if it raised, -9 if it was killed.
Each is forked from this one, which has imported all that handlers use: what is killed is real, and starts at once.
The argument is the environment, as JSON: the engine, whose clock is used, forgets the one that it finds.
"""

import importlib
import json
import os
import sys
import traceback
from typing import Any

from ceap.local.child import worker

# Before handlers are imported, as they take `time` by name.
worker.use_virtual_time()

import handlers  # noqa: E402 - see above
from handlers.runtime.aws import client  # noqa: E402 - see above
from handlers.runtime.needs import SETTINGS_VARIABLE  # noqa: E402 - see above
from tests import reference  # noqa: E402 - see above

handlers.__path__.append(str(reference.HANDLERS))


class Invocation:
    """Lambda's context of an invocation that has a minute left."""

    def get_remaining_time_in_millis(self) -> int:
        return 60_000


def run(command: dict[str, Any]) -> int:
    os.environ[SETTINGS_VARIABLE] = command["settings"]
    worker.OFFSET[0] = command["offset"]
    handler = importlib.import_module(f"handlers.{command['handler']}").handler
    try:
        handler(command["event"], Invocation())
    except Exception:
        traceback.print_exc()
        return 1
    return 0


def main() -> None:
    os.environ.update(json.loads(sys.argv[1]))
    for service in ("s3", "dynamodb", "events"):
        client(service)
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what handlers log is no answer
    for line in sys.stdin:
        pid = os.fork()
        if not pid:
            os._exit(run(json.loads(line)))
        print(json.dumps({"pid": pid}), file=answers, flush=True)
        _, status = os.waitpid(pid, 0)
        print(json.dumps({"status": os.waitstatus_to_exitcode(status)}), file=answers, flush=True)


if __name__ == "__main__":
    main()
