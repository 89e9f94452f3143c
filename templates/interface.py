"""How the CloudFormation console shows the parameters of a stack: in groups, each with a label."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final

from templates import discovery, naming
from templates.model import Workflow

METADATA_KEY: Final = "AWS::CloudFormation::Interface"

_GROUPS: Final = {
    "Environment": {"Environment": "Name of the environment"},
    "Code, as ceap package uploads it": {
        naming.HANDLERS_PREFIX_PARAMETER: "Prefix of the functions' zips",
        naming.GLUE_PREFIX_PARAMETER: "Prefix of the Glue scripts",
    },
    "Existing buckets to adopt": {
        naming.adoption(naming.WORKFLOW_BUCKET_ID): "Data of executions",
        naming.adoption(naming.ARTIFACT_BUCKET_ID): "Code and records of deployments",
    },
    "Encryption": {naming.KMS_KEY_PARAMETER: "ARN of a KMS key of yours"},
    "Network": {naming.SUBNETS_PARAMETER: "Subnets", naming.SECURITY_GROUPS_PARAMETER: "Security groups"},
    "GitHub": {"GitHubSubject": "Subject of the token", "GitHubProviderArn": "ARN of an existing OIDC provider"},
    "Permissions": {
        naming.BOUNDARY_PARAMETER: "ARN of the permissions boundary",
        "WorkflowBoundary": "ARN of the permissions boundary of workflows",
        "OwnResourcesPolicyArn": "ARN of a policy for resources of your own",
    },
    "Alerts": {
        naming.adoption(naming.ALERT_TOPIC_ID): "ARN of an existing topic to adopt",
        naming.ALERT_EMAIL_PARAMETER: "E-mail address",
    },
}
_TABLES: Final = "Existing tables to adopt"
_EXISTING: Final = "Existing resources of this workflow"


def existing_resources(workflow: Workflow) -> dict[str, str]:
    """Return the parameters that name resources which a workflow uses and does not make, each with its label."""
    adopted = {
        workflow.adopt.queue: "Name of the queue that messages come from",
        workflow.adopt.dead_letter_queue: "Name of its dead-letter queue",
        workflow.adopt.event_bus: "Name of the event bus to publish to",
    }
    functions = {name: f"Function that does {stage}" for name, stage in workflow.legacy_functions.items()}
    return functions | {name: label for name, label in adopted.items() if name}


def interface(parameters: Iterable[str], existing: Mapping[str, str] = MappingProxyType({})) -> dict[str, Any]:
    """Return the metadata that groups and labels these parameters; `existing` labels those of a workflow's own.

    Raises:
        LookupError: a parameter stands in no group.

    Source: CloudFormation Template Reference, "AWS::CloudFormation::Interface".
    """
    tables = {f"{naming.table_id(name)}Name": name for name in discovery.tables()}
    groups = {**_GROUPS, _TABLES: tables, _EXISTING: existing}
    shown = {label: [name for name in names if name in set(parameters)] for label, names in groups.items()}
    labels = {name: label for names in groups.values() for name, label in names.items()}
    for name in parameters:
        if name not in labels:
            raise LookupError(f"the parameter {name} has no label; add it to a group of templates/interface.py")
    return {
        "ParameterGroups": [
            {"Label": {"default": label}, "Parameters": names} for label, names in shown.items() if names
        ],
        "ParameterLabels": {name: {"default": labels[name]} for names in shown.values() for name in names},
    }
