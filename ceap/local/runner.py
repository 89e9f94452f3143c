"""A workflow in the local engine: deployed with its code and data, and run on messages until nothing is left to do."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from ceap.archive import build_zip, upload_prefix
from ceap.errors import SetupError, UsageError
from ceap.local import seed, start, triggers
from ceap.local.cloudformation import DeployError, Stack
from ceap.local.engine import Engine, EngineError
from ceap.local.executions import DeployedMachine, Entry, Execution, Stage
from ceap.local.existing_functions import FUNCTIONS_FOLDER, STACK_NAME, ExistingFunction, template_of
from ceap.local.existing_queues import make_existing
from ceap.local.order import Build, Order
from ceap.local.packages import build_zips
from ceap.local.progress import Progress
from ceap.local.seed_values import ENVIRONMENT
from ceap.local.stacks.blueprint import parse_template
from ceap.local.start import Start
from templates import naming

_NETWORK: Final = {naming.SUBNETS_PARAMETER: "subnet-local", naming.SECURITY_GROUPS_PARAMETER: "sg-local"}


class Deployment(NamedTuple):
    """The stacks of a workflow in an engine, and its state machine.

    `existing` are the ARNs of the existing functions that its steps call, by the parameters that name them.
    """

    workflow: str
    foundation: Stack
    stack: Stack
    machine: DeployedMachine
    existing: Mapping[str, str]

    @property
    def stages(self) -> Mapping[str, Stage]:
        return {stage.state: stage for stage in self.machine.stages}


class Remains(NamedTuple):
    """What a run left in the engine, to which so many messages were `sent`, or were to be sent.

    `objects` are those of the workflow bucket by key, bodies are messages' texts.
    """

    executions: Sequence[Execution]
    objects: Mapping[str, bytes]
    events: Sequence[Mapping[str, object]]
    queued: Sequence[str]
    dead_letters: Sequence[str]
    alerts: Sequence[str]
    problems: Sequence[str]
    sent: int


def deploy(engine: Engine, build: Build) -> Deployment:
    """Deploy the foundation, put handlers and scripts into its artifact bucket, then deploy the workflow.

    What it adopts is made before it, and the existing functions of its steps are deployed.
    """
    parameters = {"Environment": ENVIRONMENT}
    foundation = engine.deploy(build.foundation_template, _stack_name(naming.FOUNDATION), parameters)
    artifacts: dict[str, bytes] = {}
    if build.has_functions:
        zips = build_zips()
        prefix = parameters[naming.HANDLERS_PREFIX_PARAMETER] = upload_prefix("handlers", zips)
        artifacts |= {prefix + name: content for name, content in zips.items()}
    if build.scripts:
        prefix = parameters[naming.GLUE_PREFIX_PARAMETER] = upload_prefix("glue", build.scripts)
        artifacts |= {prefix + name: content for name, content in build.scripts.items()}
    for key, content in artifacts.items():
        engine.client("s3").put_object(Bucket=foundation.outputs["ArtifactBucket"], Key=key, Body=content)
    parameters |= _of_account(engine, build.workflow_template)
    parameters |= make_existing(engine.client, build.workflow_template)
    existing = _deploy_existing(engine, build.existing, foundation.outputs["ArtifactBucket"])
    parameters |= existing
    stack = engine.deploy(build.workflow_template, _stack_name(build.workflow), parameters)
    return Deployment(build.workflow, foundation, stack, engine.machine(stack.outputs["StateMachineArn"]), existing)


def _deploy_existing(engine: Engine, functions: Mapping[str, ExistingFunction], bucket: str) -> dict[str, str]:
    """Deploy existing functions in a stack of their own, and return their ARNs by parameter."""
    if not functions:
        return {}
    keys = {parameter: f"{FUNCTIONS_FOLDER}/{parameter}.zip" for parameter in functions}
    for parameter, function in functions.items():
        code = build_zip({name: path.read_bytes() for name, path in function.files.items()})
        engine.client("s3").put_object(Bucket=bucket, Key=keys[parameter], Body=code)
        engine.functions.homes[function.name] = function.folder
    return dict(engine.deploy(template_of(functions, bucket, keys, account=engine.account), STACK_NAME).outputs)


def _of_account(engine: Engine, template: str) -> dict[str, str]:
    """Return parameters that name what an account has: a network, of which nothing is modelled, and a boundary.

    What the boundary of an account forbids is not known here: this one forbids nothing.
    """
    declared = parse_template(template)["Parameters"]
    found = {name: value for name, value in _NETWORK.items() if name in declared}
    if naming.BOUNDARY_PARAMETER in declared:
        document = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}
        made = engine.client("iam").create_policy(PolicyName="boundary", PolicyDocument=json.dumps(document))
        found[naming.BOUNDARY_PARAMETER] = made["Policy"]["Arn"]
    return found


@contextmanager
def deployed(
    start_engine: Callable[[], Engine], build: Build, declaration: Path, say: Callable[[str], None]
) -> Iterator[tuple[Engine, Deployment]]:
    """Start an engine with a workflow in it; at the end of the context it is closed.

    Raises:
        SetupError: The installed moto is not the one that the engine needs, or a package that a function imports lacks.
        UsageError: A template is refused; the message begins with the path of the declaration.
    """
    try:
        with start_engine() as engine:
            say(f"deploying the foundation and {build.workflow} into the local engine")
            deployment = deploy(engine, build)
            for note in deployment.stack.notes:
                say(note)
            yield engine, deployment
    except EngineError as error:
        raise SetupError(str(error)) from error
    except DeployError as error:
        raise UsageError(f"{declaration}: {error}") from error


def run(
    engine: Engine, deployment: Deployment, order: Order, progress: Progress, say: Callable[[str], None]
) -> Remains:
    """Put the seed's data, send the messages, run until nothing is left to do, and return what is there then.

    Raises:
        UsageError: The workflow's triggers are to send, and no object of the seed is one that they wait for.
    """
    prepare(engine, deployment, order, progress, say)
    if order.body is None:
        sent = triggers.fire(engine, order, say)
    else:
        sent = order.copies
        for _ in range(sent):
            engine.send(deployment.stack.outputs["QueueUrl"], order.body)
    return collect(engine, deployment, engine.drain(once=order.once), sent)


def prepare(
    engine: Engine, deployment: Deployment, order: Order, progress: Progress, say: Callable[[str], None]
) -> None:
    """Put the seed's data and all else that is to be there before the first message."""
    seed.plant(order.seed, engine.client, deployment.foundation.outputs)
    if planted := seed.describe(order.seed):
        say(planted)
    if order.failure:
        engine.fail(deployment.stages[order.failure.stage], order.failure.error_type, order.failure.times)
    engine.listen(progress.follow, progress)
    if order.start:
        say(start.describe(order.start))
        engine.enter(deployment.machine, _entry(engine, deployment, order.start))


def collect(engine: Engine, deployment: Deployment, executions: Sequence[Execution], sent: int) -> Remains:
    """Return what executions left in the engine, to which so many messages were sent."""
    outputs = deployment.stack.outputs
    return Remains(
        executions=executions,
        objects=dict(engine.objects(deployment.foundation.outputs["WorkflowBucket"])),
        events=engine.events(),
        queued=engine.messages(outputs["QueueUrl"]),
        dead_letters=engine.messages(outputs["DeadLetterQueueUrl"]),
        alerts=engine.published(deployment.foundation.outputs["AlertTopic"]),
        problems=engine.problems(),
        sent=sent,
    )


def _entry(engine: Engine, deployment: Deployment, given: Start) -> Entry:
    def prepare(execution: Execution) -> str:
        bucket = deployment.foundation.outputs["WorkflowBucket"]
        start.put_earlier(given, engine.client("s3"), bucket, execution.name)
        [record] = json.loads(execution.input)  # the first state passes it on
        return json.dumps(record)

    return Entry(given.stage, prepare)


def _stack_name(name: str) -> str:
    return f"{naming.base(name)}-{ENVIRONMENT}"
