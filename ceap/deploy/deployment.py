"""A deployment of one stack: the step that the situation calls for, and again, until the stack is as wanted."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final, assert_never

import msgspec
from botocore.exceptions import ClientError  # type: ignore[import-untyped]  # botocore ships no types

from ceap.aws.errors import code_of
from ceap.aws.history import Operation, Retained
from ceap.cfn.template import Template, parse_template
from ceap.deploy import adopt, change_sets
from ceap.deploy.causes import cure_for, plain
from ceap.deploy.change_sets import ChangeSet, ChangeSetError, Effect, Kind, Request
from ceap.deploy.diff.change import Diff
from ceap.deploy.diff.compare import compare
from ceap.deploy.diff.describe import describe
from ceap.deploy.diff.evaluation import deployed, shown_values
from ceap.deploy.gate import object_to
from ceap.deploy.journal import Content, new_id
from ceap.deploy.operation import DeploymentError, Means, Terms, at_rest, failure, follow_telling, going_on, wait
from ceap.deploy.plan import (
    REVIEW,
    Change,
    ContinueRollback,
    DeleteStack,
    Import,
    Refuse,
    RemoveChangeSets,
    Situation,
    Step,
    Wait,
    next_step,
)
from ceap.deploy.problem import Planned
from ceap.deploy.progress import Ended, last_event
from ceap.deploy.situation import read_situation
from ceap.deploy.values import Values, choose_values
from templates.words import plural

_NEW: Final = (None, REVIEW, "IMPORT_COMPLETE")
"""Stacks that hold nothing yet, or only what has just been imported: all else of their template is new."""


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """What a stack shall be: `parameters` are those that ceap and ceap.toml give, `artifacts` hashes by key.

    A deployment that goes back has all `parameters` of the one that it goes back to.
    """

    stack: str
    template: Template
    parameters: Mapping[str, str]
    artifacts: Mapping[str, str] = {}
    operation: Operation = Operation.DEPLOY


class Deployed(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What became of a stack; `changes` are those of the last change set, none where there was nothing to change."""

    stack: str
    is_changed: bool
    changes: tuple[Effect, ...]
    outputs: Mapping[str, str]
    status: str


class Deployment:
    """Leads one stack to its target, step by step."""

    def __init__(self, means: Means, target: Target, terms: Terms) -> None:
        self._means: Final = means
        self._aws: Final = means.aws
        self._journal: Final = means.journal
        self._say: Final = means.say
        self._target: Final = target
        self._terms: Final = terms
        self._origin: adopt.Origin | None = None
        self._is_origin_known = False

    def planned(self) -> Planned:
        """Return the stack as it shall be, once no operation runs on it any more."""
        now = at_rest(self._means, self._target.stack)
        self._journal.settle(now)
        values = self._values(now)
        stayed = self._stayed(now)
        retained = [each for each in self._adopted(values) if each.logical_id in stayed]
        target = self._target
        return Planned(stack=now.name, template=target.template, parameters=values.all, retained=retained)

    def run(self) -> Deployed:
        """Take steps until the stack is as wanted.

        Raises:
            DeploymentError: it is refused, or fails; CloudFormation has undone it, or says why it could not.
            UsageError: a parameter has no value, or nobody can be asked.
        """
        tried: set[type[Step]] = set()
        while True:
            now = read_situation(self._aws, self._target.stack)
            step = next_step(now, self._stayed(now), tried)
            tried.add(type(step))
            match step:
                case Wait():
                    wait(self._means, now)
                case RemoveChangeSets():
                    self._remove(now, step)
                case DeleteStack():
                    self._delete(now, step)
                case ContinueRollback():
                    self._continue_rollback(now)
                case Import():
                    self._import(now, step)
                case Change():
                    return self._change(now)
                case Refuse():
                    raise DeploymentError(f"{now.name}: {step.what}; {step.cure}")
                case _:
                    assert_never(step)

    def _stayed(self, now: Situation) -> tuple[str, ...]:
        """Return the logical ids of what an earlier stack of this name left; a stack that lives has taken its own."""
        if now.status not in (None, REVIEW):
            return ()
        if not self._is_origin_known:
            self._origin = adopt.find_origin(self._aws, now.name, self._journal.records(), self._journal.template)
            self._is_origin_known = True
        return tuple(each.logical_id for each in self._adopted(self._values(now))) if self._origin else ()

    def _adopted(self, values: Values) -> tuple[Retained, ...]:
        template = deployed(self._target.template, values.all)
        return adopt.wanted_of(self._origin, template) if self._origin else ()

    def _values(self, now: Situation) -> Values:
        return choose_values(self._target.template, self._target.parameters, self._deployed(now), now.parameters)

    def _deployed(self, now: Situation) -> Template | None:
        return parse_template(now.template, f"{now.name} as deployed") if now.template and now.resources else None

    def _remove(self, now: Situation, step: RemoveChangeSets) -> None:
        for name in step.names:
            self._say(f"{now.name}: removing a change set that was not executed, of an earlier call")
            change_set = ChangeSet(arn=name, stack=now.name, stack_id=now.stack_id, kind=Kind.UPDATE, effects=())
            change_sets.remove(self._aws, change_set)

    def _delete(self, now: Situation, step: DeleteStack) -> None:
        self._ask(f"{now.name} is {now.status}, as {step.reason}: delete what is left of it, and go on?")
        since = last_event(self._aws, now.stack_id)
        role = {"RoleARN": self._terms.environment.role_arn} if self._terms.environment.role_arn else {}
        with going_on(self._means, self._target.stack, "deletes what is left of the stack"):
            self._aws.client("cloudformation").delete_stack(StackName=now.stack_id, **role)
            ended = follow_telling(self._means, now.stack_id, since, len(now.resources))
        if not ended.is_done:
            raise self._failed("could not be deleted", ended)

    def _continue_rollback(self, now: Situation) -> None:
        self._ask(f"{now.name} is {now.status}: let CloudFormation continue to roll back, and go on?")
        since = last_event(self._aws, now.stack_id)
        role = {"RoleARN": self._terms.environment.role_arn} if self._terms.environment.role_arn else {}
        with going_on(self._means, self._target.stack, "rolls back"):
            self._aws.client("cloudformation").continue_update_rollback(StackName=now.stack_id, **role)
            ended = follow_telling(self._means, now.stack_id, since, None)
        if ended.status == "UPDATE_ROLLBACK_FAILED":
            raise self._failed("could not be rolled back", ended)

    def _import(self, now: Situation, step: Import) -> None:
        """Import what stayed, as it was; the update that follows makes of it what is wanted."""
        if self._origin is None:
            raise AssertionError(step)  # what stayed is known from there
        retained = [each for each in self._origin.retained if each.logical_id in step.logical_ids]
        for each in retained:
            [identifier] = each.identifier.values()
            self._say(f"  {each.logical_id} ({each.type}) is there, from an earlier deployment: {identifier}")
        change_set = self._create(
            Request(
                stack=now.name,
                name=f"{change_sets.PREFIX}{new_id()}",
                kind=Kind.IMPORT,
                template=adopt.import_template(self._origin, retained),
                parameters=adopt.import_parameters(self._origin, self._target.parameters),
                tags=self._terms.environment.tags,
                role_arn=self._terms.environment.role_arn,
                imports=retained,
            )
        )
        if change_set is None:
            raise DeploymentError(f"{now.name}: CloudFormation found nothing to import; run this command again")
        with self._removed_unless_executed(change_set):
            self._ask(f"{now.name}: import {len(retained)} resources that stayed, with what they hold?")
        ended = self._execute(change_set, None)
        if not ended.is_done:
            raise self._failed("could not import what stayed", ended)

    def _change(self, now: Situation) -> Deployed:
        """Create or update the stack by a change set, unless there is nothing to change."""
        target, values, old, id_ = self._target, self._values(now), self._deployed(now), new_id()
        shown = shown_values(target.template, values.all)
        content = Content(template=target.template.text, parameters=shown, artifacts=target.artifacts)
        change_set = self._create(
            Request(
                stack=now.name,
                name=f"{change_sets.PREFIX}{id_}",
                kind=Kind.UPDATE if now.is_live else Kind.CREATE,
                template=target.template.text,
                parameters=values.given,
                tags=self._terms.environment.tags,
                role_arn=self._terms.environment.role_arn,
            )
        )
        if change_set is None:
            self._say(f"{now.name}: nothing to change")
        else:
            diff = compare(
                old,
                target.template,
                old_parameters=now.parameters if old else None,
                new_parameters=values.all,
                name=now.name,
            )
            with self._removed_unless_executed(change_set):
                self._judge(change_set, diff, is_new=now.status in _NEW)
            self._execute_recorded(change_set, id_, content)
        return self._finish(id_, content, change_set)

    def _finish(self, id_: str, content: Content, change_set: ChangeSet | None) -> Deployed:
        """See that a record has what is deployed now, and that the stack is protected as the environment says."""
        now = read_situation(self._aws, self._target.stack)
        self._journal.ensure(id_, content, self._target.operation)
        self._protect(now)
        return Deployed(
            stack=now.name,
            is_changed=change_set is not None,
            changes=change_set.effects if change_set else (),
            outputs=now.outputs,
            status=str(now.status),
        )

    def _judge(self, change_set: ChangeSet, diff: Diff, *, is_new: bool) -> None:
        """Show what would change; DeploymentError if the gate refuses it, or the user does."""
        for line in _shown(change_set, diff, is_new=is_new):
            self._say(line)
        objections = object_to(change_set.effects, diff)
        refused = [each for each in objections if each.is_hopeless or not self._terms.allow_replacement]
        if refused:
            lines = "".join(f"\n  {each}" for each in refused)
            cure = "" if any(each.is_hopeless for each in refused) else "\ngive --allow-replacement if that is meant"
            raise DeploymentError(f"{change_set.stack}: refused, nothing was changed:{lines}{cure}")
        for each in objections:
            self._say(f"  allowed: {each}")
        self._ask(f"{change_set.stack}: execute these {len(change_set.effects)} changes?")

    def _create(self, request: Request) -> ChangeSet | None:
        self._say(f"{request.stack}: asking CloudFormation what would change")
        try:
            return change_sets.create(self._aws, request, self._journal.bucket, self._means.pace)
        except ChangeSetError as error:
            reason = plain(str(error))
        except ClientError as error:
            if code_of(error) != "ValidationError":
                raise
            reason = plain(error.response["Error"]["Message"])
        cure = cure_for(reason) or "nothing was changed; correct that, and run this command again"
        raise DeploymentError(f"{request.stack}: CloudFormation refuses the change set: {reason}; {cure}")

    def _execute_recorded(self, change_set: ChangeSet, id_: str, content: Content) -> None:
        """Execute a change set, and keep a record of it; DeploymentError if it fails."""
        record = self._journal.begin(id_, self._target.operation, content)
        try:
            ended = self._execute(change_set, len(change_set.effects))
        except DeploymentError:
            if record:
                self._journal.end(record, is_done=False)
            raise
        if record:
            self._journal.end(record, is_done=ended.is_done)
        if not ended.is_done:
            raise self._failed("failed, and was rolled back", ended)

    def _execute(self, change_set: ChangeSet, total: int | None) -> Ended:
        since = last_event(self._aws, change_set.stack_id)
        with going_on(self._means, self._target.stack, "goes on with the change"):
            try:
                change_sets.execute(self._aws, change_set)
            except ChangeSetError as error:
                again = "run this command again, and look at what it would change then"
                raise DeploymentError(f"{change_set.stack}: {error}, so it was not executed; {again}") from None
            return follow_telling(self._means, change_set.stack_id, since, total)

    def _protect(self, now: Situation) -> None:
        wanted = self._terms.environment.termination_protection
        if wanted is not None and wanted != now.is_protected:
            self._aws.client("cloudformation").update_termination_protection(
                StackName=now.name, EnableTerminationProtection=wanted
            )
            self._say(f"{now.name}: termination protection is {'on' if wanted else 'off'} now")

    def _ask(self, question: str) -> None:
        if not self._terms.consent(question):
            raise DeploymentError(f"{self._target.stack}: not confirmed, so nothing was changed")

    @contextmanager
    def _removed_unless_executed(self, change_set: ChangeSet) -> Iterator[None]:
        try:
            yield
        except Exception:
            change_sets.remove(self._aws, change_set)
            raise

    def _failed(self, what: str, ended: Ended) -> DeploymentError:
        return failure(self._target.stack, what, ended, self._target.template)


def _shown(change_set: ChangeSet, diff: Diff, *, is_new: bool) -> Iterator[str]:
    """Yield the content of a change set, and beside it what ceap knows of it."""
    count = plural(len(change_set.effects), "resource")
    if is_new:
        yield f"{change_set.stack}: is new, with {count}"
        return
    yield f"{change_set.stack}: CloudFormation would change {count}"
    for effect in change_set.effects:
        yield f"  {effect}"
    yield from describe(diff).splitlines()
