"""The errors of the CloudFormation API, with AWS's codes and texts.

Source: CloudFormation API Reference, "Common Errors" and the errors of each action.
"""

from ceap.local.query import QueryError


class StackApiError(QueryError):
    """A call that CloudFormation refuses."""


class InsufficientCapabilitiesError(StackApiError):
    """The caller has not acknowledged that the template makes IAM resources."""

    code = "InsufficientCapabilitiesException"


class AlreadyExistsError(StackApiError):
    """There is such a stack or change set already."""

    code = "AlreadyExistsException"


class ChangeSetNotFoundError(StackApiError):
    """There is no such change set."""

    code, status = "ChangeSetNotFound", 404


class InvalidChangeSetStatusError(StackApiError):
    """The change set cannot be executed or deleted as it is."""

    code = "InvalidChangeSetStatus"


class UnmodelledError(StackApiError):
    """What AWS does and the local engine does not."""

    code, status = "NotImplemented", 501

    def __init__(self, what: str) -> None:
        super().__init__(f"The local engine does not model {what}. It refuses what it does not know: try this on AWS")
