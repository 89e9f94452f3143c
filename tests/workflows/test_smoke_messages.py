"""The smoke messages of the sample's workflows, through `ceap smoke` on the local engine."""

from __future__ import annotations

from functools import partial

import pytest

from ceap import project
from ceap.cli import main
from ceap.deploy.smoke.judgement import SmokeVerdict
from ceap.local.engine import Engine
from templates.stacks import workflow_stack
from tests.deploy.smoke.conftest import Smoked
from tests.local.support import Deployed, deploy_workflow
from tests.operated import operated

SENT = {"realtime": ("candidates", "event-deduplication", "score-cache"), "backfill": ("candidates",)}


def deploy(workflow: str, engine: Engine) -> Deployed:
    [found] = project.load_workflows([project.WORKFLOWS / f"{workflow}.yaml"])
    return deploy_workflow(engine, f"ceap-{workflow}-dev", workflow_stack(found))


@pytest.mark.parametrize("workflow", SENT)
def test_each_message_writes_to_every_table_and_is_removed_whole(workflow: str) -> None:
    with operated(workflow, partial(deploy, workflow)) as found:
        report = Smoked(*found).smoke(declaration=project.WORKFLOWS / f"{workflow}.yaml")
        assert [finding for finding in report.findings if finding.verdict is SmokeVerdict.FAILED] == []
        tables = {finding.place: finding.verdict for finding in report.findings if finding.check == "table items"}
        assert tables == {f"ceap-{table}-dev": SmokeVerdict.PASSED for table in SENT[workflow]}
        assert (report.left, found.deployed.objects()) == ((), {})


@pytest.mark.glue
def test_the_message_of_batch_runs_through_spark() -> None:
    message = project.WORKFLOWS / "messages" / "batch.smoke.json"
    assert main(["run", str(project.WORKFLOWS / "batch.yaml"), "--message", str(message)]) == 0
