"""Which deployment a stack goes back to."""

from collections.abc import Sequence

from ceap.aws.history import Operation, Outcome, Record


def lineage(records: Sequence[Record]) -> tuple[Record, ...]:
    """Return the deployments that led to what a stack is now, the oldest first.

    A rollback takes away all that came after the deployment that it went back to: a second one goes further back, and
    does not return to what the first one undid.
    """
    line: list[Record] = []
    for record in records:
        if record.outcome is not Outcome.DONE:
            continue
        match record.operation:
            case Operation.DEPLOY:
                line += [record] * (not line or not is_same(line[-1], record))
            case Operation.ROLLBACK:
                while line and not is_same(line[-1], record):
                    line.pop()
                line = line or [record]
            case Operation.DESTROY:
                pass  # what was deployed before can still be gone back to, once there is a stack again
    return tuple(line)


def is_same(one: Record, other: Record) -> bool:
    """Tell whether two records are of the same template with the same parameters."""
    return one.template_sha256 == other.template_sha256 and one.parameters == other.parameters
