"""Small stacks and calls of CloudFormation, of which the engine's work is waited for."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any

from botocore.exceptions import ClientError  # type: ignore[import-untyped]  # botocore ships no types

from ceap.cfn.template import INLINE_MAX
from ceap.local.engine import Engine

Resource = dict[str, Any]
TEMPLATES = "templates-too-large-for-a-call"


def queue(name: str | None = None, **more: Any) -> Resource:
    named: Resource = {"QueueName": name} if name else {}
    policies: Resource = {
        key: more.pop(key) for key in ("DeletionPolicy", "UpdateReplacePolicy", "DependsOn") if key in more
    }
    return {"Type": "AWS::SQS::Queue", "Properties": {**named, **more}, **policies}


def text(resources: dict[str, Resource], **sections: Any) -> str:
    return json.dumps({**sections, "Resources": resources})


def handed_over(s3: Any, bucket: str, body: str) -> dict[str, str]:
    """Return the argument with a template: its text, or, where that is too large, the URL of an object in a bucket."""
    if len(body.encode()) <= INLINE_MAX:
        return {"TemplateBody": body}
    key = f"deployments/templates/{hashlib.sha256(body.encode()).hexdigest()}.yaml"
    s3.put_object(Bucket=bucket, Key=key, Body=body.encode())
    return {"TemplateURL": f"https://{bucket}.s3.us-east-1.amazonaws.com/{key}"}


class Stacks:
    """Calls of CloudFormation as the driver, or as another client's; each returns when the work is done."""

    def __init__(self, engine: Engine, client: Any = None) -> None:
        self.engine = engine
        self.client = client or engine.client("cloudformation")

    def create(self, name: str, body: str, **more: Any) -> str:
        arn: str = self.client.create_stack(StackName=name, **self._template(body), **more)["StackId"]
        self.engine._stacks.wait()
        return arn

    def update(self, name: str, body: str, **more: Any) -> None:
        self.client.update_stack(StackName=name, **self._template(body), **more)
        self.engine._stacks.wait()

    def delete(self, name: str, **more: Any) -> None:
        self.client.delete_stack(StackName=name, **more)
        self.engine._stacks.wait()

    def propose(self, name: str, body: str, kind: str = "UPDATE", **more: Any) -> dict[str, Any]:
        """Create a change set, and return its description."""
        made = self.client.create_change_set(
            StackName=name, ChangeSetName="change", ChangeSetType=kind, **self._template(body), **more
        )
        described: dict[str, Any] = self.client.describe_change_set(StackName=name, ChangeSetName=made["Id"])
        return described

    def execute(self, name: str, **more: Any) -> None:
        self.client.execute_change_set(StackName=name, ChangeSetName="change", **more)
        self.engine._stacks.wait()

    def _template(self, body: str) -> dict[str, str]:
        s3 = self.engine.client("s3")
        if len(body.encode()) > INLINE_MAX:
            s3.create_bucket(Bucket=TEMPLATES)
        return handed_over(s3, TEMPLATES, body)

    def stack(self, name: str) -> dict[str, Any]:
        [found] = self.client.describe_stacks(StackName=name)["Stacks"]
        stack: dict[str, Any] = found
        return stack

    def status(self, name: str) -> str:
        return str(self.stack(name)["StackStatus"])

    def outputs(self, name: str) -> dict[str, str]:
        return {output["OutputKey"]: output["OutputValue"] for output in self.stack(name).get("Outputs", ())}

    def events(self, name: str, *, after: int = 0) -> list[str]:
        """Return the events in the order in which they happened, as `Logical STATUS: reason`."""
        pages = self.client.get_paginator("describe_stack_events").paginate(StackName=name)
        events = [event for page in pages for event in page["StackEvents"]]
        return [_line(event) for event in events[::-1][after:]]

    def physical(self, name: str) -> dict[str, str]:
        resources = self.client.list_stack_resources(StackName=name)["StackResourceSummaries"]
        return {each["LogicalResourceId"]: each.get("PhysicalResourceId", "") for each in resources}

    def queues(self) -> list[str]:
        """Return the names of all queues."""
        return [url.rpartition("/")[2] for url in self.engine.client("sqs").list_queues().get("QueueUrls", ())]


def _line(event: dict[str, Any]) -> str:
    reason = event.get("ResourceStatusReason")
    return f"{event['LogicalResourceId']} {event['ResourceStatus']}" + (f": {reason}" if reason else "")


def refusal(error: ClientError) -> str:
    """Return code and message of an error."""
    found = error.response["Error"]
    return f"{found['Code']}: {re.sub(r'[0-9a-f]{8}-[0-9a-f-]{27}', 'ID', found['Message'])}"
