"""A Glue job's own process: runs the script, and ends when the engine that started it is gone.

Run as a script by `spark`: standard input is a pipe whose other end the engine holds, the first argument is a file
descriptor, the rest is the script and its arguments. To the file goes why the script failed, as a line of JSON, or
where the process was when SIGUSR2 ended it. Standard library only, so that nothing of ours is loaded beside the script.
"""

import faulthandler
import json
import os
import runpy
import signal
import sys
import threading
from pathlib import Path


def end_with_the_engine() -> None:
    """Wait for the end of the pipe, then end this process and all that it started."""
    while os.read(0, 1):
        pass
    os.killpg(os.getpgid(0), signal.SIGKILL)


def report(error: Exception, target: int) -> None:
    """Write the exceptions that ended the script, as `worker` explains those of a handler."""
    explain = runpy.run_path(str(Path(__file__).with_name("worker.py")))["explain"]
    # In place of what happened, lib.job raises a JobError with its text.
    told = error.__context__ if type(error).__name__ == "JobError" else None
    os.write(target, json.dumps(explain(told or error)).encode() + b"\n")


if __name__ == "__main__":
    threading.Thread(target=end_with_the_engine, daemon=True).start()
    TARGET = int(sys.argv[1])
    # The signal's own action comes after it and ends the process.
    faulthandler.register(signal.SIGUSR2, file=TARGET, all_threads=True, chain=True)
    del sys.argv[:2]
    try:
        runpy.run_path(sys.argv[0], run_name="__main__")
    except Exception as ERROR:
        report(ERROR, TARGET)
        raise
