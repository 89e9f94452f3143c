"""The end of a stack: it comes to rest, is deleted, and what holds data stays."""

from collections.abc import Iterator

import msgspec

from ceap.aws.flow import count_messages
from ceap.aws.history import Operation, Retained
from ceap.aws.session import Aws
from ceap.cfn.template import Template, parse_template
from ceap.deploy import change_sets
from ceap.deploy.adopt import left_by
from ceap.deploy.change_sets import ChangeSet, Kind
from ceap.deploy.diff.change import Fate, Removed
from ceap.deploy.diff.compare import compare
from ceap.deploy.journal import Content, new_id
from ceap.deploy.operation import DeploymentError, Means, Terms, at_rest, failure, follow_telling, going_on
from ceap.deploy.plan import Situation
from ceap.deploy.progress import last_event
from ceap.deploy.quiet import Flow, bring_to_rest, flow_of
from ceap.deploy.situation import read_importers
from templates.words import plural


class Destroyed(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What became of a stack; `messages` are those that wait in its queue, None where it has no queue."""

    stack: str
    is_changed: bool
    retained: tuple[Retained, ...] = ()
    messages: int | None = None


def destroy(means: Means, stack: str, terms: Terms, *, leave_messages: bool) -> Destroyed:
    """Delete a stack, and return what stays.

    Raises:
        DeploymentError: it is protected, or others import from it, or messages are in its queue; or it fails.
    """
    now = _without_pending(means, at_rest(means, stack))
    means.journal.settle(now)
    if now.status is None:
        means.say(f"{stack}: there is no such stack, so nothing to delete")
        return Destroyed(stack=stack, is_changed=False)
    template = parse_template(now.template, f"{stack} as deployed") if now.template else None
    flow = flow_of(now, template) if template else None
    removed = _removed(now, template) if template else []
    _check(means.aws, now, removed, flow)
    for line in _fates(now, removed):
        means.say(line)
    if not terms.consent(f"{stack}: delete it?"):
        raise DeploymentError(f"{stack}: not confirmed, so nothing was deleted")
    retained = _recorded(means, now, terms, flow, leave_messages=leave_messages)
    messages = count_messages(means.aws, flow.queue) if flow else None
    if messages and messages.waiting + messages.in_flight:
        means.say(f"{stack}: {messages} stay in the queue; the next deployment takes them, within 14 days")
    return Destroyed(
        stack=stack,
        is_changed=True,
        retained=retained,
        messages=messages.waiting + messages.in_flight if messages else None,
    )


def _recorded(
    means: Means, now: Situation, terms: Terms, flow: Flow | None, *, leave_messages: bool
) -> tuple[Retained, ...]:
    """Bring a stack to rest and delete it, with a record of it from before the pipe is paused."""
    earlier = means.journal.interrupted(Operation.DESTROY)
    content = Content(template=now.template or "", parameters=now.parameters)
    record = means.journal.begin(new_id(), Operation.DESTROY, content)
    for each in earlier:
        means.journal.end(each, is_done=False)
    try:
        if flow:
            bring_to_rest(means, flow, leave_messages=leave_messages, is_paused_by_us=bool(earlier))
        retained = _delete(means, now, terms)
    except DeploymentError:
        if record:
            means.journal.end(record, is_done=False)
        raise
    if record:
        means.journal.end(record, is_done=True, retained=retained)
    return retained


def _delete(means: Means, now: Situation, terms: Terms) -> tuple[Retained, ...]:
    since = last_event(means.aws, now.stack_id)
    role = {"RoleARN": terms.environment.role_arn} if terms.environment.role_arn else {}
    with going_on(means, now.name, "goes on to delete the stack"):
        means.aws.client("cloudformation").delete_stack(StackName=now.stack_id, **role)
        ended = follow_telling(means, now.stack_id, since, len(now.resources))
    if not ended.is_done:
        raise failure(now.name, "could not be deleted", ended, None)
    return tuple(left_by(means.aws, now.stack_id))


def _without_pending(means: Means, now: Situation) -> Situation:
    """Remove change sets that nothing has executed; a stack that has nothing else goes with them."""
    for name in now.pending:
        change_set = ChangeSet(arn=name, stack=now.name, stack_id=now.stack_id, kind=Kind.UPDATE, effects=())
        change_sets.remove(means.aws, change_set)
    return now if now.is_live else at_rest(means, now.name)


def _check(aws: Aws, now: Situation, removed: list[Removed], flow: Flow | None) -> None:
    """Raise DeploymentError for what forbids to delete a stack."""
    if now.is_protected:
        raise DeploymentError(
            f"{now.name}: is protected against deletion, so nothing was deleted; set termination_protection = false in "
            "ceap.toml, deploy, and run this command again"
        )
    importers = sorted({stack for export in now.exports for stack in read_importers(aws, export)})
    if importers:
        raise DeploymentError(
            f"{now.name}: its exports are in use by {', '.join(importers)}, so nothing was deleted; first destroy what "
            "uses them"
        )
    lost = [each.subject.logical_id for each in removed if now.resources.get(each.subject.logical_id) == _queue(flow)]
    fates = {each.subject.logical_id: each.fate for each in removed}
    if flow and any(fates[name] is not Fate.KEPT for name in lost):
        messages = count_messages(aws, flow.queue)
        if messages.waiting + messages.in_flight:
            raise DeploymentError(
                f"{now.name}: {messages} in {flow.queue}, which is deleted with the stack, so nothing was; wait until "
                "they are processed, or deploy it with DeletionPolicy RetainExceptOnCreate first"
            )


def _queue(flow: Flow | None) -> str | None:
    return flow.queue if flow else None


def _removed(now: Situation, template: Template) -> list[Removed]:
    diff = compare(template, None, old_parameters=now.parameters, name=now.name)
    return [each for each in diff.changes if isinstance(each, Removed) and each.subject.logical_id in now.resources]


def _fates(now: Situation, removed: list[Removed]) -> Iterator[str]:
    """Yield what stays, and which data goes."""
    stays = [each.subject for each in removed if each.fate is Fate.KEPT]
    lost = [each.subject for each in removed if each.fate is Fate.DELETED and each.subject.is_stateful]
    yield f"{now.name}: {plural(len(removed) - len(stays), 'resource')} would be deleted, {len(stays)} stay"
    yield from (f"  stays    {each.logical_id} ({each.type})" for each in stays)
    yield from (f"  deleted  {each.logical_id} ({each.type}) with its data" for each in lost)
