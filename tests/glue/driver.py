"""Runs jobs one after another in one Spark session, each as Glue runs its script; a process of its own.

Takes a JSON list of `[script, *arguments]` on stdin; writes, to the file that its argument names, a JSON list of their
errors, null where a job succeeded.
"""

import json
import runpy
import sys
from pathlib import Path


def main(result: Path) -> None:
    errors: list[str | None] = []
    for script, *arguments in json.load(sys.stdin):
        sys.argv = [script, *arguments]
        sys.path[0] = str(result.parent)  # Glue has nothing of the library beside a script
        try:
            runpy.run_path(script, run_name="__main__")
        except Exception as error:
            errors.append(f"{type(error).__name__}: {error}")
        else:
            errors.append(None)
    result.write_text(json.dumps(errors), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
