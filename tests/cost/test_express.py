from __future__ import annotations

import pytest

from ceap.cost.express import billed_ms


@pytest.mark.parametrize(("duration_s", "billed"), [(0.0, 100), (0.001, 100), (0.1, 100), (1.001, 1100)])
def test_begun_steps_of_100_ms_are_billed(duration_s: float, billed: int) -> None:
    """Source: radkawar/stackd, redrive_execution 09-express (0 s), observability express-all-no-data-pass (1.001 s)."""
    assert billed_ms(duration_s) == billed
