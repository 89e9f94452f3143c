"""A Glue job's own process: runs the script, and ends when the engine that started it is gone.

Run as a script by `spark`: standard input is a pipe whose other end the engine holds, the rest is the script and its
arguments. Standard library only, so that nothing of ours is loaded beside the script.
"""

import os
import runpy
import signal
import sys
import threading


def end_with_the_engine() -> None:
    """Wait for the end of the pipe, then end this process and all that it started."""
    while os.read(0, 1):
        pass
    os.killpg(os.getpgid(0), signal.SIGKILL)


if __name__ == "__main__":
    threading.Thread(target=end_with_the_engine, daemon=True).start()
    del sys.argv[0]
    runpy.run_path(sys.argv[0], run_name="__main__")
