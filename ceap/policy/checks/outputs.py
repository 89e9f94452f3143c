"""Outputs hold what their names say: in a workflow its own resources, in the foundation its exports.

People send messages to QueueUrl, and every workflow imports by name. The deploy roles' grants spell out the names of
the buckets that the foundation makes, so those are fixed too. Source: `templates/naming.py`; CloudFormation User Guide,
"Outputs".
"""

from collections.abc import Iterator
from typing import Any, Final

from ceap.cfn.adopted import ADOPTED_QUEUE, adopted_arn, adopted_url, dead_letter_queue_of, queue_at
from ceap.cfn.lookup import (
    BUCKET,
    PIPE,
    QUEUE,
    TOPIC,
    Resource,
    at,
    exported,
    foundation_exports,
    foundation_table,
    pointed_at,
    reference,
    resource,
    resources,
)
from ceap.cfn.template import Template
from ceap.policy.catalogue import Entry
from ceap.policy.finding import Fault
from ceap.policy.vocabulary.kinds import is_workflow
from templates import discovery, naming

RULE: Final = "WIRE11_OUTPUTS"
ENTRY: Final = Entry(
    title="Outputs and exports hold what their names say",
    why="People send messages to QueueUrl, workflows import by name, and the deploy roles spell out buckets' names.",
    fix=(
        "Set each output to the resource of its name, e.g. `Value: !Ref Queue` in QueueUrl, and export all that "
        "workflows import."
    ),
    requirement=("11.2",),
    source="https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/outputs-section-structure.html",
)

_NAMES: Final = {"WorkflowBucket": naming.WORKFLOW_BUCKET, "ArtifactBucket": naming.ARTIFACT_BUCKET}


def check(template: Template) -> Iterator[Fault]:
    outputs = template.data.get("Outputs")
    if isinstance(outputs, dict):
        yield from _workflow_faults(template, outputs)
        yield from _foundation_faults(template, outputs)


def _workflow_faults(template: Template, outputs: dict[str, Any]) -> Iterator[Fault]:
    for name, (wanted, attributes) in _named(template, outputs).items():
        value = at(outputs, name, "Value")
        if wanted is None or value is None:
            continue
        if wanted.type == ADOPTED_QUEUE:
            adopted = adopted_url(wanted) if name.endswith("Url") else adopted_arn(wanted)
            is_right, cure = value == adopted, f"!Sub {adopted['Fn::Sub']}"
        else:
            is_right = _points_at(template, value, wanted, attributes)
            cure = f"!Ref {wanted.logical_id}" if not attributes[0] else f"!GetAtt {wanted.logical_id}.{attributes[0]}"
        if not is_right:
            yield Fault(f"/Outputs/{name}/Value", f"{name} is not that of {wanted.logical_id}", cure)


def _points_at(template: Template, value: Any, wanted: Resource, attributes: tuple[str, ...]) -> bool:
    """Tell whether a value is one of these attributes; what is no reference may be, except in a workflow of ceap."""
    target = reference(value)
    if target is None:
        return wanted.type != QUEUE or not is_workflow(template)
    return target[0] == wanted.logical_id and target[1] in attributes


def _named(template: Template, outputs: dict[str, Any]) -> dict[str, tuple[Resource | None, tuple[str, ...]]]:
    """Return what an output of a name is of, and by which attributes; the first is the usual one, empty for !Ref."""
    named: dict[str, tuple[Resource | None, tuple[str, ...]]] = {
        name: (resource(template, name.removesuffix("Name")), ("",))
        for name in outputs
        if name.endswith(("FunctionName", "JobName", "LogGroupName"))
    }
    for pipe in resources(template, PIPE):
        queue = queue_at(template, pipe.properties.get("Source"))
        machine = pointed_at(template, pipe.properties.get("Target"))
        dead_letters = dead_letter_queue_of(template, queue) if queue else None
        named |= {
            "QueueUrl": (queue, ("", "QueueUrl")),
            "QueueArn": (queue, ("Arn",)),
            "DeadLetterQueueUrl": (dead_letters, ("", "QueueUrl")),
            "DeadLetterQueueArn": (dead_letters, ("Arn",)),
            "StateMachineArn": (machine, ("Arn", "")),
            "StateMachineName": (machine, ("Name",)),
            "PipeName": (pipe, ("",)),
            "PipeArn": (pipe, ("Arn",)),
        }
    return named


def _foundation_faults(template: Template, outputs: dict[str, Any]) -> Iterator[Fault]:
    names = exported(template)
    for export in foundation_exports() if names else ():
        output = names.get(naming.export(export))
        if output is None:
            what = f"no output exports {naming.export(export)}, which workflows import"
            yield Fault("/Outputs", what, "add one")
        elif not _is_export(template, export, at(outputs, output, "Value")):
            what = f"{export} is not what workflows import by that name"
            yield Fault(f"/Outputs/{output}/Value", what, _cure(template, export))


def _is_export(template: Template, export: str, value: Any) -> bool:
    if export not in (naming.ALERT_TOPIC_ID, *_NAMES):
        table = _table_id(template, export)
        return value in ({"Ref": table}, _made_or_adopted(template, table, {"Ref": table}, export))
    made = at(value, "Fn::If", 1) or value
    found, target = pointed_at(template, made), reference(made)
    if found is None or target is None:
        return False
    condition, parameter = at(template.data["Resources"], found.logical_id, "Condition"), naming.adoption(export)
    if value != (made if condition is None else _made_or_adopted(template, found.logical_id, made, parameter)):
        return False
    if export == naming.ALERT_TOPIC_ID:
        return found.type == TOPIC and target[1] in ("", "TopicArn")
    return found.type == BUCKET and target[1] == "" and found.name == _NAMES[export]


def _made_or_adopted(template: Template, logical_id: str, made: Any, parameter: str) -> dict[str, Any]:
    """Return the value of what the template makes under its own condition, and of what is adopted without it."""
    return {"Fn::If": [at(template.data["Resources"], logical_id, "Condition"), made, {"Ref": parameter}]}


def _table_id(template: Template, export: str) -> str:
    """Return the logical id of the table whose name is exported; without such a table, the generator's."""
    usual = export.removesuffix("Name")
    [name] = [name for name in discovery.tables() if naming.table_id(name) == usual]
    table = foundation_table(template, name)
    return table.logical_id if table else usual


def _cure(template: Template, export: str) -> str:
    if export == naming.ALERT_TOPIC_ID:
        return f"!Ref of the topic, or !Ref {naming.adoption(export)} where one is adopted"
    if export in _NAMES:
        return f"!Ref of the bucket {_NAMES[export]}, or !Ref {naming.adoption(export)} where one is adopted"
    return f"!Ref {_table_id(template, export)}, or !Ref {export} where a table is adopted"
