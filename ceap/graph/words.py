"""How both drawings say what a stage came to."""

from typing import Final

from ceap.graph.chart import Outcome
from templates.words import plural

_CLASSES: Final = {
    "SUCCEEDED": "succeeded",
    "SKIPPED": "succeeded",
    "RUNNING": "running",
    "NOT_RUN": "notrun",
}


def outcome_class(outcome: Outcome) -> str:
    """Return the class of a status: any other is a failure."""
    return _CLASSES.get(outcome.status, "failed")


def outcome_lines(outcome: Outcome | None) -> tuple[str, ...]:
    """Return status, attempts and duration, and the error; nothing where no execution is shown."""
    if outcome is None:
        return ()
    status = outcome.status.replace("_", " ").lower()
    if not outcome.attempts:
        return (status,)
    took = f" in {outcome.duration_s:g} s" if outcome.duration_s is not None else ""
    return (f"{status}, {plural(outcome.attempts, 'attempt')}{took}", *((outcome.error,) if outcome.error else ()))
