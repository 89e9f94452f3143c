"""What tests of checks on policies share."""

from __future__ import annotations

import json
from typing import Any

from ceap.cfn.template import Template, parse_template
from ceap.policy.finding import Fault


def policy(*statements: Any, version: Any = "2012-10-17") -> dict[str, Any]:
    """Return a policy document; a version of None leaves it out."""
    return ({"Version": version} if version else {}) | {"Statement": list(statements)}


def allow(action: Any, resource: Any, **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def template(**resources: Any) -> Template:
    """Return a template of resources, each its type and properties."""
    bodies = {name: {"Type": kind, "Properties": properties} for name, (kind, properties) in resources.items()}
    return parse_template(json.dumps({"Resources": bodies}), "t.json")


def role(*statements: Any) -> Template:
    """Return a template with one role, `Role`, whose one policy holds the statements, and with a bucket and a queue."""
    return template(
        Role=("AWS::IAM::Role", {"Policies": [{"PolicyName": "p", "PolicyDocument": policy(*statements)}]}),
        Bucket=("AWS::S3::Bucket", {}),
        Queue=("AWS::SQS::Queue", {}),
    )


STATEMENT = "/Resources/Role/Properties/Policies/0/PolicyDocument/Statement/0"


def told(fault: Fault) -> str:
    """Return a fault in one line, as the tests of checks read it."""
    return f"{fault.what} | fix: {fault.fix}"
