"""Smoke runs of a workflow with a stage that calls an existing function."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from ceap import project
from ceap.deploy.smoke.judgement import SmokeVerdict
from ceap.deploy.smoke.run import Options
from ceap.errors import UsageError
from ceap.local.engine import Engine
from templates.model import LegacyStep
from templates.stacks import workflow_stack
from tests import reference
from tests.deploy.smoke.conftest import Smoked
from tests.local.support import Deployed, deploy_workflow, function, role, template_text, upload_code
from tests.operated import operated


def deploy_calling(engine: Engine) -> Deployed:
    """Deploy the EXPRESS workflow without the stage that publishes, and with an existing function for RateStage."""
    source = "def lambda_handler(event, context):\n    return [record | {'rate': 0.5} for record in event]\n"
    upload_code(engine, {"old.py": source})
    engine.deploy(template_text(FunctionRole=role("lambda"), Old=function("old", "old.lambda_handler")), "old")
    [workflow] = project.load_workflows([reference.EXPRESS])
    old = LegacyStep(stage="RateStage", legacy="RateFunctionArn")
    steps = tuple(old if step.stage == old.stage else step for step in workflow.steps[:-1])
    arn = f"arn:aws:lambda:us-east-1:{engine.account}:function:old"
    template = workflow_stack(replace(workflow, steps=steps))
    return deploy_workflow(engine, "ceap-express-dev", template, own={old.legacy: arn})


def test_what_an_existing_function_does_is_not_known_so_it_is_asked_for_and_told() -> None:
    with operated("express", deploy_calling) as found:
        smoked = Smoked(*found)
        with pytest.raises(UsageError, match=r"dev: the function behind RateStage may publish events.*--allow-events"):
            smoked.smoke(Options())
        assert smoked.engine.executions == []
        report = smoked.smoke()
    assert [finding for finding in report.findings if finding.verdict is SmokeVerdict.FAILED] == []
    assert report.left == ("what the function behind RateStage did, which smoke cannot know",)
