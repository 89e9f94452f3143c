"""What a preflight judges, and what it finds."""

from collections.abc import Mapping, Sequence

import msgspec

from ceap.aws.history import Retained
from ceap.cfn.template import Template


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """What stands in the way, or with `is_fatal` False what cannot be known; `place` is e.g. a stack or a function."""

    place: str
    what: str
    cure: str
    is_fatal: bool = True

    def __str__(self) -> str:
        return f"{self.place}: {self.what}; {self.cure}"


class Planned(msgspec.Struct, frozen=True, kw_only=True):
    """A stack as it shall be deployed; `retained` is what an earlier destroy left, to be adopted."""

    stack: str
    template: Template
    parameters: Mapping[str, str]
    retained: Sequence[Retained] = ()
