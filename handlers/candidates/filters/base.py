"""What a filter is: its parameters, and a check of one candidate."""

from abc import abstractmethod
from datetime import datetime

import msgspec

from handlers.candidates.candidate import Candidate


class Rejection(msgspec.Struct, frozen=True):
    """Why a candidate goes no further: a code to count by, and a sentence."""

    code: str
    reason: str


class BaseFilter(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="filter"):
    """A filter's fields are its parameters in the declaration; `filter: NAME` there chooses it by its tag."""

    @property
    def name(self) -> str:
        """The filter's name in declarations and in rejected.jsonl."""
        return str(self.__struct_config__.tag)

    @abstractmethod
    def check(self, candidate: Candidate, now: datetime) -> Rejection | None:
        """Return why the candidate is rejected, or None to let it pass; `now` is the start of the stage, in UTC."""
