"""What the stacks of an account export and import, and which resources are theirs.

Source: CloudFormation User Guide, "Get exported outputs from a deployed CloudFormation stack".
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from ceap.local.stack_models import ResourceError
from ceap.local.stacks.records import StackRecord


class Exports:
    """The exports of all stacks that `live` returns."""

    def __init__(self, live: Callable[[], Iterable[StackRecord]]) -> None:
        self._live: Final = live

    def value(self, name: str) -> str:
        """Return the value of an export; ResourceError if there is none."""
        for record in self._live():
            if name in (exported := record.exported()):
                return exported[name]
        raise ResourceError(f"No export named {name} found")

    def users(self, name: str) -> list[str]:
        """Return the names of the stacks that import an export."""
        return [record.name for record in self._live() if name in record.imports]

    def check(self, record: StackRecord, new: Mapping[str, str]) -> None:
        """Raise ResourceError unless a stack may export this, by name, in place of what it exports."""
        for other in self._live():
            if other is not record and (taken := sorted(set(new) & set(other.exported()))):
                raise ResourceError(f"Export with name {taken[0]} is already exported by stack {other.name}")
        for name, value in record.exported().items():
            users = self.users(name)
            if users and new.get(name) != value:
                verb = "update" if name in new else "delete"
                raise ResourceError(f"Update canceled. Cannot {verb} export {name} as it is in use by {_and(users)}.")

    def in_use(self, record: StackRecord) -> str | None:
        """Return why a stack cannot be deleted while others import what it exports; None if none does."""
        for name in record.exported():
            if users := self.users(name):
                return f"Delete canceled. Cannot delete export {name} as it is in use by {_and(users)}."
        return None

    def owner(self, resource_type: str, physical_id: str) -> str | None:
        """Return the ARN of the stack that has a resource; None if none has."""
        for record in self._live():
            for held in list(record.resources.values()):
                if held.made and (held.type, held.physical_id) == (resource_type, physical_id):
                    return record.arn
        return None


def _and(names: list[str]) -> str:
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))
