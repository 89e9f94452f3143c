"""Redriving after a deployment: new code does apply, a new definition does not."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ceap.archive import build_zip
from ceap.local.packages import build_zips
from templates.model import Retries, RetryPolicy
from tests.local.support import standard_template
from tests.operate.failing import STAGES, redeploy, run, small_workflow
from tests.operate.redriving import CALL, call, refusal
from tests.operated import Operated


@pytest.fixture
def small() -> Iterator[Operated]:
    with small_workflow() as found:
        yield found


def test_new_code_mends_a_redriven_execution_and_its_definition_is_the_same(small: Operated) -> None:
    put, bucket = small.engine.client("s3").put_object, small.deployed.foundation.outputs["ArtifactBucket"]
    bad = b"def handler(event, context):\n    raise ValueError('the handler is wrong')\n"
    for file in build_zips():
        put(Bucket=bucket, Key=f"bad/{file}", Body=build_zip({"handlers/sift.py": bad, "handlers/take.py": bad}))
    redeploy(small, standard_template(*STAGES), HandlersPrefix="bad/")
    execution = run(small)
    assert (execution.status, execution.error) == ("FAILED", "ValueError")
    redeploy(small, standard_template(*STAGES), HandlersPrefix="handlers/")
    assert call(small, execution.name).redriven[0].candidate.notes == ()
    assert execution.status == "SUCCEEDED"


def test_a_changed_definition_is_told_and_redriven_as_it_was_only_when_asked_for(small: Operated) -> None:
    execution = run(small, "SiftStage")
    redeploy(small, standard_template("TakeStage", "SiftStage", "KeepStage"))
    assert refusal(call(small, execution.name)) == (
        "function or job gone: its definition runs the function ceap-standard-dev-Rate, which is there no more; `ceap "
        f"replay {CALL} {execution.name} --from SiftStage` runs the current definition"
    )
    retry = Retries(lambda_=RetryPolicy(max_attempts=3))
    redeploy(small, standard_template(*STAGES, retry=retry))
    assert refusal(call(small, execution.name)) == (
        "definition changed: the definition has changed since (state TakeStage: Retry changed, state SiftStage: Retry "
        "changed, state RateStage: Retry changed and 1 more), and AWS redrives that of then, with the functions' "
        f"current code: give --old-definition for that; `ceap replay {CALL} {execution.name} --from SiftStage` runs "
        "the current one"
    )
    report = call(small, execution.name, old_definition=True)
    [note] = report.redriven[0].candidate.notes
    assert note.startswith("by the definition of then (state TakeStage: Retry changed, ")
    assert execution.status == "SUCCEEDED"
