"""The physical names that a stack takes, and which of them somebody else has already."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, NamedTuple

from botocore.exceptions import ClientError  # type: ignore[import-untyped]  # botocore ships no types

from ceap.aws.errors import DENIED, code_of, is_absent
from ceap.aws.session import Aws
from ceap.cfn import lookup
from ceap.cfn.template import Template
from templates.placeholders import fill

READERS: Final = 8
"""How many names are looked up at once."""

_FORBIDDEN: Final = "403"


class Name(NamedTuple):
    """A name that a stack gives to a resource."""

    stack: str
    logical_id: str
    type: str
    name: str


class Taken(NamedTuple):
    """A name that exists: `stack` holds the resource as `logical_id`; both are None outside of stacks.

    `elsewhere` is the region that a bucket is in, or `another account`; None for what is in this account and region.
    """

    name: Name
    stack: str | None = None
    logical_id: str | None = None
    elsewhere: str | None = None


class Unread(NamedTuple):
    """A name of which this identity may not ask whether it exists."""

    name: Name
    action: str


def names_of(aws: Aws, stack: str, template: Template) -> Iterator[Name]:
    """Yield the names that a `deployed` template gives to resources, where they are known before it is deployed."""
    for resource in lookup.resources(template):
        name = fill(resource.name or "", aws.pseudo_parameters)
        if name and "${" not in name:
            yield Name(stack, resource.logical_id, resource.type, name)


def find_taken(aws: Aws, names: Iterable[Name]) -> tuple[Taken | Unread, ...]:
    """Return the names that exist or cannot be asked for; a type for which there is no way to ask counts as free."""
    with ThreadPoolExecutor(READERS) as pool:
        found = pool.map(lambda name: _look(aws, name), [name for name in names if name.type in _LOOKS])
        return tuple(each for each in found if each)


def _look(aws: Aws, name: Name) -> Taken | Unread | None:
    try:
        physical_id, elsewhere = _LOOKS[name.type](aws, name.name)
    except ClientError as error:
        if name.type == lookup.BUCKET and code_of(error) == _FORBIDDEN:
            return Taken(name, elsewhere="another account")
        if code_of(error) in (*DENIED, _FORBIDDEN):
            return Unread(name, error.operation_name)
        if is_absent(error):
            return None
        raise
    if physical_id is None:
        return None
    stack, logical_id = _owner(aws, physical_id)
    return Taken(name, stack, logical_id, elsewhere)


def _owner(aws: Aws, physical_id: str) -> tuple[str | None, str | None]:
    """Return the stack that holds a resource, and its logical id there."""
    try:
        found = aws.client("cloudformation").describe_stack_resources(PhysicalResourceId=physical_id)
    except ClientError as error:
        if code_of(error) in (*DENIED, "ValidationError"):
            return None, None
        raise
    owner = next((each for each in found["StackResources"] if each["PhysicalResourceId"] == physical_id), None)
    return (owner["StackName"], owner["LogicalResourceId"]) if owner else (None, None)


_Found = tuple[str | None, str | None]
"""The physical id as CloudFormation has it, None where the name is free; and where it is, if not here."""


def _here(physical_id: Any) -> _Found:
    return physical_id, None


def _bucket(aws: Aws, name: str) -> _Found:
    region = aws.client("s3").head_bucket(Bucket=name).get("BucketRegion", aws.region)
    return name, None if region == aws.region else f"region {region}"


def _log_group(aws: Aws, name: str) -> _Found:
    groups = aws.client("logs").describe_log_groups(logGroupNamePrefix=name)["logGroups"]
    return _here(name if any(group["logGroupName"] == name for group in groups) else None)


def _alarm(aws: Aws, name: str) -> _Found:
    return _here(name if aws.client("cloudwatch").describe_alarms(AlarmNames=[name])["MetricAlarms"] else None)


def _queue(aws: Aws, name: str) -> _Found:
    aws.client("sqs").get_queue_url(QueueName=name)
    # CloudFormation's id of a queue, also where a client reaches SQS at another address.
    return _here(f"https://sqs.{aws.region}.{aws.domain}/{aws.account}/{name}")


def _machine(aws: Aws, name: str) -> _Found:
    arn = f"arn:{aws.partition}:states:{aws.region}:{aws.account}:stateMachine:{name}"
    return _here(aws.client("stepfunctions").describe_state_machine(stateMachineArn=arn)["stateMachineArn"])


def _topic(aws: Aws, name: str) -> _Found:
    arn = f"arn:{aws.partition}:sns:{aws.region}:{aws.account}:{name}"
    aws.client("sns").get_topic_attributes(TopicArn=arn)
    return _here(arn)


def _named(service: str, operation: str, argument: str) -> Callable[[Aws, str], _Found]:
    """Return a look at a resource whose physical id is its name."""

    def look(aws: Aws, name: str) -> _Found:
        getattr(aws.client(service), operation)(**{argument: name})
        return _here(name)

    return look


_LOOKS: Final[Mapping[str, Callable[[Aws, str], _Found]]] = {
    lookup.ALARM: _alarm,
    lookup.BUCKET: _bucket,
    lookup.EVENT_RULE: _named("events", "describe_rule", "Name"),
    lookup.FUNCTION: _named("lambda", "get_function_configuration", "FunctionName"),
    lookup.JOB: _named("glue", "get_job", "JobName"),
    lookup.LOG_GROUP: _log_group,
    lookup.MACHINE: _machine,
    lookup.PIPE: _named("pipes", "describe_pipe", "Name"),
    lookup.QUEUE: _queue,
    lookup.SCHEDULE_GROUP: _named("scheduler", "get_schedule_group", "Name"),
    lookup.TABLE: _named("dynamodb", "describe_table", "TableName"),
    lookup.TOPIC: _topic,
}
"""How to ask for a name, by type; a ClientError where it does not exist. A schedule's group stands for the schedule."""
