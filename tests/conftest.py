from __future__ import annotations

from hypothesis import settings

# A machine that does other work as well is no fault of the code.
settings.register_profile("ceap", deadline=None)
settings.load_profile("ceap")
