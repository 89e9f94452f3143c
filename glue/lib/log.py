"""What a job tells its log."""


def say(line: str) -> None:
    """Print a line at once: Python keeps back what it writes to a pipe, and a run that is killed would lose it."""
    print(line, flush=True)
