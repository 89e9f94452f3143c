"""The deploy roles grant what deployments need, and CloudFormation's cannot change its own grants.

The check judges the stack of the deploy roles against what ceap writes for every type of resource that it knows; a
project with fewer types needs less, and GEN01_FRESH compares that. Source: `templates/deploy_permissions.py`.
"""

import functools
import json
from collections.abc import Iterator
from typing import Final, NamedTuple

from ceap.cfn.lookup import at
from ceap.cfn.template import Template, parse_template
from ceap.iam.arn import resolve
from ceap.iam.documents import documents
from ceap.policy.catalogue import Entry
from ceap.policy.finding import Fault
from ceap.policy.uses import condition_text
from ceap.policy.vocabulary.kinds import StackKind, kind_of
from templates import naming
from templates.deploy_permissions import NAMES
from templates.deploy_role import SERVICE_ROLE
from templates.render import render
from templates.stacks import deploy_stack

RULE: Final = "SEC13_DEPLOY_ROLES"
ENTRY: Final = Entry(
    title="The deploy roles grant what deployments need, and CloudFormation's cannot change its own grants",
    why="A deployment runs with these roles, so everyone who can push to the repository has their permissions.",
    fix=(
        "Run `make templates`. What resources of your own need stands in a policy of yours: its ARN is the parameter "
        "`OwnResourcesPolicyArn`."
    ),
    requirement=("1.5", "11.9"),
    source="docs/how-to/deploy.md",
)

_PASSED_TO: Final = "StringEquals iam:PassedToService "


class _Grant(NamedTuple):
    action: str
    resource: str
    condition: str
    when: tuple[str, ...]


def check(template: Template) -> Iterator[Fault]:
    if kind_of(template) is not StackKind.DEPLOY:
        return
    expected = _expected()
    for section in ("Parameters", "Conditions"):
        for name, body in expected.data[section].items():
            found = at(template.data, section, name)
            for key in ("AllowedPattern", "Default") if section == "Parameters" else ("",):
                wanted, is_now = (at(value, key) if key else value for value in (body, found))
                if found is not None and wanted != is_now:
                    path = "/".join(filter(None, (f"/{section}/{name}", key if is_now is not None else "")))
                    yield Fault(path, f"{key or name} is not what ceap writes", f"{key or name}: {json.dumps(wanted)}")
    path = at(expected.data["Resources"], SERVICE_ROLE, "Properties", "Path")
    if at(template.data["Resources"], SERVICE_ROLE, "Properties", "Path") != path:
        what = f"{SERVICE_ROLE} may change the grants of roles that are called as itself"
        yield Fault(f"/Resources/{SERVICE_ROLE}/Properties", what, f"Path: {path}")
    allowed = {granted for _, granted in _grants(expected)}
    for place, (role, grant) in _grants(template):
        if (role, grant) not in allowed:
            what = f"{role} may call {grant.action} on {grant.resource}, which no deployment needs"
            yield Fault(place, what, "remove it, or grant it in the policy of OwnResourcesPolicyArn")


@functools.cache
def _expected() -> Template:
    return parse_template(render(deploy_stack(NAMES, in_vpc=True)), naming.template_file(naming.DEPLOY))


def _grants(template: Template) -> Iterator[tuple[str, tuple[str, _Grant]]]:
    """Yield the place of each action, and the role with what it may do there, apart for each service it passes to."""
    for document in documents(template):
        for statement in document.statements if not document.is_trust else ():
            condition = condition_text(template, statement.body.get("Condition"))
            passed = condition.removeprefix(_PASSED_TO).split(" or ") if condition.startswith(_PASSED_TO) else []
            for action in statement.texts("Action"):
                for resource in statement.entries("Resource"):
                    when = tuple(dict.fromkeys(action.when + resource.when))
                    for each in [f"{_PASSED_TO}{service}" for service in passed] or [condition]:
                        grant = _Grant(action.value, resolve(template, resource.value), each, when)
                        yield action.path, (document.resource.logical_id, grant)
