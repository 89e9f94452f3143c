"""Tags: of every resource that takes them, in the form that its type takes."""

from typing import Any, Final

from templates.model import Workflow
from templates.placeholders import substituted

LISTED: Final = frozenset(
    {
        "AWS::CloudWatch::Alarm",
        "AWS::CloudWatch::Dashboard",
        "AWS::Events::Rule",
        "AWS::IAM::Role",
        "AWS::Lambda::Function",
        "AWS::Logs::LogGroup",
        "AWS::SQS::Queue",
        "AWS::Scheduler::ScheduleGroup",
        "AWS::StepFunctions::StateMachine",
    }
)
"""The types of a workflow's resources whose Tags are a list of Key and Value."""

MAPPED: Final = frozenset({"AWS::Glue::Job", "AWS::Pipes::Pipe"})
"""The types whose Tags are a mapping."""


def add_tags(resources: dict[str, Any], workflow: Workflow) -> None:
    """Add the tags of a workflow to the resources of its template, as far as they take any."""
    values = {key: substituted(value) for key, value in workflow.tags.items()}
    for resource in resources.values() if values else ():
        if resource["Type"] in LISTED:
            resource["Properties"]["Tags"] = [{"Key": key, "Value": value} for key, value in values.items()]
        elif resource["Type"] in MAPPED:
            resource["Properties"]["Tags"] = dict(values)
