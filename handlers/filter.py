"""Filter: lets the candidates pass that every filter of its chain lets pass."""

from __future__ import annotations

import msgspec

from handlers.filters import BusinessRule, Eligibility, Filter
from handlers.needs import Needs


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The chain, in order; `trust` and `quality` read scores, so they belong in a second Filter step after Score."""

    filters: tuple[Filter, ...] = (Eligibility(), BusinessRule())


NEEDS = Needs(settings=Settings)
