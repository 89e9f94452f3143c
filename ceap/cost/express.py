"""How AWS measures an EXPRESS execution: begun steps of time, and chunks of memory.

Source: AWS Step Functions Pricing, "Express Workflows": rounded up to 100 ms, billed in 64-MB chunks.
"""

import math
from typing import Final

BILLED_STEP_MS: Final = 100
BILLED_MEMORY_MB: Final = 64
"""One chunk, which holds a definition and a payload as they are here: AWS's examples begin with 50 MB for the rest."""


def billed_ms(duration_s: float) -> int:
    """Return what AWS bills for an EXPRESS execution: begun steps of 100 ms, at least one."""
    return max(1, math.ceil(duration_s * 1000 / BILLED_STEP_MS)) * BILLED_STEP_MS
