"""The order of a deployment: checks, the foundation, the code, then each workflow."""

import argparse
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, assert_never

import msgspec

from ceap.aws.bucket import read_sha256, sha256_of
from ceap.aws.environments import names_in, parameters_of
from ceap.aws.history import Operation, Record
from ceap.aws.pace import Pace
from ceap.aws.session import Aws, explained, open_session
from ceap.ceap_toml import Environment
from ceap.cfn.template import Template, parse_template
from ceap.deploy.artifacts import Artifacts
from ceap.deploy.deployment import Deployed, Deployment, Target
from ceap.deploy.destroy import Destroyed, destroy
from ceap.deploy.diff.evaluation import is_secret
from ceap.deploy.journal import Journal
from ceap.deploy.operation import DeploymentError, Means, Terms, at_rest
from ceap.deploy.preflight import check
from ceap.deploy.problem import Planned
from ceap.deploy.quiet import see_to_pipe
from ceap.deploy.revision import read_revision
from ceap.deploy.rollback import is_same, lineage
from ceap.deploy.upload import upload_artifacts
from ceap.output import confirm, say
from ceap.signals import raised
from templates import naming


class Shipping:
    """Changes the stacks of one environment."""

    def __init__(self, aws: Aws, terms: Terms, root: Path, say: Callable[[str], None], pace: Pace) -> None:
        self.bucket: Final = names_in(terms.environment, aws, naming.ARTIFACT_BUCKET)
        self.done: Final[list[Deployed | Destroyed]] = []
        self._aws: Final = aws
        self._terms: Final = terms
        self._say: Final = say
        self._pace: Final = pace
        self._revision: Final = read_revision(root)

    @property
    def _environment(self) -> Environment:
        return self._terms.environment

    def means(self, stack: str) -> Means:
        """Return what a stack is changed with."""
        journal = Journal(self._aws, stack, self.bucket, revision=self._revision)
        return Means(self._aws, journal, self._say, self._pace)

    def deploy(self, templates: Mapping[str, Template], artifacts: Artifacts) -> None:
        """Deploy the foundation, then workflows, by their names.

        Raises:
            DeploymentError: something stands in the way, is refused, or fails.
        """
        hashes = {key: sha256_of(content) for key, content in artifacts.objects.items()}
        foundation, *workflows = [
            self._deployment(name, template, artifacts, hashes) for name, template in templates.items()
        ]
        self._check([deployment.planned() for deployment in (foundation, *workflows)])
        self._run(foundation)
        if workflows:
            upload_artifacts(self._aws, self.bucket, artifacts, self._say)
        for deployment in workflows:
            self._run(deployment)

    def roll_back(self, name: str) -> None:
        """Take a stack back to the deployment before.

        Raises:
            DeploymentError: there is no stack or no earlier deployment, or going back is refused or fails.
        """
        stack = naming.stack(name, self._environment.name)
        means = self.means(stack)
        record = self._record_before(stack, means)
        template = parse_template(means.journal.template(record), f"{stack} of {record.id}")
        for key, due in record.artifacts.items():
            if read_sha256(self._aws, self.bucket, key) != due:
                raise DeploymentError(
                    f"s3://{self.bucket}/{key}: is not there as it was deployed, and {stack} of {record.id} needs it; "
                    "check out the revision of then, and deploy it"
                )
        parameters = {key: value for key, value in record.parameters.items() if not is_secret(template, key)}
        target = Target(
            stack=stack,
            template=template,
            parameters=parameters,
            artifacts=record.artifacts,
            operation=Operation.ROLLBACK,
        )
        self._run(Deployment(means, target, self._terms))

    def destroy(self, name: str, *, leave_messages: bool) -> None:
        """Delete a stack; DeploymentError if something forbids it, or it fails."""
        stack = naming.stack(name, self._environment.name)
        self.done.append(destroy(self.means(stack), stack, self._terms, leave_messages=leave_messages))

    def _run(self, deployment: Deployment) -> None:
        done = deployment.run()
        self.done.append(done)
        see_to_pipe(self.means(done.stack), done.stack)

    def _check(self, plan: Sequence[Planned]) -> None:
        """Say what could stand in the way, and raise DeploymentError for what does."""
        self._say("checking what would make a deployment fail")
        problems = check(self._aws, self._environment, plan)
        for problem in problems:
            if not problem.is_fatal:
                self._say(f"  {problem}")
        if fatal := [str(problem) for problem in problems if problem.is_fatal]:
            raise DeploymentError("nothing was changed:\n  " + "\n  ".join(fatal))

    def _record_before(self, stack: str, means: Means) -> Record:
        """Return the deployment to go back to: that before what the stack is now."""
        now = at_rest(means, stack)
        if not now.is_live or now.template is None:
            raise DeploymentError(f"{stack}: there is no such stack in {self._aws.region}; deploy it")
        interrupted = means.journal.interrupted(Operation.ROLLBACK)
        means.journal.settle(now)
        line = lineage(means.journal.records())
        if line and means.journal.is_deployed(line[-1], now):
            if interrupted and is_same(interrupted[-1], line[-1]):
                self._say(f"{stack}: an interrupted `ceap rollback` has gone back already")
            else:
                line = line[:-1]
        else:
            self._say(f"{stack}: what is deployed has no record of ceap; going back to the last that has one")
        if not line:
            raise DeploymentError(f"{stack}: there is no earlier deployment to go back to; deploy an older revision")
        record = line[-1]
        more = " with changes that were not committed" if record.is_clean is False else ""
        of_git = f", revision {record.revision[:12]}{more}" if record.revision else ""
        self._say(f"{stack}: going back to the deployment {record.id}{of_git}, of {record.by}")
        return record

    def _deployment(self, name: str, template: Template, artifacts: Artifacts, hashes: Mapping[str, str]) -> Deployment:
        stack = naming.stack(name, self._environment.name)
        is_workflow = name != naming.FOUNDATION
        given = artifacts.parameters if is_workflow else {}
        target = Target(
            stack=stack,
            template=template,
            parameters={**parameters_of(self._environment, template), **given},
            artifacts=hashes if is_workflow else {},
        )
        return Deployment(self.means(stack), target, self._terms)


@contextmanager
def shipping(arguments: argparse.Namespace, environment: Environment, root: Path) -> Iterator[Shipping]:
    """Let a command change stacks, as its arguments say, and print at the end what was done, or why not.

    Signals raise: what CloudFormation goes on with is told before this process ends.
    """
    aws = open_session(environment, arguments.profile, arguments.region)
    say(str(aws))
    consent = (lambda _: True) if arguments.yes else confirm
    terms = Terms(environment, getattr(arguments, "allow_replacement", False), consent)
    ship = Shipping(aws, terms, root, say, Pace())
    try:
        with explained(aws.profile), raised():
            yield ship
    except DeploymentError as error:
        if arguments.json:
            print(_as_json(ship.done, error))
        raise
    if arguments.json:
        print(_as_json(ship.done, None))
    else:
        print("".join(f"{line}\n" for each in ship.done for line in _outputs(each)), end="")


def _outputs(done: Deployed | Destroyed) -> Iterator[str]:
    match done:
        case Deployed():
            yield f"{done.stack}: {done.status}"
            yield from (f"  {name}  {value}" for name, value in done.outputs.items())
        case Destroyed():
            yield f"{done.stack}: {'deleted' if done.is_changed else 'not there'}"
            yield from (f"  {each.logical_id}  {', '.join(each.identifier.values())}" for each in done.retained)
        case _:
            assert_never(done)


def _as_json(done: Sequence[Deployed | Destroyed], failure: DeploymentError | None) -> str:
    error = {"message": str(failure), "cause": failure.cause} if failure else None
    return msgspec.json.encode({"stacks": done, "error": error}).decode()
