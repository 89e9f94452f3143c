"""What happens to a resource when its stack is deleted."""

from typing import Final

from troposphere import Delete, Retain, RetainExceptOnCreate

KEEP: Final = {"DeletionPolicy": RetainExceptOnCreate, "UpdateReplacePolicy": Retain}
"""Kept when the stack is deleted; removed only if its creation fails, so that the deployment can be repeated."""

DROP: Final = {"DeletionPolicy": Delete, "UpdateReplacePolicy": Delete}
"""Deleted with the stack: a log group that stayed would block the same stage when it is added again."""
