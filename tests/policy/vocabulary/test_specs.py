from typing import Any

import pytest

from ceap.policy.vocabulary.specs import read_spec


@pytest.mark.parametrize("spec", ["anything", 1, {"Key[": 1}, "-- > AWS::SQS::Queue"])
def test_a_spec_that_is_none_is_refused(spec: Any) -> None:
    with pytest.raises(ValueError, match="is not a spec"):
        read_spec(spec)
