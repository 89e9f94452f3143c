"""All functions of a stack run in the VPC that its parameters name, or none does; and none changes its network itself.

Lambda acts as the function's role when it makes network interfaces, so that the role holds what only Lambda should do:
AWS's page has the statement that denies it to the code. Source: Lambda Developer Guide, "Giving Lambda functions access
to resources in an Amazon VPC".
"""

from collections.abc import Iterator
from typing import Any, Final

from ceap.cfn.lookup import FUNCTION, Resource, at, has_generated_name, pointed_at, resources
from ceap.cfn.template import Template
from ceap.iam.arn import resolve
from ceap.iam.documents import Statement, documents
from ceap.policy.catalogue import Entry
from ceap.policy.finding import Fault
from ceap.policy.vocabulary.kinds import kind_of
from templates import naming

RULE: Final = "SEC11_NETWORK"
ENTRY: Final = Entry(
    title="All functions run in the VPC that the parameters name, or none does, and none changes its network",
    why=(
        "A function outside the VPC sends data past its controls. The role of one inside may make network interfaces, "
        "for Lambda, which its code must not."
    ),
    fix="Set `vpc: true` in the declaration, and run `make templates`.",
    requirement=("11.9",),
    source="https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html",
)

_VPC: Final = "VpcConfig"
_WANTED: Final = {"SubnetIds": naming.SUBNETS_PARAMETER, "SecurityGroupIds": naming.SECURITY_GROUPS_PARAMETER}
_KEY: Final = "lambda:SourceFunctionArn"
_FORBIDDEN: Final = frozenset(
    {
        "ec2:AssignPrivateIpAddresses",
        "ec2:CreateNetworkInterface",
        "ec2:DeleteNetworkInterface",
        "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeSubnets",
        "ec2:DetachNetworkInterface",
        "ec2:UnassignPrivateIpAddresses",
    }
)


def check(template: Template) -> Iterator[Fault]:
    if kind_of(template) is None:
        return
    functions = list(resources(template, FUNCTION))
    inside = [function for function in functions if at(function.properties, _VPC) is not None]
    for function in functions if inside else ():
        if function not in inside:
            what = f"{function.logical_id} runs outside the VPC of the other functions"
            yield Fault(function.path(), what, f"VpcConfig: as that of {inside[0].logical_id}")
    for function in inside:
        yield from _place_faults(function)
    for function in functions:
        yield from _denial_faults(template, function, is_inside=function in inside)


def _place_faults(function: Resource) -> Iterator[Fault]:
    for key, parameter in _WANTED.items():
        if at(function.properties, _VPC, key) != {"Ref": parameter}:
            path = function.path(_VPC, key)
            fix = f"{key}: !Ref {parameter}, as `vpc: true` in the declaration makes it"
            yield Fault(path, f"{key} does not come from the parameter", fix)


def _denial_faults(template: Template, function: Resource, *, is_inside: bool) -> Iterator[Fault]:
    role = pointed_at(template, function.properties.get("Role"))
    if role is None:
        return
    denials = [
        statement
        for document in documents(template)
        if document.resource == role and not document.is_trust
        for statement in document.statements
        if statement.body["Effect"] == "Deny"
    ]
    right = [statement for statement in denials if _is_right(template, function, statement)]
    for statement in denials:
        if statement not in right or not is_inside:
            what = "the statement does not deny the function's code its network alone"
            yield Fault(statement.path, what, f"deny the network actions of EC2 under ArnEquals {_KEY}, in a VPC only")
    if is_inside and not right:
        what = f"the code of {function.logical_id} may make and delete network interfaces"
        fix = f"deny {', '.join(sorted(_FORBIDDEN))} under ArnEquals {_KEY}, the function's ARN"
        yield Fault(role.path("Policies"), what, fix)


def _is_right(template: Template, function: Resource, statement: Statement) -> bool:
    condition: Any = statement.body.get("Condition")
    own = resolve(template, {"Fn::GetAtt": [function.logical_id, "Arn"]})
    if has_generated_name(template, function):  # its role exists before its name, and no other function has the role
        own = naming.arn("lambda", "function:*")
    return (
        {action.value for action in statement.texts("Action")} == _FORBIDDEN
        and [entry.value for entry in statement.entries("Resource")] == ["*"]
        and isinstance(condition, dict)
        and condition.keys() == {"ArnEquals"}
        and isinstance(condition["ArnEquals"], dict)
        and {key: resolve(template, value) for key, value in condition["ArnEquals"].items()} == {_KEY: own}
    )
