"""The three kinds of stack: what they are made of, in order."""

from collections.abc import Collection
from typing import Any, TypeAlias, assert_never

from troposphere import Export, Output, Sub, Template

from templates import discovery, naming
from templates.interface import METADATA_KEY, existing_resources, interface
from templates.model import StepKind, Workflow, WorkflowType
from templates.objects import plain, sections
from templates.outputs import add_outputs
from templates.own_resources import add_fragment
from templates.resources.alarms import add_alarms
from templates.resources.alert_topic import add_alert_topic
from templates.resources.bucket import add_artifact_bucket, add_workflow_bucket
from templates.resources.dashboard import add_dashboard
from templates.resources.encryption import add_key
from templates.resources.failure_rule import add_failure_rule
from templates.resources.functions import add_functions
from templates.resources.glue_job import add_glue_jobs
from templates.resources.governance import add_parameters, govern
from templates.resources.parameters import add_environment
from templates.resources.pipe import add_pipe
from templates.resources.queries import add_queries
from templates.resources.queue import add_queue
from templates.resources.state_machine import add_state_machine
from templates.resources.tables import add_tables
from templates.resources.triggers import add_triggers

Sections: TypeAlias = dict[str, Any]
"""A template by its sections, with objects of troposphere in them; of each resource, the attributes."""


def foundation_stack() -> dict[str, Any]:
    """Return the template of what all workflows of an environment share, as plain data."""
    return _plain(foundation_sections())


def deploy_stack(types: Collection[str], *, in_vpc: bool) -> dict[str, Any]:
    """Return the template of the roles by which GitHub deploys stacks, as plain data."""
    return _plain(deploy_sections(types, in_vpc=in_vpc))


def workflow_stack(workflow: Workflow) -> dict[str, Any]:
    """Return the template of one workflow, as plain data."""
    return _plain(workflow_sections(workflow))


def foundation_sections() -> Sections:
    """Return the template of what all workflows of an environment share, and of what they import from it."""
    template = _template("What the ceap workflows of an environment share: buckets, tables, alert topic")
    exports = {
        "WorkflowBucket": (add_workflow_bucket(template), "Bucket that stages pass their data through"),
        "ArtifactBucket": (add_artifact_bucket(template), "Bucket with the code of functions and jobs"),
        "AlertTopic": (add_alert_topic(template), "ARN of the topic that alarms and failed executions alert"),
    }
    for export, name in add_tables(template, discovery.tables().values()).items():
        exports[export] = (name, f"Name of the table {export.removesuffix('TableName')}, made here or adopted")
    for export, (value, description) in exports.items():
        template.add_output(
            Output(export, Description=description, Value=value, Export=Export(Sub(naming.export(export))))
        )
    return _built(template)


def deploy_sections(types: Collection[str], *, in_vpc: bool) -> Sections:
    """Return the template of the roles by which GitHub deploys stacks with resources of these types.

    `in_vpc` says whether functions run in a VPC.
    """
    from templates.deploy_role import add_deploy_roles  # it knows all types of resources, which no other stack needs

    template = _template("The roles by which GitHub deploys the ceap stacks of an environment")
    add_deploy_roles(template, types, in_vpc=in_vpc)
    return _built(template)


def workflow_sections(workflow: Workflow) -> Sections:
    """Return the template of one workflow, with its overrides and resources of its own."""
    template = workflow_template(workflow)
    resources = template["Resources"]
    for logical_id, properties in workflow.overrides.items():
        resources[logical_id]["Properties"] = _merge(plain(resources[logical_id]["Properties"]), properties)
    if workflow.own:
        add_fragment(template, workflow.own)
    return template


def workflow_template(workflow: Workflow) -> Sections:
    """Return what ceap makes of a workflow: what `overrides` may change, and resources of its own may not replace."""
    template = _template(workflow.description or f"Workflow {workflow.name}")
    add_queue(template, workflow)
    for kind in StepKind:
        _add_workers(template, workflow, kind)
    add_state_machine(template, workflow)
    add_pipe(template, workflow)
    if workflow.type is WorkflowType.STANDARD:
        add_failure_rule(template, workflow)
    add_triggers(template, workflow)
    add_alarms(template, workflow)
    add_queries(template, workflow)
    add_dashboard(template, workflow)
    add_outputs(template, workflow)
    add_parameters(template, workflow)
    built = _built(template, workflow)
    govern(built["Resources"], workflow)
    return built


def _add_workers(template: Template, workflow: Workflow, kind: StepKind) -> None:
    match kind:
        case StepKind.LAMBDA:
            add_functions(template, workflow)
        case StepKind.GLUE:
            add_glue_jobs(template, workflow)
        case _:
            assert_never(kind)


def _template(description: str) -> Template:
    template = Template(Description=description)
    template.set_version("2010-09-09")
    add_environment(template)
    add_key(template)
    return template


def _built(template: Template, workflow: Workflow | None = None) -> Sections:
    existing = existing_resources(workflow) if workflow else {}
    template.set_metadata({METADATA_KEY: interface(template.parameters, existing)})
    return sections(template)


def _plain(template: Sections) -> dict[str, Any]:
    built: dict[str, Any] = plain(template)
    return built


def _merge(below: Any, above: Any) -> Any:
    """Return `above` laid over `below`: mappings are merged, all else is replaced, intrinsic functions too."""
    if not (isinstance(below, dict) and isinstance(above, dict)) or _is_intrinsic(below) or _is_intrinsic(above):
        return above
    return below | {key: _merge(below.get(key), value) for key, value in above.items()}


def _is_intrinsic(value: dict[str, Any]) -> bool:
    return len(value) == 1 and next(iter(value)).startswith(("Ref", "Fn::"))
