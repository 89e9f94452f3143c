from __future__ import annotations

from typing import Any

import msgspec
import pytest

from handlers import etl, reactive, score, store
from handlers import filter as filter_stage


@pytest.mark.parametrize("module", [etl, filter_stage, reactive, score, store], ids=lambda module: module.__name__)
def test_a_misspelt_setting_of_a_stage_is_refused(module: Any) -> None:
    with pytest.raises(msgspec.ValidationError, match="contains unknown field `misspelt`"):
        msgspec.convert({"misspelt": 1}, module.NEEDS.settings)
