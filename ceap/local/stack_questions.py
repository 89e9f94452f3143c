"""What calls of CloudFormation ask of IAM: the action on the stack, the role to pass, and the template to read.

Source: Service Authorization Reference, "Actions, resources, and condition keys for AWS CloudFormation"; CloudFormation
User Guide, "CloudFormation service role".
"""

import re
from typing import Final
from urllib.parse import unquote, urlsplit

from ceap.local.calls import Question, Request, UnknownCallError

_VIRTUAL: Final = re.compile(r"(?P<bucket>.+)\.s3[.-][\w.-]*amazonaws\.com")
_CHANGING: Final = "CancelUpdateStack ContinueUpdateRollback CreateChangeSet CreateStack DeleteChangeSet DeleteStack"
_READING: Final = "DescribeChangeSet DescribeEvents DescribeStackEvents DescribeStackResource DescribeStackResources"
_OTHERS: Final = "DescribeStacks ExecuteChangeSet GetTemplate GetTemplateSummary ListChangeSets ListStackResources"
_ON_STACK: Final = frozenset(f"{_CHANGING} {_READING} {_OTHERS} UpdateStack UpdateTerminationProtection".split())
_ON_ALL: Final = frozenset(["ListExports", "ListImports", "ListStacks", "ValidateTemplate"])
# Without a stack these are about all stacks, or about a template that no stack has yet.
_MAY_LACK_STACK: Final = frozenset({"DescribeStacks", "DescribeStackResources", "GetTemplateSummary"})


def ask_cloudformation(request: Request) -> list[Question]:
    """Return what a call must be allowed; UnknownCallError for one that is not modelled or names no stack."""
    operation, form = request.operation, request.form
    action, stack = f"cloudformation:{operation}", form.get("StackName")
    if operation in _ON_ALL or (operation in _MAY_LACK_STACK and not stack):
        questions = [Question(action, "*" if operation in _ON_ALL else request.arn("cloudformation", "stack/*/*"))]
    elif operation in _ON_STACK and stack:
        questions = [Question(action, stack_arn(request, stack))]
    else:
        raise UnknownCallError(request, "the call is not modelled, or does not name its stack in StackName")
    if role := form.get("RoleARN"):
        questions.append(Question("iam:PassRole", role, {"iam:passedtoservice": "cloudformation.amazonaws.com"}))
    if url := form.get("TemplateURL"):
        bucket, key = object_of(url)
        questions.append(Question("s3:GetObject", f"arn:aws:s3:::{bucket}/{key}"))
    return questions


def stack_arn(request: Request, name: str) -> str:
    """Return the ARN of a stack that a call gives by name or ARN; a name stands for whatever id the stack has."""
    return name if name.startswith("arn:") else request.arn("cloudformation", f"stack/{name}/*")


def object_of(url: str) -> tuple[str, str]:
    """Return bucket and key of a template's URL."""
    parts = urlsplit(url)
    path = unquote(parts.path).removeprefix("/")
    if found := _VIRTUAL.fullmatch(parts.netloc):
        return found["bucket"], path
    bucket, _, key = path.partition("/")
    return bucket, key
