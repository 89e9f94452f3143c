from __future__ import annotations

import pytest

from tests.policy.broken import said
from tests.policy.changes import of, sub
from tests.policy.samples import Json

RULE = "WIRE09_JOB_SCRIPT"
BUCKET = "s3://ceap-artifacts-${Environment}-${AWS::AccountId}/"


@pytest.mark.parametrize("location", [f"{BUCKET}${{GluePrefix}}light.py", f"{BUCKET}heavy_etl.py", "MUTATED"])
def test_a_script_that_the_package_does_not_hold_is_found(location: str) -> None:
    message = f"[WIRE09] {location} is no script of the package | fix: !Sub {BUCKET}${{GluePrefix}}heavy_etl.py"
    place = "/Resources/HeavyETLJob/Properties/Command/ScriptLocation"
    change = of("HeavyETLJob", "Command", "ScriptLocation", sub(location))
    assert said(RULE, "standard", change) == [(message, place)]


def test_a_job_of_another_project_has_a_script_of_its_own() -> None:
    def change(data: Json) -> None:
        del data["Parameters"]["GluePrefix"]
        of("HeavyETLJob", "Command", "ScriptLocation", "s3://jobs/light.py")(data)

    assert said(RULE, "standard", change) == []
