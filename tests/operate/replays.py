"""What tests of replays from a stage share: a STANDARD workflow whose job can be skipped, failed, changed, replayed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from ceap import project
from ceap.archive import build_zip
from ceap.local.engine import Engine
from ceap.local.executions import Execution, Stage
from ceap.operate.replay_from import Replayed, replay_from
from templates.model import LambdaStep, StepKind, Workflow
from templates.render import render
from tests import reference
from tests.local.support import JOB, Deployed, deploy_standard
from tests.operated import Operated

LIBRARY = Path(__file__).parents[2] / "glue" / "lib"
SKIPPING_JOB = f"""
{JOB.partition('if __name__ == "__main__":')[0]}
from lib.replay import find_original
from lib.settings import Job

given = getResolvedOptions(sys.argv, NAMES)
stage = given["output_key"].split("/")[2]
names = ("execution_id", "input_bucket", "input_key", "output_bucket", "output_key")
job = Job(stage=stage, prefix="", run_id="", started_at="", **{{name: given[name] for name in names}})
if original := find_original(boto3.client("s3"), job):
    print("skipped", original)
else:
    main()
"""
"""A job without Spark that uses of the project's library what tells whether to skip a run."""


def deploy(engine: Engine, template: dict[str, Any] | None = None) -> Deployed:
    """Deploy a STANDARD workflow whose jobs can be skipped."""
    deployed = deploy_standard(engine, template, SKIPPING_JOB)
    library = {f"lib/{path.name}": path.read_bytes() for path in LIBRARY.glob("*.py")}
    bucket = deployed.foundation.outputs["ArtifactBucket"]
    engine.client("s3").put_object(Bucket=bucket, Key="scripts/lib.zip", Body=build_zip(library))
    return deployed


def changed_workflow() -> Workflow:
    """Return the STANDARD workflow with other settings of KeepStage, another stage at the end, and another text."""
    [workflow] = project.load_workflows([reference.STANDARD])
    steps = tuple(
        msgspec.structs.replace(step, settings={"group": "changed"}) if step.stage == "KeepStage" else step
        for step in workflow.steps
    )
    again = LambdaStep(stage="AgainStage", handler="sift", timeout_s=300)
    return msgspec.structs.replace(workflow, steps=(*steps, again), description="Changed")


def update(deployed: Deployed, template: dict[str, Any]) -> None:
    """Update the stack of a workflow to a template."""
    client, name = deployed.engine.client("cloudformation"), deployed.stack.name
    bucket = deployed.foundation.outputs["ArtifactBucket"]
    deployed.engine.client("s3").put_object(Bucket=bucket, Key="changed.yaml", Body=render(template).encode())
    [stack] = client.describe_stacks(StackName=name)["Stacks"]
    client.update_stack(
        StackName=name,
        TemplateURL=f"https://{bucket}.s3.us-east-1.amazonaws.com/changed.yaml",
        Parameters=[given for given in stack["Parameters"] if given["ParameterKey"] in template["Parameters"]],
        Capabilities=["CAPABILITY_IAM"],
    )
    deployed.engine.drain()
    [stack] = client.describe_stacks(StackName=name)["Stacks"]
    assert stack["StackStatus"] == "UPDATE_COMPLETE"


def run(deployed: Deployed, body: str = reference.MESSAGE) -> Execution:
    """Send a message and return its one execution."""
    before = len(deployed.engine.executions)
    deployed.engine.send(deployed.queue, body)
    [execution] = deployed.engine.drain()[before:]
    return execution


def fail(deployed: Deployed, stage: str, body: str = reference.MESSAGE) -> Execution:
    """Run a message that fails at a stage, which runs in Lambda."""
    function = f"ceap-standard-dev-{stage.removesuffix('Stage')}"
    deployed.engine.fail(Stage(stage, StepKind.LAMBDA, function), "PermanentStageError", 1)
    execution = run(deployed, body)
    assert (execution.status, execution.attempts[-1].state) == ("FAILED", stage)
    return execution


def replay(found: Operated, execution: str, stage: str, name: str, *, dry_run: bool = False) -> Replayed:
    return replay_from(found.aws, found.workflow, execution, stage, name, dry_run=dry_run, say=lambda _: None)


def objects_of(deployed: Deployed, execution: str) -> dict[str, bytes]:
    """Return the objects of an execution by their keys below its prefix."""
    prefix = f"executions/{execution}/"
    return {key.removeprefix(prefix): body for key, body in deployed.objects().items() if key.startswith(prefix)}
