"""What happens to resources that hold data when their stack goes."""

from __future__ import annotations

from typing import Final

from troposphere import Delete, Retain, RetainExceptOnCreate

KEEP: Final = {"DeletionPolicy": RetainExceptOnCreate, "UpdateReplacePolicy": Retain}
"""Kept when the stack is deleted; removed only when its very creation fails, so that it can be tried again."""

DROP: Final = {"DeletionPolicy": Delete, "UpdateReplacePolicy": Delete}
"""Gone with its stack: kept, a named log group would be in the way of the same stage when it is added again."""

LOG_RETENTION_DAYS: Final = 14
"""Requirement 9.3."""
