"""The stage that an existing function does: it gets records as a payload, and returns them."""

import msgspec

from handlers.runtime.needs import Needs


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the function takes and returns records."""


NEEDS = Needs(settings=Settings)
