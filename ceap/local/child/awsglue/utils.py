"""The arguments of a job's run.

Source: AWS Glue Developer Guide, "Accessing parameters using getResolvedOptions".
"""

import argparse
from collections.abc import Sequence
from typing import Any

RESERVED = ("JOB_NAME", "JOB_ID", "JOB_RUN_ID")
"""What Glue passes by itself: always in the result, None where it was not passed."""


def getResolvedOptions(args: Sequence[str], options: Sequence[str]) -> dict[str, Any]:  # noqa: N802 (AWS's name)
    """Return the values of the options, of which the hyphens become underscores, out of `sys.argv`."""
    parser = argparse.ArgumentParser(prog=args[0], add_help=False)
    for name in RESERVED:
        parser.add_argument(f"--{name}")
    for name in options:
        if name not in RESERVED:
            parser.add_argument(f"--{name}", required=True)
    parsed, _ = parser.parse_known_args(args[1:])
    return vars(parsed)
