"""The parts of a deployed workflow, as its stack's own template names them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ceap.aws.workflow import load_deployed
from ceap.errors import UsageError
from templates.model import StepKind
from tests.local.support import deploy_standard
from tests.operated import Operated, operated


@pytest.fixture(scope="module")
def standard() -> Iterator[Operated]:
    with operated("standard", deploy_standard) as found:
        yield found


def test_the_parts_have_their_physical_names(standard: Operated) -> None:
    found = standard.workflow
    account = standard.engine.account
    assert found.machine == f"arn:aws:states:us-east-1:{account}:stateMachine:ceap-standard-dev"
    assert (found.name, found.pipe, found.pipe_state) == ("ceap-standard-dev", "ceap-standard-dev", "RUNNING")
    assert found.queue.endswith("/ceap-standard-dev-queue")
    assert found.dead_letter_queue.endswith("/ceap-standard-dev-dead-letter-queue")
    assert found.bucket == f"ceap-workflow-dev-{account}"
    assert found.machine_log_group == "/aws/vendedlogs/states/ceap-standard-dev"
    assert found.pipe_log_group == "/aws/vendedlogs/pipes/ceap-standard-dev"
    assert (found.is_express, found.begins_with_job, found.visibility_timeout_s) == (False, False, 60.0)
    assert found.receives_max == 3
    assert "ceap-standard-dev-dead-letters" in found.alarms


def test_each_stage_has_its_worker_and_where_that_logs(standard: Operated) -> None:
    workers = {worker.stage: worker for worker in standard.workflow.workers}
    assert tuple(workers) == standard.workflow.stages
    take, heavy = workers["TakeStage"], workers["HeavyStage"]
    assert (take.kind, take.name) == (StepKind.LAMBDA, "ceap-standard-dev-Take")
    assert take.log_groups == ("/aws/lambda/ceap-standard-dev-Take",)
    assert (heavy.kind, heavy.name) == (StepKind.GLUE, "ceap-standard-dev-Heavy")
    assert heavy.log_groups == tuple(f"/aws-glue/jobs/ceap-standard-dev-Heavy/{kind}" for kind in ("output", "error"))


def test_a_stack_without_a_pipe_is_no_workflow(standard: Operated) -> None:
    with pytest.raises(UsageError, match=r"^stack ceap-foundation-dev has no pipe from a queue to a state machine"):
        load_deployed(standard.aws, "foundation", "dev")
