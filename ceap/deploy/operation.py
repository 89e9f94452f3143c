"""An operation that CloudFormation does on a stack: what it is done with, how it is followed, and how it fails."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, NamedTuple

from ceap.aws.pace import Pace
from ceap.aws.session import Aws
from ceap.ceap_toml import Environment
from ceap.cfn.template import Template
from ceap.deploy.causes import Cause, first_cause, plain
from ceap.deploy.journal import Journal
from ceap.deploy.plan import Situation, is_busy
from ceap.deploy.progress import Ended, Event, Progress, follow
from ceap.deploy.situation import read_situation
from ceap.errors import CommandError
from ceap.signals import Stopped


class DeploymentError(CommandError):
    """A deployment was refused, or failed; `cause` is the first one, where CloudFormation has got so far."""

    def __init__(self, message: str, cause: Cause | None = None) -> None:
        super().__init__(message)
        self.cause: Final = cause


class Terms(NamedTuple):
    """Under which terms stacks are changed: `consent` asks, and raises UsageError where nobody can be asked."""

    environment: Environment
    allow_replacement: bool
    consent: Callable[[str], bool]


class Means(NamedTuple):
    """What a stack is changed with; `say` tells a line about it."""

    aws: Aws
    journal: Journal
    say: Callable[[str], None]
    pace: Pace


def failure(stack: str, what: str, ended: Ended, template: Template | None) -> DeploymentError:
    """Return the error of an operation that failed, with its first cause."""
    cause = first_cause(ended.events, template)
    reason = str(cause) if cause else plain(ended.reason) or "CloudFormation gives no reason"
    return DeploymentError(f"{stack} {what} ({ended.status}): {reason}", cause)


def at_rest(means: Means, stack: str) -> Situation:
    """Wait until no operation runs on a stack, and return what there is of it."""
    while is_busy((now := read_situation(means.aws, stack)).status):
        wait(means, now)
    return now


def wait(means: Means, now: Situation) -> None:
    """Wait until the operation that runs on a stack has ended."""
    means.say(f"{now.name} is {now.status}: waiting for that to end")
    with going_on(means, now.name, "goes on"):
        follow_telling(means, now.stack_id, None, None)


def follow_telling(means: Means, stack_id: str, since: str | None, total: int | None) -> Ended:
    """Wait until the operation on a stack has ended, and tell of each resource; `since` as for `follow`."""
    progress = Progress(total)

    def tell(event: Event) -> None:
        if line := progress.take(event):
            means.say(line)

    return follow(means.aws, stack_id, since, tell, means.pace, is_begun=since is None)


@contextmanager
def going_on(means: Means, stack: str, what: str) -> Iterator[None]:
    """Tell, when a signal ends this call, what CloudFormation does without it."""
    try:
        yield
    except (KeyboardInterrupt, Stopped):
        means.say(f"{stack}: CloudFormation {what}; the same command follows it, and does the rest")
        raise
