"""The Glue jobs: per Glue step one job, one role and its log groups."""

from typing import Final

from troposphere import GetAtt, Sub, Template, glue

from templates import naming, permissions
from templates.imports import artifact_url
from templates.model import GlueStep, Workflow
from templates.resources.logs import add_log_group
from templates.resources.parameters import artifact_prefix
from templates.resources.role import add_role

GLUE_VERSION: Final = "5.1"
CONCURRENT_RUNS: Final = 10
"""Runs of a job at the same time; more wait for their turn in the state machine's retrier."""


def add_glue_jobs(template: Template, workflow: Workflow) -> None:
    """Add each Glue step's job, role and log groups, and the parameter that says where their scripts are.

    Source: requirements 5.4 to 5.6 and 7, properties 21 to 24 and 40; AWS::Glue::Job.
    """
    if not workflow.glue_steps:
        return
    template.add_parameter(artifact_prefix(naming.GLUE_PREFIX_PARAMETER, "Glue scripts"))
    for step in workflow.glue_steps:
        _add_job(template, workflow.name, step, workflow.previous(step))


def _add_job(template: Template, workflow: str, step: GlueStep, previous: str | None) -> None:
    logical_id = naming.job_id(step.stage)
    log_prefix = naming.job_log_prefix(workflow, step.stage)
    log_groups = [
        add_log_group(template, f"{logical_id}{kind}LogGroup", f"{log_prefix}/{kind.lower()}")
        for kind in ("Output", "Error")
    ]
    policy = permissions.job_policy(step.stage, previous, step.glue, log_groups)
    description = f"{step.stage} of {naming.resource(workflow)}"
    role = add_role(template, logical_id, description, "stage", policy, trust=permissions.trust("glue"))
    template.add_resource(
        glue.Job(
            logical_id,
            # Without the groups, Glue would create its own, without retention.
            DependsOn=log_groups,
            Name=Sub(naming.job(workflow, step.stage)),
            Role=GetAtt(role, "Arn"),
            Command=glue.JobCommand(
                Name="glueetl",
                PythonVersion="3",
                ScriptLocation=artifact_url(naming.script_key(step.glue)),
            ),
            GlueVersion=GLUE_VERSION,
            WorkerType=step.worker_type,
            NumberOfWorkers=step.workers,
            Timeout=step.timeout_min,
            # Retries belong to the state machine, which counts and waits.
            MaxRetries=0,
            ExecutionProperty=glue.ExecutionProperty(MaxConcurrentRuns=CONCURRENT_RUNS),
            DefaultArguments={
                "--custom-logGroup-prefix": Sub(log_prefix),
                naming.EXTRA_PY_FILES: artifact_url(naming.library_key()),
            },
        )
    )
