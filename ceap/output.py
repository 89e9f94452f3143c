"""What commands tell while they work, beside their results."""

import sys
from contextlib import suppress


def say(line: str) -> None:
    """Print a line of progress to standard error, from any thread; work goes on where nobody reads it any more."""
    with suppress(OSError):
        print(line, file=sys.stderr, flush=True)
