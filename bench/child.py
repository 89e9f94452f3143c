"""Runs one command and prints what it took, as JSON; a process of its own, small, so that the peak is the command's.

On Linux the peak memory of a process is never below that of the one that started it.
"""

import json
import os
import subprocess
import sys
import time

start = time.perf_counter()
process = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)  # noqa: S603 (the benchmark's own command)
_, status, usage = os.wait4(process.pid, 0)
process.returncode = os.waitstatus_to_exitcode(status)
print(
    json.dumps(
        {
            "exit_code": process.returncode,
            "cpu_s": usage.ru_utime + usage.ru_stime,
            "wall_s": time.perf_counter() - start,
            "peak_mib": usage.ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10),
        }
    )
)
