"""What workflow stacks import from the foundation of their environment."""

from troposphere import ImportValue, Sub

from templates import naming
from templates.objects import shared


@shared
def imported(name: str) -> ImportValue:
    """Return the value that the foundation exports under a name, e.g. `WorkflowBucket`."""
    return ImportValue(Sub(naming.export(name)))
